using System.Text.Json;
using Emperor.Core.Configuration;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Emperor.Tests.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>What a vassal of the built-in server has besides workers passes from one emperor to the next.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class DutySuccessionTests : IDisposable
{
    private readonly WsgiRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Test]
    public void Commands_that_came_meanwhile_are_obeyed_and_whoever_asked_for_stats_is_answered()
    {
        var (fifo, stats) = (_rig.Folder.PathOf("fifo"), _rig.Folder.PathOf("stats"));
        Begin(new WsgiDuties { Fifos = [fifo], Stats = [new ServerAddress(stats, null, 0)] });
        var pid = _rig.Ask();
        using var client = WsgiRig.Connect(stats);
        using (var writer = new FileStream(fifo, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
            writer.Write("R"u8);
        _rig.Succeed();
        _rig.Until(() => _rig.Told.Contains(new VassalEvent.Ordered(OrderKind.Restart)), "the command is obeyed");
        Assert.That(Worker(_rig.Receive(client)), Is.EqualTo((pid, 1)));
        _rig.Succeed();
        using var next = WsgiRig.Connect(stats);
        Assert.That(Worker(_rig.Receive(next)), Is.EqualTo((pid, 1)));
        _rig.Duties.Forget(WsgiRig.Vassal, Environment.TickCount64);
        Assert.That((File.Exists(fifo), File.Exists(stats)), Is.EqualTo((false, false)), "they were the emperor's");
        Assert.That(_rig.Heirlooms.All.Where(k => k.Name[1] is not ('w' or 'm')), Is.Empty);
    }

    [Test]
    public void A_pipe_that_is_lost_is_opened_anew()
    {
        var fifo = _rig.Folder.PathOf("fifo");
        Begin(new WsgiDuties { Fifos = [fifo] });
        _rig.Succeed(isLost: name => name.StartsWith("~f", StringComparison.Ordinal));
        using (var writer = new FileStream(fifo, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
            writer.Write("q"u8);
        _rig.Until(() => _rig.Told.Contains(new VassalEvent.Ordered(OrderKind.Stop)), "the command is obeyed");
    }

    [Test]
    public void A_pidfile_stays_as_it_is_until_its_worker_ends()
    {
        var path = _rig.Folder.PathOf("pid");
        Begin(new WsgiDuties { PidFiles = [path] });
        _rig.Until(() => File.Exists(path), "the pidfile is written");
        var former = _rig.PidOf(1);
        _rig.Launch(2, _rig.Plan with { Wsgi = Duty(new WsgiDuties { PidFiles = [path] }) }, 1);
        _rig.UntilReady(2);
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
        _rig.Succeed();
        Assert.That((File.ReadAllText(path), File.GetLastWriteTimeUtc(path)), Is.EqualTo(($"{former}\n", DateTime.UnixEpoch)));
        Processes.ProcessKeeper.Signal(_rig.Processes.Of(WsgiRig.Vassal, 1)!, Signals.Hangup, stops: true);
        _rig.Until(() => _rig.EndOf(1) is not null, "the worker has left");
        Assert.That(File.ReadAllText(path), Is.EqualTo($"{_rig.PidOf(2)}\n"));
        _rig.Duties.Forget(WsgiRig.Vassal, Environment.TickCount64);
        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public void A_daemon_runs_on_is_started_again_when_it_ends_and_stopped_with_its_vassal()
    {
        var duties = new WsgiDuties { Daemons = [new AttachedDaemon("exec sleep 1000", Signals.Terminate, _rig.Folder.Path)] };
        Begin(duties);
        var first = Daemon().Pid;
        _rig.Succeed();
        Assert.That((Daemon().Pid, Daemon().Starts), Is.EqualTo((first, 1)));
        using (var process = PidRef.Open(first, out _)!)
            _ = process.Signal(Signals.Kill);
        _rig.Until(() => Daemon().Pid == 0, "its end is seen");
        _rig.Succeed();
        _rig.Until(() => Daemon().Pid != 0, "it is started again after its pause");
        var second = Daemon().Pid;
        // A file of the same wishes changes nothing.
        _rig.Launch(2, _rig.Plan with { Wsgi = Duty(duties) });
        Assert.That((Daemon().Pid, Daemon().Starts), Is.EqualTo((second, 2)));
        _rig.Duties.Forget(WsgiRig.Vassal, Environment.TickCount64);
        _rig.Until(() => _rig.Duties.LegacyOf(WsgiRig.Vassal, new()) is null, "it is stopped");
        Assert.That(ProcFs.Stat(second), Is.Null);
    }

    [Test]
    public void A_daemon_that_does_not_leave_in_time_is_killed_by_the_next_emperor()
    {
        var sign = _rig.Folder.PathOf("sign");
        const string script = "trap '' TERM; echo > sign; while :; do sleep 1000; done";
        Begin(new WsgiDuties { Daemons = [new AttachedDaemon(script, Signals.Terminate, _rig.Folder.Path)] });
        _rig.Until(() => File.Exists(sign), "it does not heed signals any more");
        var pid = Daemon().Pid;
        _rig.Duties.Forget(WsgiRig.Vassal, Environment.TickCount64);
        Assert.That(_rig.Duties.Vassals, Is.EqualTo(new[] { WsgiRig.Vassal }), "though it is gone");
        _rig.Succeed(change: left =>
            left with
            {
                Duties = left.Duties! with
                {
                    Daemons =
                    [
                        .. left.Duties.Daemons.Select(d =>
                            d with
                            {
                                LeavesBy = Math.Min(d.LeavesBy!.Value, Environment.TickCount64 + 100),
                            }
                        ),
                    ],
                },
            }
        );
        _rig.Until(() => !_rig.Duties.Vassals.Any(), "its time is up");
        _rig.Until(() => ProcFs.Stat(pid) is null or { State: 'Z' }, "it is killed");
    }

    [Test]
    public void A_daemon_whose_pidfd_is_lost_is_found_by_its_number_or_started_again()
    {
        Begin(new WsgiDuties { Daemons = [new AttachedDaemon("exec sleep 1000", Signals.Terminate, _rig.Folder.Path)] });
        var pid = Daemon().Pid;
        _rig.Succeed(isLost: name => name.StartsWith("~d", StringComparison.Ordinal));
        Assert.That((Daemon().Pid, Daemon().Starts), Is.EqualTo((pid, 1)));
        using var ended = Child.Shell("exit 0");
        _ = Child.WaitFor(ended);
        _rig.Succeed(
            isLost: name => name.StartsWith("~d", StringComparison.Ordinal),
            change: left => left with { Duties = left.Duties! with { Daemons = [Daemon() with { Pid = ended.Pid }] } }
        );
        Assert.That((Daemon().Pid, Daemon().Due), Is.Not.EqualTo((ended.Pid, (long?)null)));
        _rig.Until(() => Daemon().Starts == 2, "it is started again");
        using var process = PidRef.Open(pid, out _)!;
        _ = process.Signal(Signals.Kill);
        _ = Child.WaitFor(process);
    }

    [Test]
    public void A_file_that_was_touched_while_there_was_no_emperor_counts()
    {
        var touched = _rig.Folder.Write("touched", "");
        Begin(new WsgiDuties { TouchFiles = [touched] });
        List<(string Vassal, VassalEvent Event)> events = [];
        _rig.Succeed();
        _rig.Monitors.Run(Clock.Now, events);
        Assert.That(_rig.Log.Where(l => l.Contains("was touched")), Is.Empty, "nothing was changed");
        File.SetLastWriteTimeUtc(touched, DateTime.UnixEpoch);
        _rig.Succeed();
        _rig.Monitors.Run(Clock.Now, events);
        Assert.That(_rig.Log.Count(l => l.Contains("was touched")), Is.EqualTo(1));
        _rig.Succeed();
        _rig.Monitors.Run(Clock.Now, events);
        Assert.That(_rig.Log.Count(l => l.Contains("was touched")), Is.EqualTo(1), "it counts once");
    }

    private static WsgiPlan Duty(WsgiDuties duties) =>
        new()
        {
            App = "app.py",
            Options = """{"wsgi-file":"app.py","disable-logging":true}""",
            Protocols = ["http"],
            Duties = duties,
        };

    private static (int Pid, int Starts) Worker(string document)
    {
        using var json = JsonDocument.Parse(document);
        var worker = json.RootElement.GetProperty("workers")[0];
        return (worker.GetProperty("pid").GetInt32(), worker.GetProperty("respawn_count").GetInt32());
    }

    private void Begin(WsgiDuties duties)
    {
        _rig.LetLoad();
        _rig.Launch(1, _rig.Plan with { Wsgi = Duty(duties) });
        _rig.UntilReady(1);
    }

    private Core.Succession.DaemonLegacy Daemon() => _rig.Left().Duties!.Daemons.Single();
}
