using System.Text;
using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

/// <summary>
/// What programs of former formats have written is read: a legacy and a journal as the first one wrote them, with one vassal in the middle of an overlap
/// reload and one that stops.
/// </summary>
[TestFixture]
public sealed class LegacyFormatTests
{
    [Test]
    public void A_legacy_of_the_first_format_is_read()
    {
        var bytes = File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Succession/Golden/legacy-1.txt"));
        Assert.That(Encoding.UTF8.GetString(bytes), Does.StartWith("EMPEROR-LEGACY 1 ").And.Contain("\"Plan\":{"), "it is not what it was");
        Check(LegacyText.Read(bytes));
    }

    [Test]
    public void A_journal_of_the_first_format_is_read() => Check(LegacyJournal.Read(Journal()));

    [Test]
    public void A_journal_may_be_begun_in_one_format_and_go_on_in_another()
    {
        var more = LegacyJournal.Write(LegacyJournal.Of(new EmpireLegacy { Started = 7 }, [("shop.ini", null)], "0.2.0"));
        var legacy = LegacyJournal.Read([.. Journal(), more]);
        Assert.That(legacy.Vassals.Single().Name, Is.EqualTo("blog.ini"));
        Assert.That((legacy.Program, legacy.Empire.Started), Is.EqualTo(("0.2.0", 7)));
    }

    [Test]
    public void What_is_written_is_of_the_present_format()
    {
        var text = Encoding.ASCII.GetString(LegacyText.Write(Legacy.None));
        Assert.That(text, Does.StartWith($"EMPEROR-LEGACY {LegacyText.Format} "));
        Assert.That(LegacyText.Format, Is.GreaterThan(LegacyText.OldestFormat));
    }

    private static byte[][] Journal() =>
        [
            .. File.ReadAllLines(Path.Combine(TestContext.CurrentContext.TestDirectory, "Succession/Golden/journal-1.txt"))
                .Select(Encoding.UTF8.GetBytes),
        ];

    private static void Check(Legacy legacy)
    {
        Assert.That((legacy.Program, legacy.Empire.Started, legacy.Empire.IsReady), Is.EqualTo(("0.1.0", 1_699_999_000_000, true)));
        Assert.That(legacy.Vassals.Select(v => v.Name), Is.EquivalentTo(new[] { "blog.ini", "shop.ini" }));
        Assert.That(legacy.Vassals.Select(v => v.File!.Stamp.LinkModifiedNanoseconds), Has.All.EqualTo(6));
        var empire = new Empire(new EmpirePolicy(), legacy);
        var blog = empire.Vassals["blog.ini"];
        Assert.That((blog.Phase, blog.Rolling!.LaunchDigest, blog.Plan!.LaunchDigest), Is.EqualTo((Phase.Reloading, "blog 2", "blog 2")));
        Assert.That(
            blog.Members.Select(m => (m.Role, m.Plan.LaunchDigest, m.Pid)),
            Is.EqualTo(
                new[] { (MemberRole.Current, "blog", (int?)101), (MemberRole.Current, "blog", 102), (MemberRole.Next, "blog 2", 103) }
            )
        );
        Assert.That(blog.Slots.Select(s => s.Plan.LaunchDigest), Is.EqualTo(new[] { "blog", "blog" }));
        Assert.That(empire.Vassals["shop.ini"].Phase, Is.EqualTo(Phase.Stopping));
        List<Effect> effects = [];
        empire.Handle("blog.ini", new VassalEvent.BecameReady(3), new Instant(1_021_000, 1_700_001_021_000), effects);
        Assert.That(effects.OfType<Effect.Signal>().Single().Incarnation, Is.EqualTo(1), "the first of the former copies may go");
        Assert.That(effects.OfType<Effect.Launch>().Single().Plan.LaunchDigest, Is.EqualTo("blog 2"));
    }
}
