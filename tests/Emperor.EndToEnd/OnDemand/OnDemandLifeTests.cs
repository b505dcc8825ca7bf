using System.Diagnostics;
using System.Globalization;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.OnDemand;

/// <summary>From waiting to a process and back.</summary>
internal sealed class OnDemandLifeTests : OnDemandTest
{
    [Test]
    public void The_first_connection_starts_it_and_is_answered()
    {
        WriteServer("shop.ini");
        var daemon = StartInFolder();
        daemon.Await("the emperor is ready");
        Assert.That(Journal.Starts("shop.ini"), Is.Zero, Logs());
        Assert.That(StateOf(daemon, "shop.ini"), Does.Contain("on-demand"));
        var pid = Ask($"{Run}/shop.socket");
        Assert.That(Ask($"{Run}/shop.socket"), Is.EqualTo(pid));
        Assert.That(StateOf(daemon, "shop.ini"), Does.Contain($"on demand ({Run}/shop.socket)"));
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That($"{Run}/shop.socket", Does.Not.Exist);
    }

    [Test]
    public void It_stops_of_its_own_will_two_hundred_times_and_no_connection_is_lost()
    {
        const int turns = 200;
        Write("shop.ini", "serve 1", "accept");
        var daemon = StartInFolder();
        var pids = new HashSet<int>();
        for (var turn = 0; turn < turns; turn++)
            pids.Add(Ask($"{Run}/shop.socket"));
        Assert.That(pids, Has.Count.EqualTo(turns), "one process answered twice, though it leaves after one connection");
        Assert.That(Journal.Starts("shop.ini"), Is.EqualTo(turns), Logs());
        Assert.That(StateOf(daemon, "shop.ini"), Does.Contain("failures 0"));
    }

    [Test]
    public void Nothing_is_lost_between_a_death_and_the_next_life()
    {
        WriteServer("shop.ini", "loyal");
        var daemon = StartInFolder();
        for (var turn = 0; turn < 20; turn++)
        {
            var mark = daemon.Mark;
            var pid = Ask($"{Run}/shop.socket");
            Native.Check(Native.Signal(pid, Native.Stop), "kill");
            var waiting = Enumerable.Range(0, 10).Select(_ => Connect($"{Run}/shop.socket")).ToList();
            Native.Check(Native.Signal(pid, Native.Kill), "kill");
            Assert.That(waiting.Select(Answer), Has.None.EqualTo(pid));
            waiting.ForEach(w => w.Dispose());
            daemon.AwaitVassal("shop.ini", "has ended .signal 9", mark);
        }
    }

    [Test]
    public void One_that_crashes_does_not_spin_while_a_connection_waits()
    {
        var path = Write("shop.ini", "exit 1");
        var daemon = StartInFolder("--emperor-throttle", "60000");
        using var client = Connect($"{Run}/shop.socket");
        daemon.AwaitVassal("shop.ini", "failure 2, connections wait for 60 s");
        var cpu = daemon.Cpu;
        var clock = Stopwatch.StartNew();
        Wait.While(() => Journal.Starts("shop.ini") == 2, TimeSpan.FromSeconds(2), Logs);
        Assert.That(daemon.Cpu - cpu, Is.LessThan(clock.Elapsed.TotalSeconds / 4), "it works though it should wait");
        File.WriteAllText(path, Script("serve", "accept"));
        Assert.That(Answer(client), Is.Positive, "the connection that has waited all the time");
    }

    [Test]
    public void A_changed_file_is_taken_at_the_next_start_and_starts_nothing()
    {
        WriteServer("shop.ini");
        var daemon = StartInFolder();
        WriteServer("shop.ini", "print the new one");
        daemon.AwaitVassal("shop.ini", "the next connection starts it with that");
        Assert.That(Journal.Starts("shop.ini"), Is.Zero, Logs());
        _ = Ask($"{Run}/shop.socket");
        daemon.Await(@"^\[shop\.ini\] the new one$");
        Assert.That(Journal.Starts("shop.ini"), Is.EqualTo(1), Logs());
    }

