using System.Text;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Reign;

/// <summary>The line that systemctl status shows.</summary>
internal sealed class StatusLineTests
{
    private const long Now = 1_000_000;
    private const long Patience = 60_000;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    [Test]
    public void When_all_are_well_it_is_uwsgi_s_line()
    {
        Assert.That(StatusLine.Of([], Now, Patience), Is.EqualTo("The Emperor is governing 0 vassals"));
        Assert.That(StatusLine.Of(Well(12), Now, Patience), Is.EqualTo("The Emperor is governing 12 vassals"));
    }

    [Test]
    public void Who_does_not_run_is_named_with_the_reason()
    {
        VassalState[] vassals =
        [
            .. Well(10),
            Vassal("shop.ini", Phase.Backoff) with
            {
                LastEnd = "exit 1",
                Deadline = Now + 3_500,
            },
            Vassal("blog.ini", Phase.Refused) with
            {
                Reason = "its line 3 is wrong",
            },
        ];
        Assert.That(
            StatusLine.Of(vassals, Now, Patience),
            Is.EqualTo("The Emperor is governing 12 vassals; 2 not running: blog.ini (config error), shop.ini (exit 1, retry in 4s)")
        );
    }

    [Test]
    public void Who_serves_on_because_its_reload_failed_is_named_too()
    {
        var name = new string('n', 255);
        var kept = Vassal("web.ini", Phase.Running) with { FailedReload = "the new process ended before it was ready: exit 3" };
        Assert.That(
            StatusLine.Of([.. Well(3), kept], Now, Patience),
            Is.EqualTo("The Emperor is governing 4 vassals; 1 reload failed: web.ini (exit 3)")
        );
        VassalState[] many = [.. Enumerable.Range(0, 50).Select(i => kept with { Name = $"{name}{i}" }), .. Well(3)];
        VassalState[] ill = [.. Enumerable.Range(0, 50).Select(i => Vassal($"{i}{name}", Phase.Cursed))];
        Assert.That(StatusLine.Of([.. many, .. ill], Now, Patience).Length, Is.LessThanOrEqualTo(StatusLine.LongestLine));
    }

    // Phase, how its last process ended, milliseconds to its deadline, the words; null when it counts as well.
    [TestCase(Phase.Starting, null, null, null)]
    [TestCase(Phase.Running, null, null, null)]
    [TestCase(Phase.Reloading, null, null, null)]
    [TestCase(Phase.Cursed, null, null, "cursed")]
    [TestCase(Phase.Stopping, null, null, null)]
    [TestCase(Phase.Killing, null, null, "killing")]
    [TestCase(Phase.Backoff, "signal 9 (KILL)", 1, "signal 9 (KILL), retry in 1s")]
    [TestCase(Phase.Backoff, "exit 1", 0, "exit 1, retry in 0s")]
    [TestCase(Phase.Backoff, "exit 1", -5_000, "exit 1, retry in 0s")]
    [TestCase(Phase.Backoff, "exit 1", 180_000, "exit 1, retry in 180s")]
    [TestCase(Phase.Backoff, null, 1_000, "failed, retry in 1s")]
    [TestCase(Phase.Backoff, "two\nlines", 1_000, "two\\nlines, retry in 1s")]
    [TestCase(
        Phase.Backoff,
        "no program can be executed: uwsgi: no such file or directory",
        1_000,
        "no program can be executed: uwsgi: no s…, retry in 1s"
    )]
    [TestCase(Phase.Resting, "exit 26", null, "stopped by itself")]
    [TestCase(Phase.Refused, "exit 1", null, "config error")]
    public void Each_phase(Phase phase, string? end, int? due, string? words)
    {
        var line = StatusLine.Of(
            [Vassal("a.ini", phase) with { LastEnd = end, Deadline = Now + due, PhaseSince = Now - Patience + 1 }],
            Now,
            Patience
        );
        Assert.That(line, Is.EqualTo("The Emperor is governing 1 vassals" + (words is null ? "" : $"; 1 not running: a.ini ({words})")));
    }

