using System.Text;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

/// <summary>What the entries of a journal come to.</summary>
[TestFixture]
public sealed class LegacyJournalTests
{
    private static readonly EmpireLegacy First = new() { Started = 1 };

    [Test]
    public void The_last_word_about_each_counts()
    {
        var legacy = Read(
            Entry(First, Vassal("a", 1), Vassal("b", 1)),
            Entry(null, Vassal("a", 2)),
            Entry(First with { Upgrades = 3 }, Vassal("c", 1))
        );
        Assert.That(legacy.Empire.Upgrades, Is.EqualTo(3));
        Assert.That(
            legacy.Vassals.Select(v => (v.Name, v.State!.State.Incarnation)),
            Is.EquivalentTo(new[] { ("a", 2), ("b", 1), ("c", 1) })
        );
    }

    [Test]
    public void Who_is_gone_is_not_there_unless_it_has_come_back()
    {
        var legacy = Read(
            Entry(First, Vassal("a", 1), Vassal("b", 1)),
            Entry(null, ("a", null), ("b", null), ("nobody", null)),
            Entry(null, Vassal("b", 7))
        );
        Assert.That(legacy.Vassals.Single().State!.State.Incarnation, Is.EqualTo(7));
    }

    [Test]
    public void What_was_being_written_is_not_there_and_what_was_before_is()
    {
        byte[][] entries = [Entry(First, Vassal("a", 1)), Entry(null, Vassal("a", 2))];
        Assert.That(LegacyJournal.Read(entries[..1]).Vassals.Single().State!.State.Incarnation, Is.EqualTo(1));
        Assert.Throws<LegacyException>(() => LegacyJournal.Read([entries[0], entries[1][..^5]]));
    }

    [Test]
    public void The_program_is_the_last_one_that_wrote()
    {
        var legacy = Read(Entry(First), LegacyJournal.Write(LegacyJournal.Of(null, [], "2.0")));
        Assert.That(legacy.Program, Is.EqualTo("2.0"));
        Assert.That(legacy.IsNone, Is.False);
    }

    [Test]
    public void One_that_does_not_tell_of_the_empire_is_refused()
    {
        Assert.That(Assert.Throws<LegacyException>(() => Read())!.Message, Does.Contain("nothing in it tells of the empire"));
        Assert.Throws<LegacyException>(() => Read(Entry(null, Vassal("a", 1))));
    }

    [TestCase("{\"Format\":999,\"Program\":\"9\",\"Dances\":[]}", "its format is 999, and this program reads 1 to")]
    [TestCase("{\"Program\":\"9\"}", "an entry has no format")]
    [TestCase("{\"Format\":\"two\"}", "an entry cannot be understood")]
    [TestCase("{\"Format\":2,\"Program\":\"1\"}", "an entry cannot be understood")]
    [TestCase("{\"Format\":2,\"Program\":\"1\",\"Vassals\":null,\"Gone\":null}", "an entry cannot be understood")]
    public void An_entry_that_is_none_is_refused(string text, string reason)
    {
        var error = Assert.Throws<LegacyException>(() => Read(Entry(First), Encoding.UTF8.GetBytes(text)));
        Assert.That(error!.Message, Does.Contain(reason));
    }

    private static Legacy Read(params byte[][] entries) => LegacyJournal.Read(entries);

    private static byte[] Entry(EmpireLegacy? empire, params (string, VassalLegacy?)[] vassals) =>
        LegacyJournal.Write(LegacyJournal.Of(empire, vassals, "1.0"));

    private static (string, VassalLegacy?) Vassal(string name, int incarnation) =>
        (name, Inheritance.Of(VassalMachine.Create(name) with { Incarnation = incarnation }));
}
