using Emperor.Core.Wsgi;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>Where the workers of a vassal come from.</summary>
[TestFixture]
public sealed class NurseryTests
{
    private readonly List<NurseryDeed> _deeds = [];
    private Nursery _nursery = new();
    private long _now;

    [SetUp]
    public void Begin() => (_nursery, _now) = (new Nursery(), 1_000);

    [Test]
    public void A_template_is_started_once_forks_all_that_wait_and_leaves_when_nobody_has_needed_it_for_a_moment()
    {
        Assert.That(Take(new NurseryEvent.Wanted(1, 7)), Is.EqualTo("start 1"));
        Assert.That(Take(new NurseryEvent.Wanted(2, 7)), Is.Empty);
        Assert.That(Take(new NurseryEvent.Ready(1)), Is.EqualTo("fork 1, fork 2"));
        Assert.That(Take(new NurseryEvent.Born(1)) + Take(new NurseryEvent.Born(2)), Is.Empty);
        Assert.That(PassTime(Nursery.Linger - 1), Is.Empty);
        Assert.That(PassTime(1), Is.EqualTo("stop 1"));
        Assert.That(Take(new NurseryEvent.Ended(1, "")), Is.Empty);
        Assert.That(_nursery.IsEmpty);
    }

    [Test]
    public void One_that_is_still_there_serves_its_own_generation_and_no_other()
    {
        _ = Take(new NurseryEvent.Wanted(1, 1)) + Take(new NurseryEvent.Ready(1)) + Take(new NurseryEvent.Born(1));
        Assert.That(Take(new NurseryEvent.Wanted(2, 1)), Is.EqualTo("fork 2"));
        Assert.That(Take(new NurseryEvent.Wanted(3, 2)), Is.EqualTo("start 2"), "a reload loads the code anew");
        Assert.That(Take(new NurseryEvent.Ready(2)), Is.EqualTo("fork 3"));
    }

    [Test]
    public void One_that_is_leaving_forks_nothing_more()
    {
        _ = Take(new NurseryEvent.Wanted(1, 1)) + Take(new NurseryEvent.Ready(1)) + Take(new NurseryEvent.Born(1));
        Assert.That(PassTime(Nursery.Linger), Is.EqualTo("stop 1"));
        Assert.That(Take(new NurseryEvent.Wanted(2, 1)), Is.EqualTo("start 2"));
        Assert.That(Take(new NurseryEvent.Ended(1, "left")), Is.Empty, "its successor is waited for");
        Assert.That(Take(new NurseryEvent.Ready(2)), Is.EqualTo("fork 2"));
    }

    [Test]
    public void Those_that_wait_fail_with_their_template_and_only_they()
    {
        _ = Take(new NurseryEvent.Wanted(1, 1)) + Take(new NurseryEvent.Wanted(2, 1)) + Take(new NurseryEvent.Wanted(3, 2));
        Assert.That(Take(new NurseryEvent.Ended(1, "no module")), Is.EqualTo("fail 1: no module, fail 2: no module"));
        Assert.That(Take(new NurseryEvent.Wanted(4, 1)), Is.EqualTo("start 3"), "the next attempt is a new one");
        Assert.That(_nursery.Births.Select(b => b.Incarnation), Is.EqualTo(new[] { 3, 4 }));
    }

    [Test]
    public void What_is_not_wanted_any_more_is_not_loaded_to_the_end()
    {
        _ = Take(new NurseryEvent.Wanted(1, 1)) + Take(new NurseryEvent.Wanted(2, 1));
        Assert.That(Take(new NurseryEvent.Withdrawn(1)), Does.StartWith("fail 1: ").And.Not.Contain("kill"));
        Assert.That(Take(new NurseryEvent.Withdrawn(2)), Does.EndWith("kill 1"));
        Assert.That(Take(new NurseryEvent.Ready(1)), Is.Empty);
        Assert.That(Take(new NurseryEvent.Withdrawn(2)), Is.Empty);
        Assert.That(PassTime(Nursery.Patience), Is.EqualTo("kill 1"), "as long as it is there");
    }

    [Test]
    public void A_fork_that_fails_is_that_workers_failure_alone()
    {
        _ = Take(new NurseryEvent.Wanted(1, 1)) + Take(new NurseryEvent.Wanted(2, 1)) + Take(new NurseryEvent.Ready(1));
        Assert.That(Take(new NurseryEvent.Lost(1, "no memory")), Is.EqualTo("fail 1: no memory"));
        Assert.That(Take(new NurseryEvent.Lost(1, "again")), Is.Empty);
        Assert.That(PassTime(Nursery.Linger), Is.Empty, "the other is on its way");
        Assert.That(Take(new NurseryEvent.Born(2)), Is.Empty);
    }

