using System.Diagnostics;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>The end of the emperor, in order and out of it, and its other signals.</summary>
internal sealed class RagnarokTests : EmperorTest
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(3);

    [TestCase(Native.Terminate, "SIGTERM")]
    [TestCase(Native.Interrupt, "SIGINT")]
    [TestCase(Native.Quit, "SIGQUIT")]
    public void A_signal_to_leave_stops_all_and_nothing_is_left(int signal, string name)
    {
        Write("a.ini", "fork 2", "accept");
        Write("b.ini", "daemon 1", "accept", "loyal");
        Write("c.ini", "daemon-clearenv 1", "accept");
        Write("dead.ini", "exit 1");
        var daemon = Start();
        foreach (var vassal in (string[])["a.ini", "b.ini", "c.ini"])
            daemon.AwaitAccepting(vassal);
        daemon.Signal(signal);
        Assert.That(daemon.AwaitEnd(), Is.Zero, "the exit code");
        Assert.That(Descendants(), Is.Empty, "left when the emperor had ended");
        daemon.Await(name);
        foreach (var vassal in (string[])["a.ini", "b.ini", "c.ini"])
            Journal.AwaitStop(vassal);
        daemon.Await("the emperor is buried");
    }

    [TestCase("INT")]
    [TestCase("QUIT")]
    public void A_signal_that_was_ignored_at_the_start_is_obeyed_all_the_same(string name)
    {
        // So it is for whatever a script starts in its background.
        var daemon = Launch(
            new EmperorStart
            {
                Before = ["env", $"--ignore-signal={name}"],
                Arguments = ["--emperor", Vassals],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitGoverning();
        daemon.Signal(name == "INT" ? Native.Interrupt : Native.Quit);
        Assert.That(daemon.AwaitEnd(), Is.Zero);
    }

    [Test]
    public void An_emperor_without_vassals_leaves_at_once()
    {
        // The best of a few, because the machine may have other things to do; far below the half minute that it has for vassals.
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 5 && best > AtOnce; round++)
        {
            var daemon = Start();
            var clock = System.Diagnostics.Stopwatch.StartNew();
            Assert.That(daemon.Stop(), Is.Zero);
            best = clock.Elapsed < best ? clock.Elapsed : best;
        }
        Assert.That(best, Is.LessThan(AtOnce));
    }

    [Test]
    public void One_that_ignores_the_order_delays_nobody_and_is_killed_when_mercy_ends()
    {
        Write("a.ini", "ignore-stop", "accept");
        Write("z.ini", "accept");
        var daemon = StartWith("a.ini", "--reload-mercy", "8");
        daemon.AwaitAccepting("z.ini");
        var clock = Stopwatch.StartNew();
        daemon.Signal(Native.Terminate);
        Journal.AwaitStop("z.ini");
        daemon.AwaitVassal("a.ini", "SIGKILL to pid");
        Assert.That(clock.Elapsed, Is.GreaterThan(TimeSpan.FromSeconds(7.9)), "mercy ended early");
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        var told = Journal.Lines.Where(l => l is { Event: "byte", Detail: "0" }).ToDictionary(l => l.Vassal, l => l.At);
        Assert.That(Math.Abs(told["a.ini"] - told["z.ini"]), Is.LessThan(5_000_000_000), "nanoseconds between the two orders");
    }

    [Test]
    public void A_second_signal_ends_mercy()
    {
        Write("a.ini", "ignore-stop", "fork 1", "accept");
        var daemon = StartWith("a.ini", "--reload-mercy", "600");
        daemon.Signal(Native.Terminate);
        Journal.Await("a.ini", "byte", "0");
        daemon.Signal(Native.Interrupt);
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        daemon.AwaitVassal("a.ini", "SIGKILL to pid");
    }

    [Test]
    public void Nothing_is_started_after_the_end_has_begun()
    {
        Write("a.ini", "ignore-stop", "accept");
        Write("b.ini", "accept");
        var daemon = StartWith("a.ini", "--reload-mercy", "1");
        // A process may write down its start some time after it was started.
        daemon.AwaitAccepting("b.ini");
        daemon.Signal(Native.Terminate);
        daemon.Await("told to leave");
        var mark = Journal.Mark;
        Write("c.ini");
        Write("b.ini", "accept");
        daemon.AwaitEnd();
        Assert.That(Journal.Lines.Skip(mark).Where(l => l.Event == "start"), Is.Empty);
    }

    [Test]
    public void SIGHUP_reloads_all_a_few_at_a_time()
    {
        const int count = 14;
        var atOnce = Math.Max(2, 2 * Environment.ProcessorCount);
        for (var i = 0; i < count; i++)
            Write($"v{i}.ini", "reload-delay 150", "accept");
        var daemon = Start();
        for (var i = 0; i < count; i++)
            daemon.AwaitAccepting($"v{i}.ini");
        daemon.Signal(Native.Hangup);
        Wait.Until(() => Journal.Lines.Count(l => l.Event == "reload") == count, () => $"{Journal.Text()}\n{Logs()}");
        var (now, most) = (0, 0);
        foreach (var line in Journal.Lines.OrderBy(l => l.At))
        {
            now += line switch
            {
                { Event: "byte", Detail: "1" } => 1,
                { Event: "reload" } => -1,
                _ => 0,
            };
            most = Math.Max(most, now);
        }
        Assert.That(most, Is.InRange(1, Math.Min(atOnce, count - 1)), "reloads under way at one moment");
        daemon.Await($"all {count} vassals reload");
    }

    [Test]
    public void SIGUSR1_tells_the_state_of_every_vassal()
    {
        Write("loyal.ini", "accept", "loyal");
        Write("dead.ini", "exit 7");
        Write("empty.ini");
        File.WriteAllText($"{Vassals}/empty.ini", "");
        var daemon = Start("--emperor-throttle", "60000");
        daemon.AwaitVassal("loyal.ini", "is loyal");
        daemon.AwaitVassal("dead.ini", "next start in 60 s");
        daemon.AwaitVassal("empty.ini", "the file is empty");
        Assert.That(StateOf(daemon, "loyal.ini"), Does.Match(@"loyal, pid \d+, failures 0, deaths 0, reloads 0"));
        Assert.That(StateOf(daemon, "dead.ini"), Does.Match(@"backoff, failures 2, deaths 2.*exit 7"));
        Assert.That(StateOf(daemon, "empty.ini"), Does.Match(@"config-error.*empty"));
        daemon.Await("the emperor is governing 3 vassals");
    }

    [Test]
    public void When_the_emperor_is_killed_nothing_of_it_is_left()
    {
        Write("a.ini", "fork 3", "accept");
        Write("b.ini", "daemon 2", "accept", "loyal");
        Write("c.ini", "ignore-stop", "never-read", "accept");
        var daemon = Start();
        foreach (var vassal in (string[])["a.ini", "b.ini", "c.ini"])
            daemon.AwaitAccepting(vassal);
        Assert.That(Descendants(), Has.Count.EqualTo(8));
        daemon.Signal(Native.Kill);
        Wait.Until(
            () => Descendants().Count == 0,
            () => $"left: {string.Join(", ", Descendants().Select(p => $"{p} {ProcFs.CommandLine(p)}"))}"
        );
    }

    [Test]
    public void When_the_emperor_is_killed_daemons_that_have_wiped_their_environment_end_too()
    {
        Write("a.ini", "daemon-clearenv 2", "accept");
        var daemon = StartWith("a.ini");
        var daemons = Journal.Lines.Where(l => l.Event == "daemon").Select(l => l.Pid).ToList();
        Assert.That(daemons, Has.Count.EqualTo(2));
        // The emperor looks for them a second after their vassal has come up. There is no event for it: the guard's list is in its memory.
        var guard = daemon.NoteGuard();
        var sessions = daemons.Select(p => ProcFs.Stat(p)!.Value.Session).ToList();
        Wait.Until(
            () => File.ReadAllText($"/proc/{guard}/fd/4") is var list && sessions.All(s => list.Contains($" {s}\n")),
            () => $"the guard does not know of {string.Join(' ', sessions)}\n{Logs()}"
        );
        daemon.Signal(Native.Kill);
        Wait.Until(() => !daemons.Any(ProcFs.IsAlive), () => "they live after the emperor");
    }

    [Test]
    public void A_guard_that_is_killed_is_replaced_and_the_new_one_guards()
    {
        Write("a.ini", "fork 2", "daemon 1", "accept");
        var daemon = StartWith("a.ini");
        var old = daemon.NoteGuard();
        Native.Check(Native.Signal(old, Native.Kill), "kill");
        daemon.Await("WRN .*ends all vassals when the emperor is killed was ended");
        Wait.Until(() => daemon.NoteGuard() != old, () => Logs());
        daemon.Signal(Native.Kill);
        Wait.Until(() => Descendants().Count == 0, () => "left: " + string.Join(' ', Descendants()));
    }
}
