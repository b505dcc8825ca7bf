using Emperor.Core;
using Emperor.Core.Protocol;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Reign;

[TestFixture]
public sealed class EmpireTests
{
    private readonly List<Effect> _effects = [];
    private Empire _empire = new(new EmpirePolicy());
    private long _now;

    private Instant Now => new(_now, 1_700_000_000_000 + _now);

    [SetUp]
    public void NewEmpire()
    {
        _empire = new Empire(new EmpirePolicy { ReloadsAtOnce = 3, ReloadTurn = 5_000 });
        _effects.Clear();
        _now = 1_000;
    }

    [Test]
    public void A_reload_of_all_lets_only_so_many_through_and_each_answer_lets_the_next()
    {
        var names = Running(10);
        ReloadAll();
        var order = new List<string>(Reloaded());
        Assert.That(order, Is.EqualTo(names.Take(3)));
        for (var i = 0; i < names.Length; i++)
        {
            Accept(order[i]);
            order.AddRange(Reloaded());
            Assert.That(order, Has.Count.EqualTo(Math.Min(names.Length, i + 4)), "one answer lets one through");
        }
        Assert.That(order, Is.EqualTo(names), "each once, in order");
        Assert.That((_empire.ReloadsLeft(_now), _empire.NextDeadline), Is.EqualTo((0, (long?)null)));
    }

    [Test]
    public void A_vassal_that_does_not_answer_gives_way_after_its_turn()
    {
        Running(7);
        ReloadAll();
        _ = Reloaded();
        Assert.That(_empire.NextDeadline, Is.EqualTo(_now + 5_000));
        PassTo(_now + 4_999);
        Assert.That(Reloaded(), Is.Empty);
        PassTo(_now + 1);
        Assert.That(Reloaded(), Has.Count.EqualTo(3));
        PassTo(_now + 5_000);
        Assert.That(Reloaded(), Has.Count.EqualTo(1));
        PassTo(_now + 5_000);
        Assert.That(_empire.NextDeadline, Is.Null);
    }

    [Test]
    public void A_reload_of_all_is_not_through_before_the_last_answer_or_the_end_of_patience()
    {
        var names = Running(5);
        ReloadAll();
        Assert.That(_empire.ReloadsLeft(_now), Is.EqualTo(5));
        var start = _now;
        PassTo(_now + 5_000);
        Assert.That(_empire.ReloadsLeft(_now), Is.EqualTo(5), "a lost turn is no answer");
        Accept(names[0]);
        Accept(names[4]);
        Tell(names[1], new VassalEvent.FileGone());
        Assert.That(_empire.ReloadsLeft(_now), Is.EqualTo(2));
        Assert.That(_empire.ReloadsLeft(start + 59_999), Is.EqualTo(2));
        Assert.That(_empire.ReloadsLeft(start + 65_000), Is.Zero);
    }

    [Test]
    public void Vassals_that_vanish_or_die_meanwhile_hold_nobody_up()
    {
        var names = Running(8);
        ReloadAll();
        _ = Reloaded();
        Tell(names[3], new VassalEvent.FileGone());
        Tell(names[0], new VassalEvent.FileGone());
        Tell(names[1], new VassalEvent.Exited(1, new ProcessEnd(26, false, "exit 26")));
        Assert.That(Reloaded(), Is.EqualTo(new[] { names[4], names[5] }));
        Tell(names[0], new VassalEvent.Exited(1, new ProcessEnd(0, false, "exit 0")));
        Assert.That(_empire.Vassals, Does.Not.ContainKey(names[0]));
    }

    [Test]
    public void A_second_reload_of_all_begins_anew()
    {
        var names = Running(5);
        ReloadAll();
        _ = Reloaded();
        ReloadAll();
        for (var i = 0; _empire.ReloadsLeft(_now) > 0; i++)
        {
            Assert.That(i, Is.LessThan(2 * names.Length));
            Accept(_empire.Vassals.Values.First(v => v.Phase == Phase.Reloading).Name);
            PassTo(_now + new VassalPolicy().ReloadRest);
        }
        Assert.That(Reloaded(), Is.SupersetOf(names));
    }

    [Test]
    public void A_reload_of_all_starts_what_is_in_backoff_and_leaves_what_rests()
    {
        Running(2);
        Tell("v01", new VassalEvent.Exited(1, new ProcessEnd(26, false, "exit 26")));
        Tell("v00", new VassalEvent.Exited(1, new ProcessEnd(1, false, "exit 1")));
        Tell("v00", new VassalEvent.Exited(2, new ProcessEnd(1, false, "exit 1")));
        _effects.Clear();
        ReloadAll();
        Assert.That(_effects.Where(e => e is not Effect.Note), Is.EqualTo(new[] { new Effect.Spawn("v00", 3) }));
    }

    [Test]
    public void Forgiveness_starts_all_that_wait()
    {
        Running(2);
        foreach (var name in new[] { "v00", "v01" })
        {
            Tell(name, new VassalEvent.Exited(1, new ProcessEnd(1, false, "exit 1")));
            Tell(name, new VassalEvent.Exited(2, new ProcessEnd(1, false, "exit 1")));
            Assert.That(_empire.Vassals[name].Phase, Is.EqualTo(Phase.Backoff));
        }
        _effects.Clear();
        _empire.ForgiveAll(Now, _effects);
        Assert.That(_effects.OfType<Effect.Spawn>().Select(e => e.Vassal), Is.EquivalentTo(new[] { "v00", "v01" }));
        Assert.That(_empire.NextDeadline, Is.Null);
    }