    [TestCase(Phase.Starting, "not ready in time")]
    [TestCase(Phase.Reloading, "reload not answered in time")]
    public void One_that_has_run_out_of_its_time_is_not_well(Phase phase, string words)
    {
        var late = Vassal("a.ini", phase) with { PhaseSince = Now - Patience };
        var told = $"1 not running: a.ini ({words})";
        Assert.That(StatusLine.Of([late], Now, Patience), Is.EqualTo($"The Emperor is governing 1 vassals; {told}"));
        VassalState[] both = [late, Vassal("b.ini", Phase.Starting)];
        Assert.That(StatusLine.Starting(both, ["b.ini"], Now, Patience), Is.EqualTo($"Starting 2 vassals; 1 to come: b.ini; {told}"));
        Assert.That(StatusLine.Starting([late], ["a.ini"], Now, Patience), Is.EqualTo("Starting 1 vassals; 1 to come: a.ini"), "told once");
        Assert.That(StatusLine.LateAt(late, Patience), Is.EqualTo(Now));
    }

    [TestCase(1, 1)]
    [TestCase(1, 5_000)]
    [TestCase(3, 300)]
    [TestCase(40, 12)]
    [TestCase(5_000, 30)]
    public void It_is_never_too_long_and_what_has_no_room_is_counted(int count, int length)
    {
        var ill = Enumerable.Range(0, count).Select(i => Vassal($"{i:0000}{new string('n', length)}.ini", Phase.Refused)).ToArray();
        foreach (
            var line in (string[])[StatusLine.Of(ill, Now, Patience), StatusLine.Starting(ill, [.. ill.Select(v => v.Name)], Now, Patience)]
        )
        {
            Assert.That(line, Has.Length.LessThanOrEqualTo(StatusLine.LongestLine));
            Assert.That(line, Does.Contain("0000n"));
        }
        var text = StatusLine.Of(ill, Now, Patience);
        var shown = text.Split("(config error)").Length - 1;
        Assert.That(text.EndsWith($", and {count - shown} more", StringComparison.Ordinal), Is.EqualTo(shown < count));
    }

    [Test]
    public void Names_and_reasons_are_fit_to_be_sent_however_they_are_cut()
    {
        for (var length = 60; length < 100; length++)
        {
            var name = new string('a', length) + string.Concat(Enumerable.Repeat("\U0001F451", 60));
            var line = StatusLine.Of([Vassal(name + "\nREADY=1", Phase.Backoff) with { LastEnd = name, Deadline = Now }], Now, Patience);
            Assert.That(() => Strict.GetBytes(line), Throws.Nothing);
            Assert.That(line, Does.Not.Contain("\n"));
        }
        Assert.That(StatusLine.Bounded("a\nREADY=1"), Is.EqualTo("a\\nREADY=1"));
        Assert.That(StatusLine.Bounded(new string('x', 9_000)), Has.Length.EqualTo(StatusLine.LongestLine));
    }

    [Test]
    public void Before_readiness_it_names_who_is_waited_for()
    {
        VassalState[] vassals =
        [
            Vassal("a.ini", Phase.Starting),
            Vassal("b.ini", Phase.Refused),
            Vassal("c.ini", Phase.Starting),
            Vassal("d.ini", Phase.Running),
        ];
        Assert.That(StatusLine.Starting(vassals, [], Now, Patience), Is.EqualTo("Starting"));
        Assert.That(
            StatusLine.Starting(vassals, ["c.ini", "a.ini"], Now, Patience),
            Is.EqualTo("Starting 4 vassals; 2 to come: a.ini, c.ini; 1 not running: b.ini (config error)")
        );
    }

    private static VassalState[] Well(int count) => [.. Enumerable.Range(0, count).Select(i => Vassal($"v{i}.ini", Phase.Running))];

    private static VassalState Vassal(string name, Phase phase) =>
        new()
        {
            Name = name,
            Phase = phase,
            PhaseSince = Now,
        };
}
