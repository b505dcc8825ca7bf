using Emperor.Core;
using Emperor.Core.Control;
using Emperor.Core.Programs;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using Emperor.Tests.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Control;

/// <summary>What is told of programs: their state, their processes, what they were launched with, and what has come of orders.</summary>
[TestFixture]
public sealed class ProgramTextTests
{
    private static readonly ProgramPlan Two = ProgramPatient.Blog with { Processes = 2, LaunchDigest = "two" };

    private static readonly ProgramPlan Full = ProgramPatient.Blog with
    {
        Exec = ["/usr/bin/gunicorn", "--bind", "fd://%(fd:blog)", "a b"],
        User = "blog",
        Group = "www-data",
        Umask = 23,
        Environment = ["SECRET=hunter2"],
        Health = new HealthRule { Path = "/ping" },
        After = ["db.ini"],
        Restart = RestartRule.OnFailure,
        Limits = new LimitRules
        {
            MemoryMax = 300 << 20,
            CpuMax = 1500,
            Nice = 5,
            NoNewPrivileges = true,
        },
    };

    [Test]
    public void A_program_that_runs_has_its_copies_and_its_own_words()
    {
        var patient = new ProgramPatient().Runs(Two).Says(2, new Notification { Status = "12 requests" });
        var view = ViewOf(patient);
        Assert.That(
            (view.Kind, view.State, view.Well, view.Copies, view.CopiesReady, view.StatusText),
            Is.EqualTo(("program", "ready", true, 2, 2, "12 requests"))
        );
        Assert.That(StatusTable.Why(view), Is.EqualTo("2 processes; 12 requests"));
        Assert.That(StatusTable.ToneOf(view), Is.EqualTo(Tone.Good));
    }

    [Test]
    public void A_copy_that_fails_is_told_and_forgotten_when_it_is_back()
    {
        var patient = new ProgramPatient().Runs(Two).Exits(2, 1);
        Assert.That(ViewOf(patient).CopiesReady, Is.EqualTo(1));
        Assert.That(ViewOf(patient).Well, Is.False);
        Assert.That(StatusTable.Why(ViewOf(patient)), Is.EqualTo("1 of 2 processes are ready: one of its 2 processes has ended: exit 1"));
        patient.Spawns().IsReady(3);
        Assert.That(ViewOf(patient).CopiesReady, Is.EqualTo(2));
        Assert.That(ViewOf(patient).Reason, Is.EqualTo("it is ready"));
    }

    [Test]
    public void What_was_last_seen_is_the_reason_of_a_start_that_is_not_ready_and_of_its_failure()
    {
        var patient = new ProgramPatient().IsFile(ProgramPatient.Blog).Listens().Spawns();
        patient.Takes(new VassalEvent.NotReady(1, "GET /: 503"));
        Assert.That(ViewOf(patient).Reason, Does.EndWith("; not ready yet: GET /: 503"));
        patient.After(ProgramPatient.Blog.ReadyTimeout);
        Assert.That(patient.State.LastEnd, Is.EqualTo("it was not ready in 5 s (GET /: 503)"));
        patient.Exits(1);
        Assert.That(patient.State.Members.Single().Problem, Is.Empty, "the next one begins anew");
    }

    [Test]
    public void A_failed_reload_is_not_well_and_says_what_can_be_done()
    {
        var patient = new ProgramPatient().Runs(ProgramPatient.Blog);
        patient.IsFile(Full).Listens().Spawns().Exits(2, 3);
        var view = ViewOf(patient);
        Assert.That(
            (view.State, view.Well, view.FailedReload),
            Is.EqualTo(("ready", false, "the new process ended before it was ready: exit 3"))
        );
        Assert.That(Explanation.Advice(SnapshotOf(patient)), Does.Contain("emperor logs blog.ini").And.Contains("emperor reload blog.ini"));
        Assert.That(Explanation.Next(SnapshotOf(patient)), Does.Contain("serves on"));
    }

    [TestCase(OrderKind.Restart, "ready again after 2.0 s (pids 103, 104)")]
    [TestCase(OrderKind.Reload, "ready again after 2.0 s (pids 103, 104)")]
    [TestCase(OrderKind.Start, "it runs already (pids 101, 102)")]
    public void An_order_is_done_when_all_copies_are_ready(OrderKind order, string text)
    {
        var patient = new ProgramPatient().Runs(Two);
        var watch = new OrderWatch(order, patient.State, patient.Now, 60_000);
        patient.Takes(new VassalEvent.Ordered(order));
        for (var i = 0; i < 2 && order != OrderKind.Start; i++)
        {
            Assert.That(watch.Judge(patient.State, patient.Now), Is.Null);
            patient.After(1_000);
            if (order == OrderKind.Reload)
            {
                if (i == 0)
                    patient.Listens();
                patient.Spawns().IsReady(i + 3).Exits(i + 1);
            }
            else if (i == 0)
                patient.Exits(1).Exits(2).Listens().Spawns();
            else
                patient.IsReady(3).IsReady(4);
        }
        var outcome = watch.Judge(patient.State, patient.Now)!;
        Assert.That((outcome.IsWell, outcome.Text), Is.EqualTo((true, text)));
    }