    [Test]
    public void Closed_it_leaves_nothing()
    {
        _ = Take(new NurseryEvent.Wanted(1, 1)) + Take(new NurseryEvent.Ready(1)) + Take(new NurseryEvent.Wanted(2, 2));
        Assert.That(Take(new NurseryEvent.Closed()), Does.Match("^fail 1: .*, fail 2: .*, kill 1, kill 2$"));
        _ = Take(new NurseryEvent.Ended(1, "")) + Take(new NurseryEvent.Ended(2, ""));
        Assert.That((_nursery.IsEmpty, _nursery.NextDeadline), Is.EqualTo((true, (long?)null)));
    }

    [Test]
    public void No_history_leaves_a_wish_without_an_answer_or_a_template_without_an_end()
    {
        for (var seed = 0; seed < 1_000; seed++)
            Live(seed);
    }

    private void Live(int seed)
    {
        var dice = new Random(seed);
        Begin();
        HashSet<int> wanted = [];
        HashSet<int> living = [];
        HashSet<int> forked = [];
        var last = 0;
        for (var step = 0; step < 200; step++)
        {
            // At the end nothing new is wanted, and what was asked of the world comes to pass.
            var isEnd = step > 100;
            NurseryEvent @event = (isEnd ? 2 + dice.Next(5) : dice.Next(8)) switch
            {
                0 or 1 => new NurseryEvent.Wanted(++last, 1 + (step / 20)),
                2 when living.Count > 0 => new NurseryEvent.Ready(Pick(living, dice)),
                3 when living.Count > 0 && (isEnd || dice.Next(3) == 0) => new NurseryEvent.Ended(Pick(living, dice), "ended"),
                4 when forked.Count > 0 => new NurseryEvent.Born(Pick(forked, dice)),
                5 when forked.Count > 0 => new NurseryEvent.Lost(Pick(forked, dice), "lost"),
                7 => new NurseryEvent.Withdrawn(1 + dice.Next(last + 1)),
                _ => new NurseryEvent.TimePassed(),
            };
            switch (@event)
            {
                case NurseryEvent.Wanted e:
                    wanted.Add(e.Incarnation);
                    break;
                case NurseryEvent.Born e:
                    forked.Remove(e.Incarnation);
                    wanted.Remove(e.Incarnation);
                    break;
                case NurseryEvent.Ended e:
                    living.Remove(e.Template);
                    break;
            }
            _now += dice.Next(500);
            _ = Take(@event);
            foreach (var deed in _deeds)
            {
                switch (deed)
                {
                    case NurseryDeed.Start e:
                        Assert.That(living.Add(e.Template) && wanted.Contains(e.Incarnation), $"seed {seed}");
                        break;
                    case NurseryDeed.Fork e:
                        Assert.That(living.Contains(e.Template) && forked.Add(e.Incarnation), $"seed {seed}");
                        break;
                    case NurseryDeed.Fail e:
                        forked.Remove(e.Incarnation);
                        Assert.That(wanted.Remove(e.Incarnation), $"seed {seed}: {e.Incarnation} fails twice");
                        break;
                }
            }
            Assert.That(_nursery.Births.Select(b => b.Incarnation), Is.EquivalentTo(wanted), $"seed {seed}");
            Assert.That(_nursery.Templates.Select(t => t.Id), Is.EquivalentTo(living), $"seed {seed}");
            Assert.That(_nursery.Births.All(b => b.Template is not null || living.Count > 0), $"seed {seed}: one waits for nothing");
        }
        _ = Take(new NurseryEvent.Closed());
        Assert.That(_nursery.Births, Is.Empty, $"seed {seed}");
    }

    private static int Pick(HashSet<int> from, Random dice) => from.ElementAt(dice.Next(from.Count));

    private string PassTime(long time)
    {
        _now += time;
        return Take(new NurseryEvent.TimePassed());
    }

    private string Take(NurseryEvent @event)
    {
        _deeds.Clear();
        _nursery = _nursery.Step(@event, _now, _deeds);
        return string.Join(
            ", ",
            _deeds.Select(d =>
                d switch
                {
                    NurseryDeed.Start e => $"start {e.Template}",
                    NurseryDeed.Fork e => $"fork {e.Incarnation}",
                    NurseryDeed.Stop e => $"stop {e.Template}",
                    NurseryDeed.Kill e => $"kill {e.Template}",
                    NurseryDeed.Fail e => $"fail {e.Incarnation}: {e.Reason}",
                    _ => "",
                }
            )
        );
    }
}