    [Test]
    public void The_end_tells_all_at_once_and_is_reached_when_the_last_has_ended()
    {
        var names = Running(4);
        _empire.End(Now, _effects);
        Assert.That(
            _effects.OfType<Effect.Send>().Select(e => (e.Vassal, e.Message)),
            Is.EquivalentTo(names.Select(n => (n, EmperorMessage.Stop)))
        );
        foreach (var name in names)
        {
            Assert.That(_empire.IsBuried, Is.False);
            Tell(name, new VassalEvent.Exited(1, new ProcessEnd(1, false, "exit 1")));
        }
        Assert.That(_empire.IsBuried);
    }

    [Test]
    public void After_the_end_has_begun_nothing_is_spawned_whatever_happens()
    {
        Running(3);
        ReloadAll();
        _empire.End(Now, _effects);
        _effects.Clear();
        Tell("v00", new VassalEvent.FileGone());
        Tell("v00", new VassalEvent.FileAccepted(9));
        Tell("new", new VassalEvent.FileAccepted(9));
        Tell("v01", new VassalEvent.FileRefused("bad"));
        ReloadAll();
        _empire.ForgiveAll(Now, _effects);
        foreach (var name in new[] { "v00", "v01", "v02" })
            Tell(name, new VassalEvent.Exited(1, new ProcessEnd(1, false, "exit 1")));
        Assert.That(_effects.Where(e => e is Effect.Spawn or Effect.Send), Is.Empty);
        Assert.That(_empire.IsBuried);
    }

    [Test]
    public void The_second_order_to_leave_kills_and_the_third_kills_again()
    {
        Running(2);
        _empire.End(Now, _effects);
        for (var i = 0; i < 2; i++)
        {
            _effects.Clear();
            _empire.End(Now, _effects);
            Assert.That(_effects.OfType<Effect.Kill>().Count(), Is.EqualTo(2));
        }
    }

    [Test]
    public void An_empire_without_vassals_is_buried_as_soon_as_it_is_told_to_leave()
    {
        Assert.That(_empire.IsBuried, Is.False);
        _empire.End(Now, _effects);
        Assert.That(_empire.IsBuried);
    }

    [Test]
    public void Only_a_file_makes_a_vassal()
    {
        Tell("nobody", new VassalEvent.FileGone());
        Tell("nobody", new VassalEvent.ReloadAsked());
        Tell("nobody", new VassalEvent.Received(1, 5));
        Assert.That(_empire.Vassals, Is.Empty);
    }

    [Test]
    public void The_next_deadline_is_the_first_of_all_and_moves_when_it_is_met_or_called_off()
    {
        Running(3);
        Tell("v00", new VassalEvent.HungUp(1));
        var first = _now + 30_000;
        _now += 10;
        Tell("v01", new VassalEvent.HungUp(1));
        Assert.That(_empire.NextDeadline, Is.EqualTo(first));
        Tell("v00", new VassalEvent.Exited(1, new ProcessEnd(0, false, "exit 0")));
        Assert.That(_empire.NextDeadline, Is.EqualTo(first + 10));
        PassTo(first + 9);
        Assert.That(_effects.OfType<Effect.Kill>(), Is.Empty);
        PassTo(first + 10);
        Assert.That(_effects.OfType<Effect.Kill>().Single().Vassal, Is.EqualTo("v01"));
        Assert.That(_empire.NextDeadline, Is.EqualTo(_now + 10_000));
    }

    [Test]
    public void A_million_heartbeats_leave_one_deadline_a_vassal_and_little_else()
    {
        var names = Running(10);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 1_000_000; i++)
        {
            _now++;
            Tell(names[i % names.Length], new VassalEvent.Received(1, VassalMessage.Heartbeat));
        }
        // The first to have sent its last heartbeat is the first to miss one.
        Assert.That(_empire.NextDeadline, Is.EqualTo(_now - 9 + 30_000));
        Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(2_000_000), "a queue of a million holds 24 MB");
        PassTo(_empire.NextDeadline!.Value);
        Assert.That(_effects.OfType<Effect.Kill>().Count(), Is.EqualTo(1));
    }

    private string[] Running(int count)
    {
        var names = Enumerable.Range(0, count).Select(i => $"v{i:00}").ToArray();
        foreach (var name in names)
        {
            Tell(name, new VassalEvent.FileAccepted(1));
            Tell(name, new VassalEvent.Spawned(1, 100));
            Accept(name);
        }
        _effects.Clear();
        _now += new VassalPolicy().ReloadRest;
        return names;
    }

    private void Tell(string vassal, VassalEvent @event) => _empire.Handle(vassal, @event, Now, _effects);

    private void Accept(string vassal) =>
        Tell(vassal, new VassalEvent.Received(_empire.Vassals[vassal].Incarnation, VassalMessage.Accepting));

    private void ReloadAll() => _empire.ReloadAll(Now, _effects);

    private void PassTo(long moment)
    {
        _now = moment;
        _empire.TimePassed(Now, _effects);
    }

    private List<string> Reloaded()
    {
        var names = _effects.OfType<Effect.Send>().Where(e => e.Message == EmperorMessage.Reload).Select(e => e.Vassal).ToList();
        _effects.Clear();
        return names;
    }
}