    [Test]
    public void A_slow_start_is_waited_for_as_long_as_its_file_allows()
    {
        var slow = ProgramPatient.Blog with { ReadyTimeout = 120_000 };
        var patient = new ProgramPatient().IsFile(slow).Takes(new VassalEvent.Ordered(OrderKind.Stop));
        Assert.That(OrderWatch.PatienceFor(patient.State, 60_000), Is.GreaterThan(120_000));
        var watch = new OrderWatch(OrderKind.Start, patient.State, patient.Now, OrderWatch.PatienceFor(patient.State, 60_000));
        patient.Takes(new VassalEvent.Ordered(OrderKind.Start)).Listens().Spawns().After(100_000);
        Assert.That(watch.Judge(patient.State, patient.Now), Is.Null, "that it lives says nothing");
        Assert.That(watch.Judge(patient.IsReady(1).State, patient.Now)!.Text, Is.EqualTo("ready after 100.0 s (pid 101)"));
    }

    [Test]
    public void A_signal_is_all_that_is_known_of_a_reload_by_signal()
    {
        var patient = new ProgramPatient().Runs(ProgramPatient.Blog with { Reload = ReloadWay.Signal, ReloadSignal = 1 });
        var watch = new OrderWatch(OrderKind.Reload, patient.State, patient.Now, 60_000);
        patient.Takes(new VassalEvent.Ordered(OrderKind.Reload));
        Assert.That(watch.Judge(patient.State, patient.Now)!.Text, Is.EqualTo("told to reload by SIGHUP (pid 101); it does so by itself"));
    }

    [Test]
    public void The_words_of_a_plan_tell_all_of_it_and_no_secret()
    {
        Assert.That(PlanWords.Command(Full), Is.EqualTo(new[] { "/usr/bin/gunicorn", "--bind", "fd://3", "a b" }));
        Assert.That(PlanWords.Account(Full), Is.EqualTo("user blog, group www-data, umask 027"));
        Assert.That(PlanWords.Sockets(Full), Is.EqualTo(new[] { "/run/blog.sock is descriptor 3, named blog, mode 666" }));
        Assert.That(
            PlanWords.Limits(Full.Limits),
            Is.EqualTo(new[] { "memory 300M at most", "150 % of a processor", "nice 5", "no new privileges" })
        );
        Assert.That(PlanWords.Additions(Full), Is.EqualTo(new[] { "LISTEN_FDS=1", "LISTEN_FDNAMES=blog", "LISTEN_PID=(its own)" }));
        var rules = PlanWords.Rules(Full).ToDictionary(r => r.Name, r => r.Text);
        Assert.That(rules.Keys, Is.EqualTo(new[] { "ready", "reload", "stop", "restart", "health", "after" }));
        Assert.That(rules["ready"], Is.EqualTo("when it accepts connections on /run/blog.sock; within 5s, else the start has failed"));
        Assert.That(rules["stop"], Is.EqualTo("by SIGTERM, killed after 3s"));
        Assert.That(rules["health"], Does.StartWith("GET /ping over /run/blog.sock every 10s"));
        Assert.That(string.Join('\n', rules.Values), Does.Not.Contain("hunter2"));
    }

    [Test]
    public void Each_phase_of_a_program_has_words_for_what_comes_next()
    {
        var patient = new ProgramPatient().IsFile(Two);
        Assert.That(Next(patient), Is.EqualTo("it is started when its sockets are open"));
        Assert.That(Next(patient.Listens().Spawns()), Does.StartWith("it is waited for until it is ready; when it is not within 5 s"));
        Assert.That(Next(patient.IsReady(1).IsReady(2)), Does.StartWith("it runs on"));
        Assert.That(Next(patient.IsFile(Two with { LaunchDigest = "new" }).Listens()), Does.StartWith("copy 1 of 2 takes over"));
        Assert.That(Next(patient.Takes(new VassalEvent.Ordered(OrderKind.Stop))), Does.Contain("killed in"));
    }

    [Test]
    public void Who_waits_for_one_that_has_failed_is_not_waited_for()
    {
        var held = new VassalState
        {
            Name = "blog.ini",
            Phase = Phase.Held,
            Plan = Full,
        };
        var failed = new VassalState { Name = "db.ini", Phase = Phase.Backoff };
        var watch = new ReadyWatch(ReadyPolicy.Settled, 60_000);
        watch.Begin(["blog.ini", "db.ini"], 0);
        var vassals = new Dictionary<string, VassalState> { ["blog.ini"] = held, ["db.ini"] = failed with { Phase = Phase.Starting } };
        Assert.That(watch.Judge(vassals, 1), Is.EqualTo(ReadyVerdict.Waiting));
        vassals["db.ini"] = failed;
        Assert.That(watch.Judge(vassals, 2), Is.EqualTo(ReadyVerdict.Ready));
        Assert.That(watch.Failed, Is.EquivalentTo(new[] { "blog.ini", "db.ini" }));
        Assert.That(StatusLine.Of([held], 60_000, 60_000), Does.EndWith("1 not running: blog.ini (waits for db.ini)"));
        Assert.That(StatusLine.Of([held], 1_000, 60_000), Does.Not.Contain("not running"));
    }

    private static VassalView ViewOf(ProgramPatient patient) => VassalView.Of(SnapshotOf(patient));

    private static string Next(ProgramPatient patient) => Explanation.Next(SnapshotOf(patient));

    private static VassalSnapshot SnapshotOf(ProgramPatient patient) =>
        new(patient.State, new VassalPolicy(), new Instant(patient.Now, 1_700_000_000_000 + patient.Now));
}