    [Test]
    public void A_running_one_reloads_and_a_removed_one_is_gone_with_its_socket()
    {
        var path = WriteServer("shop.ini", "on-reload serve", "on-reload accept");
        var daemon = StartInFolder();
        var pid = Ask($"{Run}/shop.socket");
        daemon.AwaitAccepting("shop.ini");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(1));
        Journal.AwaitReload("shop.ini");
        Assert.That(Ask($"{Run}/shop.socket"), Is.EqualTo(pid));
        File.Delete(path);
        Journal.AwaitStop("shop.ini");
        Wait.Until(() => !File.Exists($"{Run}/shop.socket"), Logs);
    }

    [Test]
    public void Exile_closes_the_socket_until_the_file_changes()
    {
        Write("shop.ini", "exit 26");
        var daemon = StartInFolder();
        using (Connect($"{Run}/shop.socket"))
            daemon.AwaitVassal("shop.ini", "asks not to be started again");
        Wait.Until(() => !File.Exists($"{Run}/shop.socket"), Logs);
        WriteServer("shop.ini");
        // The file is there a moment before somebody listens.
        Wait.Until(() => daemon.Lines.Count(l => l.Contains("it waits for connections")) == 2, Logs);
        Assert.That(Ask($"{Run}/shop.socket"), Is.Positive);
    }

    // Alone, and without what others take of the processors: that is not its time. What it waits for otherwise is.
    [Test, NonParallelizable]
    public void Two_hundred_are_armed_in_under_a_second()
    {
        const int count = 200;
        for (var i = 0; i < count; i++)
            WriteServer($"v{i}.ini");
        // The best of a few, because the machine may have other things to do.
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 5 && best >= TimeSpan.FromSeconds(1); round++)
        {
            var daemon = Launch("--emperor", Vassals, "--emperor-on-demand-directory", Run);
            daemon.Await($"the emperor is governing {count} vassals");
            var armed = daemon.Lines.Where(l => l.Contains("on demand: it waits")).Select(At).ToList();
            Assert.That(armed, Has.Count.EqualTo(count));
            var ready = At(daemon.Await("the emperor is ready"));
            var delay = TimeSpan.FromSeconds(ProcFs.MainThreadDelay(daemon.Pid));
            using var process = Process.GetProcessById(daemon.Pid);
            var took = ready - process.StartTime - delay;
            TestContext.Out.WriteLine(
                $"{count} vassals were armed {took.TotalMilliseconds:0} ms after the start, without {delay.TotalMilliseconds:0} ms of others"
            );
            best = took < best ? took : best;
            Assert.That(Descendants(), Is.Empty);
            if (best >= TimeSpan.FromSeconds(1))
                Assert.That(daemon.Stop(), Is.Zero);
        }
        Assert.That(best, Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(Ask($"{Run}/v0.socket"), Is.Not.EqualTo(Ask($"{Run}/v199.socket")));

        static DateTimeOffset At(string line) =>
            DateTimeOffset.Parse(string.Join(' ', line.Split(' ').Take(3)), CultureInfo.InvariantCulture);
    }

    [Test]
    public void When_the_emperor_is_killed_the_next_one_takes_the_place_of_what_it_left()
    {
        WriteServer("shop.ini");
        var first = StartInFolder();
        _ = Ask($"{Run}/shop.socket");
        first.Signal(Native.Kill);
        first.AwaitEnd();
        Assert.That($"{Run}/shop.socket", Does.Exist);
        // While the guard ends the old vassal somebody still listens, and then nobody.
        var second = StartInFolder();
        AwaitArmed(second, "shop.ini");
        Assert.That(Ask($"{Run}/shop.socket"), Is.Positive);
    }
}
