using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>The built-in server's workers, and what a vassal has besides them, pass from one emperor to the next.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class WsgiSuccessionTests : IDisposable
{
    private readonly WsgiRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Test]
    public void A_worker_serves_on_and_its_counts_go_on_until_the_next_emperor_tells_it_to_stop()
    {
        Begin(1);
        var pid = _rig.Ask();
        Assert.That(pid, Is.EqualTo(_rig.PidOf(1)));
        _rig.Succeed();
        Assert.That(_rig.Ask(), Is.EqualTo(pid));
        _rig.UntilServed(2);
        // The template stays for a moment only: the next emperor tells it to leave.
        _rig.Until(() => _rig.PidOf(-1) == 0, "the template has left");
        Assert.That(_rig.EndOf(-1)!.Words, Is.EqualTo("exit 0"));
        Processes.ProcessKeeper.Signal(_rig.Processes.Of(WsgiRig.Vassal, 1)!, Signals.Hangup, stops: true);
        _rig.Until(() => _rig.EndOf(1) is not null, "the worker has left");
        Assert.That(_rig.EndOf(1)!.Words, Is.EqualTo("exit 0"));
        Assert.That(_rig.Told.OfType<VassalEvent.Departing>().Single().Reason, Does.StartWith("stop"), "its last word was heard");
        _rig.Launch(2, _rig.Plan);
        _rig.UntilReady(2);
        Assert.That(_rig.Ask(), Is.EqualTo(_rig.PidOf(2)));
        // It has the slot of the one before.
        _rig.UntilServed(3);
        _rig.Master.Forget(WsgiRig.Vassal, Environment.TickCount64);
    }

    [Test]
    public void A_worker_that_waits_for_its_template_is_born_under_the_next_emperor()
    {
        _rig.Launch(1, _rig.Plan);
        Assert.That(_rig.PidOf(-1), Is.Not.Zero);
        _rig.Succeed();
        _rig.LetLoad();
        _rig.UntilReady(1);
        Assert.That(_rig.Ask(), Is.EqualTo(_rig.PidOf(1)));
        Assert.That(_rig.Altered, Does.Contain(WsgiRig.Vassal));
    }

    [Test]
    public void A_worker_that_was_forked_already_is_heard_by_the_next_emperor_first()
    {
        _rig.LetLoad();
        _rig.Launch(1, _rig.Plan);
        _rig.Until(() => _rig.Left().Wsgi!.Peers.Any(p => !p.IsBorn), "it is told to be forked");
        _rig.Succeed();
        _rig.UntilReady(1);
        Assert.That(_rig.Ask(), Is.EqualTo(_rig.PidOf(1)));
    }

    [Test]
    public void A_worker_that_nobody_wants_any_more_is_not_born()
    {
        _rig.Launch(1, _rig.Plan);
        _rig.Succeed(change: left =>
            left with
            {
                State = left.State! with { Members = [], State = left.State!.State with { Members = [] } },
            }
        );
        _rig.Until(() => _rig.PidOf(-1) == 0, "the template has ended");
        Assert.That(_rig.Told.OfType<VassalEvent.SpawnFailed>().Single().Incarnation, Is.EqualTo(1));
    }

    [Test]
    public void A_request_that_takes_too_long_ends_under_the_next_emperor()
    {
        var plan = Harakiri(_rig.Plan);
        Begin(1, plan);
        using var client = _rig.Send("/slow");
        _rig.Until(() => _rig.Master.Work()[WsgiRig.Vassal].Busy == 1, "the request is served");
        _rig.Succeed();
        Assert.That(_rig.EndOf(1), Is.Null);
        _rig.Until(() => _rig.EndOf(1) is not null, "the worker is killed");
        Assert.That(_rig.EndOf(1)!.Words, Does.Contain("KILL"));
        Assert.That(_rig.Master.Work()[WsgiRig.Vassal].Harakiri, Is.EqualTo(1));
        _rig.Succeed();
        Assert.That(_rig.Master.Work()[WsgiRig.Vassal].Harakiri, Is.EqualTo(1), "the count goes on");
    }

    [Test]
    public void After_a_crash_a_worker_goes_on_and_templates_end_with_what_they_were_to_fork()
    {
        Begin(1);
        var pid = _rig.Ask();
        File.Delete(_rig.Folder.PathOf("loads"));
        _rig.Until(() => _rig.PidOf(-1) == 0, "the first template has left");
        _rig.Launch(2, _rig.Plan);
        Assert.That(_rig.PidOf(-1), Is.Not.Zero);
        _rig.Succeed(isCrash: true);
        _rig.Until(() => _rig.PidOf(-1) == 0, "the template is killed");
        Assert.That(_rig.Ask(), Is.EqualTo(pid));
        Assert.That(_rig.Told.OfType<VassalEvent.SpawnFailed>(), Is.Empty, "its machine knows already");
        Assert.That(_rig.Left().Wsgi!.Nursery, Is.Null);
        _rig.LetLoad();
        _rig.Launch(3, _rig.Plan);
        _rig.UntilReady(3);
        _rig.UntilServed(2);
    }

    [Test]
    public void What_was_forked_and_not_heard_when_the_emperor_was_killed_leaves_and_has_no_slot()
    {
        _rig.LetLoad();
        _rig.Launch(1, _rig.Plan);
        _rig.Until(() => _rig.Left().Wsgi!.Peers.Any(p => !p.IsBorn), "it is told to be forked");
        _rig.Succeed(isCrash: true, name => name.StartsWith("~w", StringComparison.Ordinal));
        _rig.Until(() => _rig.PidOf(-1) == 0, "the template is killed");
        Assert.That(_rig.Left().Wsgi, Is.Null, "neither has its memory a reader any more");
        Assert.That(_rig.Heirlooms.All, Is.Empty);
    }

    [TestCase("~w")]
    [TestCase("~m")]
    public void Whose_socket_or_memory_is_lost_leaves(string lost)
    {
        Begin(1);
        _rig.Succeed(isLost: name => name.Contains(lost, StringComparison.Ordinal));
        _rig.Until(() => _rig.EndOf(1) is not null && _rig.PidOf(-1) == 0, "both have ended");
        Assert.That(_rig.EndOf(1)!.Words, Is.EqualTo("exit 0"));
        _rig.Launch(2, _rig.Plan);
        _rig.UntilReady(2);
        Assert.That(_rig.Ask(), Is.EqualTo(_rig.PidOf(2)));
    }

    [Test]
    public void A_worker_without_a_plan_cannot_be_taken_over()
    {
        Begin(1);
        Assert.That(
            () => _rig.Succeed(change: l => l with { Wsgi = l.Wsgi! with { Peers = [.. l.Wsgi.Peers.Select(p => p with { Plan = -1 })] } }),
            Throws.InstanceOf<LegacyException>()
        );
    }

    private static Core.Programs.ProgramPlan Harakiri(Core.Programs.ProgramPlan plan) =>
        plan with
        {
            Wsgi = plan.Wsgi! with { Harakiri = 2000 },
        };

    private void Begin(int incarnation, Core.Programs.ProgramPlan? plan = null)
    {
        _rig.LetLoad();
        _rig.Launch(incarnation, plan ?? _rig.Plan);
        _rig.UntilReady(incarnation);
    }
}
