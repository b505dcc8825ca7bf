using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Probes;
using NUnit.Framework;

namespace Emperor.Tests.Probes;

/// <summary>Readiness by HTTP, by a command, by time; and health.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class HealthTests : IDisposable
{
    private const string Vassal = "a.ini";

    // Answers what the file "answer" holds, each time anew; and writes down the requests.
    private const string Server =
        AcceptTests.Prelude
        + """
            while True:
                c, _ = l.accept()
                head = b''
                while b'\r\n\r\n' not in head:
                    got = c.recv(4096)
                    if not got: break
                    head += got
                if head:
                    with open('requests', 'ab') as f: f.write(head)
                    with open('answer', 'rb') as f: answer = f.read()
                    if answer == b'silence': time.sleep(600)
                    c.sendall(answer.replace(b'\n', b'\r\n'))
                c.close()
            """;

    private static readonly ReadyRule Http = new(ReadyWay.Http) { Path = "/ready?a=b c" };

    private readonly ProbeRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [TestCase("path")]
    [TestCase("tcp4")]
    public void A_program_is_ready_when_it_answers_well_by_http(string kind)
    {
        Answer("HTTP/1.1 503 Not Yet\n\nlater");
        var socket = kind == "path" ? _rig.HoldPath(Vassal) : HoldTcp();
        _rig.Python(Vassal, 1, Server, [socket]);
        _rig.AwaitReady(Vassal, 1, Http);
        _rig.Until(() => _rig.ProblemOf(Vassal, 1) == "GET /ready?a=b c: 503", "503 is not seen");
        _rig.Never(() => _rig.Told.Count > 0, "503 is ready", 300);
        Answer("HTTP/1.0 302 Found\nLocation: /\n\n");
        _rig.Until(() => _rig.IsReady(Vassal, 1), "302 is not ready");
        var request = File.ReadAllText(_rig.Folder.PathOf("requests"));
        Assert.That(request, Does.StartWith("GET /ready?a=b%20c HTTP/1.1\r\nHost: "));
        Assert.That(request, Does.Contain("\r\nConnection: close\r\n"));
    }

    [TestCase("nonsense\n")]
    [TestCase("")]
    [TestCase("HTTP/1.1 200")]
    public void What_is_no_answer_by_http_is_not_ready(string answer)
    {
        Answer(answer);
        _rig.Python(Vassal, 1, Server, [_rig.HoldPath(Vassal)]);
        _rig.AwaitReady(Vassal, 1, Http);
        _rig.Until(() => _rig.ProblemOf(Vassal, 1) is not null, "nothing is seen");
        _rig.Never(() => _rig.Told.Count > 0, "it is ready", 300);
    }

    [Test]
    public void A_long_answer_is_read_to_its_bound()
    {
        Answer("HTTP/1.1 200 OK\n\n" + new string('x', 300_000));
        _rig.Python(Vassal, 1, Server, [_rig.HoldPath(Vassal)]);
        _rig.AwaitReady(Vassal, 1, Http);
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it is not ready");
    }

    [Test]
    public void An_answer_of_the_old_generation_does_not_make_the_new_one_ready()
    {
        Answer("HTTP/1.1 200 OK\n\n");
        var socket = _rig.HoldPath(Vassal);
        _rig.Python(Vassal, 1, Server, [socket]);
        _rig.AwaitReady(Vassal, 1, Http);
        _rig.Until(() => _rig.IsReady(Vassal, 1), "the first is not ready");
        _rig.Python(Vassal, 2, AcceptTests.Prelude + "time.sleep(600)", [socket]);
        _rig.AwaitReady(Vassal, 2, Http);
        _rig.Never(() => _rig.IsReady(Vassal, 2), "the new one is ready because of the old one");
    }

    [Test]
    public void A_program_is_ready_when_a_command_has_ended_well()
    {
        _rig.Start(Vassal, 1, ["/bin/sleep", "600"], []);
        var pid = Pid(1);
        // What it sees of its vassal is what is written; it fails until there is a file.
        string[] words = ["sh", "-c", "echo $EMPEROR_VASSAL $MAINPID $PWD $OWN $NOTIFY_SOCKET > seen; echo still missing; test -e go"];
        var plan = _rig.Plan with
        {
            Ready = new ReadyRule(ReadyWay.Exec) { Command = words },
            Environment = ["OWN=1"],
        };
        _rig.Desk.Begin(new Effect.AwaitReady(Vassal, 1, plan), Environment.TickCount64);
        _rig.Until(() => _rig.ProblemOf(Vassal, 1) == "sh: exit 1: still missing", "its failure is not seen");
        Assert.That(File.ReadAllText(_rig.Folder.PathOf("seen")), Is.EqualTo($"a.ini {pid} {_rig.Folder.Path} 1\n"));
        _rig.Folder.Write("go", "");
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it is not ready");
        Assert.That(_rig.Desk.CommandsNow, Is.Zero);
    }

    [Test]
    public void A_command_runs_as_the_user_of_its_vassal()
    {
        _rig.Start(Vassal, 1, ["/bin/sleep", "600"], []);
        var plan = _rig.Plan with
        {
            Folder = "/",
            User = "nobody",
            Ready = new ReadyRule(ReadyWay.Exec) { Command = ["sh", "-c", "id -un; id -gn; false"] },
        };
        _rig.Desk.Begin(new Effect.AwaitReady(Vassal, 1, plan), Environment.TickCount64);
        _rig.Until(() => _rig.ProblemOf(Vassal, 1) == "sh: exit 1: nogroup", "it runs as another");
    }

    [Test]
    public void A_command_that_is_not_there_is_told_of()
    {
        _rig.Start(Vassal, 1, ["/bin/sleep", "600"], []);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Exec) { Command = ["/no/such/program"] });
        _rig.Until(
            () => _rig.ProblemOf(Vassal, 1)?.Contains("no program /no/such/program", StringComparison.Ordinal) == true,
            "it is not told"
        );
    }

    [Test]
    public void After_some_time_it_is_ready()
    {
        _rig.Start(Vassal, 1, ["/bin/sleep", "600"], []);
        var started = Environment.TickCount64;
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.After) { Delay = 300 });
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it is not ready");
        Assert.That(Environment.TickCount64 - started, Is.GreaterThanOrEqualTo(300));
    }

    [Test]
    public void So_many_failed_checks_in_a_row_are_told_with_what_was_seen()
    {
        Answer("HTTP/1.1 200 OK\n\n");
        _rig.Python(Vassal, 1, Server, [_rig.HoldPath(Vassal)]);
        Check(
            new HealthRule
            {
                Path = "/health",
                Interval = 50,
                Timeout = 20_000,
                Failures = 3,
            }
        );
        _rig.Until(() => Requests() >= 5, "it is not checked");
        Answer("HTTP/1.1 500 Oh\n\n");
        var before = Requests();
        _rig.Until(() => _rig.Told.Count > 0, "it is not told");
        Assert.That(_rig.Told.Single().Event, Is.EqualTo(new VassalEvent.Unwell(1, "the last 3 checks failed: GET /health: 500")));
        Assert.That(Requests() - before, Is.InRange(2, 4));
        var after = Requests();
        _rig.Never(() => Requests() > after, "it is checked after that", 300);
    }

    [Test]
    public void A_good_check_makes_good_those_before_it()
    {
        _rig.Start(Vassal, 1, ["/bin/sleep", "600"], []);
        // Fails twice of three times.
        string[] words = ["sh", "-c", "echo >> runs; test $(($(wc -l < runs) % 3)) = 0"];
        Check(
            new HealthRule
            {
                Command = words,
                Interval = 10,
                Timeout = 20_000,
                Failures = 3,
            }
        );
        _rig.Until(
            () => File.Exists(_rig.Folder.PathOf("runs")) && File.ReadAllLines(_rig.Folder.PathOf("runs")).Length > 9,
            "it is not checked"
        );
        Assert.That(_rig.Told, Is.Empty);
    }

    [Test]
    public void A_program_that_does_not_answer_in_time_is_unwell()
    {
        Answer("silence");
        _rig.Python(Vassal, 1, Server, [_rig.HoldPath(Vassal)]);
        AwaitServing();
        Check(
            new HealthRule
            {
                Path = "/",
                Interval = 10,
                Timeout = 3_000,
                Failures = 1,
            }
        );
        _rig.Until(() => _rig.Told.Count > 0, "it is not told");
        Assert.That(_rig.Told.Single().Event, Is.EqualTo(new VassalEvent.Unwell(1, "a check failed: GET /: no answer in time")));
    }

    [Test]
    public void A_program_that_accepts_no_more_is_unwell()
    {
        _rig.Python(Vassal, 1, AcceptTests.Prelude + "time.sleep(600)", [_rig.HoldPath(Vassal)]);
        Check(
            new HealthRule
            {
                Path = "/",
                Interval = 10,
                Timeout = 200,
                Failures = 2,
            }
        );
        _rig.Until(() => _rig.Told.Count > 0, "it is not told");
        Assert.That(
            _rig.Told.Single().Event,
            Is.EqualTo(new VassalEvent.Unwell(1, "the last 2 checks failed: GET /: no connection is accepted"))
        );
    }

    [Test]
    public void A_command_that_takes_too_long_is_killed_with_all_that_it_has_started()
    {
        _rig.Start(Vassal, 1, ["/bin/sleep", "600"], []);
        Check(
            new HealthRule
            {
                Command = ["sh", "-c", "sleep 601 & echo $! > child; echo begun; wait"],
                Interval = 10,
                Timeout = 3_000,
                Failures = 1,
            }
        );
        _rig.Until(() => _rig.Told.Count > 0, "it is not told");
        Assert.That(
            _rig.Told.Single().Event,
            Is.EqualTo(new VassalEvent.Unwell(1, "a check failed: sh: not ended after 3 s, and killed: begun"))
        );
        var child = int.Parse(File.ReadAllText(_rig.Folder.PathOf("child")), CultureInfo.InvariantCulture);
        Assert.That(() => ProcFs.Stat(child) is null or { State: 'Z' }, Is.True.After(60_000, 10));
    }

    [Test]
    public void Many_commands_run_a_few_at_a_time_and_end_with_their_vassals()
    {
        const int many = 100;
        for (var i = 0; i < many; i++)
        {
            _rig.Start($"{i}.ini", 1, ["/bin/sleep", "600"], []);
            _rig.AwaitReady($"{i}.ini", 1, new ReadyRule(ReadyWay.Exec) { Command = ["sh", "-c", "echo >> runs; sleep 0.05"] });
        }
        var most = 0;
        var began = Environment.TickCount64;
        _rig.Until(
            () =>
            {
                most = Math.Max(most, _rig.Desk.CommandsNow);
                return _rig.Told.Count >= many / 2;
            },
            "they are not ready"
        );
        // On a machine that stands still some seconds they may take longer than their turns, and so many others begin beside them for each.
        var turns = 1 + ((Environment.TickCount64 - began) / CommandProbes.LongestTurn);
        Assert.That(most, Is.InRange(CommandProbes.MostAtOnce, CommandProbes.MostAtOnce * turns));
        for (var i = 0; i < many; i++)
            _rig.Desk.End($"{i}.ini", 1);
        Assert.That(_rig.Desk.CommandsNow, Is.Zero);
    }

    [Test]
    public void One_vassal_with_many_long_commands_holds_up_no_other()
    {
        // So many that it would take five turns, of three seconds each, until they all run.
        const int many = 80;
        var now = Environment.TickCount64;
        var rule = new HealthRule
        {
            Command = ["sleep", "600"],
            Interval = 0,
            Timeout = 600_000,
        };
        for (var i = 1; i <= many; i++)
        {
            _rig.Start(Vassal, i, ["/bin/sleep", "600"], []);
            _rig.Desk.Begin(new Effect.CheckHealth(Vassal, i, _rig.Plan with { Health = rule }), now);
        }
        _rig.Until(() => _rig.Desk.CommandsNow == CommandProbes.MostAtOnce, "they do not run");
        _rig.Start("other.ini", 1, ["/bin/sleep", "600"], []);
        _rig.AwaitReady("other.ini", 1, new ReadyRule(ReadyWay.Exec) { Command = ["true"] });
        _rig.Until(() => _rig.Told.Count > 0, "the other one is not ready");
        Assert.That(_rig.Told.Single(), Is.EqualTo(("other.ini", (VassalEvent)new VassalEvent.BecameReady(1))));
        Assert.That(_rig.Desk.CommandsNow, Is.LessThan(many), "it is before those that came earlier");
    }

    [Test]
    public void An_end_while_a_check_runs_is_the_end_of_it()
    {
        Answer("silence");
        _rig.Python(Vassal, 1, Server, [_rig.HoldPath(Vassal)]);
        AwaitServing();
        Check(
            new HealthRule
            {
                Path = "/",
                Interval = 10,
                Timeout = 2_000,
                Failures = 1,
            }
        );
        _rig.Until(() => Requests() > 0, "it is not checked");
        _rig.Desk.End(Vassal, 1);
        Assert.That(_rig.Desk.NextDue, Is.Null, "nothing is waited for");
        _rig.Never(() => _rig.Told.Count > 0, "it is told", 3_000);
    }

    // A program takes its time to begin, which is not the time that its answers are given.
    private void AwaitServing()
    {
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it does not serve");
        _rig.Told.Clear();
    }

    private void Check(HealthRule rule) =>
        _rig.Desk.Begin(new Effect.CheckHealth(Vassal, 1, _rig.Plan with { Health = rule }), Environment.TickCount64);

    private void Answer(string text)
    {
        // Whole at once: the program reads it when it likes.
        var path = _rig.Folder.Write("answer.new", text);
        File.Move(path, _rig.Folder.PathOf("answer"), overwrite: true);
    }

    private int Requests() =>
        File.Exists(_rig.Folder.PathOf("requests")) ? File.ReadAllText(_rig.Folder.PathOf("requests")).Split("GET ").Length - 1 : 0;

    private SafeFd HoldTcp() => _rig.Hold(Vassal, SocketName.OfInternet(System.Net.IPAddress.Loopback, 0), "127.0.0.1:0");

    private int Pid(int incarnation) => _rig.PidOf(Vassal, incarnation);
}
