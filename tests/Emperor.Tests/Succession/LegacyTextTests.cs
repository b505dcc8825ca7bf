using System.Reflection;
using System.Text;
using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Tests.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

/// <summary>A legacy as bytes: everything in it survives, and what is no legacy is refused with a reason.</summary>
[TestFixture]
public sealed class LegacyTextTests
{
    private const int Damages = 1_000;

    [TestCase("caf\u00E9 \U0001F451")]
    [TestCase("caf\uDCE9")]
    [TestCase("\uDC80\uDCFF and \uD83D alone")]
    [TestCase("\uFFFFQQ==")]
    public void A_name_that_is_not_utf_8_is_the_same_again(string name)
    {
        var plan = ProgramPatient.Blog with { Folder = name };
        var legacy = new Legacy { Program = name, Vassals = [new VassalLegacy { Name = name, Plans = [plan] }] };
        var read = LegacyText.Read(LegacyText.Write(legacy));
        Assert.That((read.Program, read.Vassals[0].Name, read.Vassals[0].Plans[0].Folder), Is.EqualTo((name, name, name)));
    }

    [Test]
    public void Every_property_of_every_record_survives()
    {
        var legacy = new Filled().Of<Legacy>();
        var read = LegacyText.Read(LegacyText.Write(legacy));
        Assert.That(Filled.Differences(legacy, read, IsToldByPlace), Is.Empty);
        Assert.That(LegacyText.Write(read), Is.EqualTo(LegacyText.Write(legacy)));
    }

    [Test]
    public void Every_property_of_every_entry_of_a_journal_survives()
    {
        var entry = new Filled().Of<JournalEntry>() with { Format = LegacyText.Format };
        var read = LegacyJournal.Read([LegacyJournal.Write(entry with { Gone = ["nobody"] })]);
        var expected = new Legacy
        {
            Program = entry.Program,
            Empire = entry.Empire!,
            Vassals = entry.Vassals,
        };
        var found = Filled.Differences(expected, read, p => IsToldByPlace(p) || p.Name is nameof(Legacy.Tails) or nameof(Legacy.Events));
        Assert.That(found, Is.Empty);
    }

    [Test]
    public void Plans_are_told_by_their_places_and_are_the_same_objects_again()
    {
        var (one, other) = (new Filled().Of<ProgramPlan>(), new Filled().Of<ProgramPlan>() with { Folder = "/" });
        var state = new Filled().Of<Emperor.Core.Vassals.VassalState>();
        state = state with
        {
            Plan = one,
            Rolling = null,
            Members = [.. state.Members.Select(m => m with { Plan = other })],
            Slots = [.. state.Slots.Select(s => s with { Plan = one })],
        };
        var left = Inheritance.Of(state);
        Assert.That(left.Plans, Is.EquivalentTo(new[] { one, other }));
        var read = LegacyText.Read(LegacyText.Write(new Legacy { Vassals = [left] })).Vassals[0];
        Assert.That(Encoding.UTF8.GetString(LegacyText.Write(new Legacy { Vassals = [left] })), Does.Not.Contain("\"Plan\":{"));
        var restored = read.State!.Restore(new PlanTable(read.Plans));
        Assert.That(
            Filled.Differences(state, restored, p => p.Name == nameof(state.Rolling)),
            Has.All.EndsWith("has its default").Or.Empty
        );
        Assert.That(restored.Rolling, Is.Null);
        Assert.That(restored.Slots.All(s => ReferenceEquals(s.Plan, restored.Plan)));
    }

    [Test]
    public void Nothing_is_something_too()
    {
        var read = LegacyText.Read(LegacyText.Write(Legacy.None));
        Assert.That(read.IsNone);
        Assert.That(new Empire(new EmpirePolicy(), read).Vassals, Is.Empty);
        Assert.That(LegacyText.Write(read), Is.EqualTo(LegacyText.Write(Legacy.None)));
    }

    [TestCase("", "does not begin as a legacy does")]
    [TestCase("{}", "does not begin as a legacy does")]
    [TestCase("\u007fELF", "does not begin as a legacy does")]
    [TestCase("EMPEROR-LEGACY 1 2\n{}", "does not begin as a legacy does")]
    [TestCase("EMPEROR-LEGACY -1 2 x\n{}", "does not begin as a legacy does")]
    [TestCase("EMPEROR-LEGACY 0 2 x\n{}", "its format is 0, and this program reads 1 to")]
    [TestCase("EMPEROR-LEGACY 999 2 x\n{}", "its format is 999, and this program reads 1 to")]
    [TestCase("EMPEROR-LEGACY 99999999999 2 x\n{}", "does not begin as a legacy does")]
    [TestCase("EMPEROR-LEGACY 2 3 x\n{}", "it is damaged")]
    [TestCase("EMPEROR-LEGACY 2 2 x\n{}", "it is damaged")]
    public void What_is_no_legacy_is_refused(string text, string reason)
    {
        var error = Assert.Throws<LegacyException>(() => LegacyText.Read(Encoding.UTF8.GetBytes(text)));
        Assert.That(error!.Message, Does.Contain(reason));
    }

    [TestCase("")]
    [TestCase("null")]
    [TestCase("[]")]
    [TestCase("7")]
    [TestCase("{\"Vassals\":7}")]
    [TestCase("{\"Vassals\":[{}]}")]
    [TestCase("{\"Vassals\":[{\"Name\":\"a\",\"State\":{}}]}")]
    [TestCase("{\"Vassals\":[{\"Name\":\"a\",\"State\":{\"State\":{\"Name\":\"a\",\"Phase\":\"Dancing\"}}}]}")]
    [TestCase("{\"Empire\":{\"Started\":1e400}}")]
    [TestCase("{\"Empire\":{\"Started\":1},\"Empire\":[")]
    public void What_is_of_the_right_shape_outside_and_not_inside_is_refused(string json)
    {
        foreach (var format in Enumerable.Range(LegacyText.OldestFormat, LegacyText.Format))
        {
            var bytes = Encoding.UTF8.GetBytes(json);
            byte[] all = [.. Encoding.ASCII.GetBytes($"EMPEROR-LEGACY {format} {bytes.Length} {Sha256.Hex(bytes)}\n"), .. bytes];
            Assert.That(() => Founded(() => LegacyText.Read(all)), Throws.TypeOf<LegacyException>(), $"format {format}");
            Assert.That(() => Founded(() => LegacyJournal.Read([bytes])), Throws.TypeOf<LegacyException>());
        }
    }

    // Whatever is read must also be fit to build an empire of, or be refused then.
    private static void Founded(Func<Legacy> read) => _ = new Empire(new EmpirePolicy(), read());

    [Test]
    public void A_damaged_one_is_refused_whatever_the_damage()
    {
        var whole = LegacyText.Write(new Filled().Of<Legacy>());
        var dice = new Random(1);
        for (var i = 0; i < Damages; i++)
        {
            var damaged = Damage(whole, dice);
            if (!damaged.AsSpan().SequenceEqual(whole))
                Assert.Throws<LegacyException>(() => LegacyText.Read(damaged), $"damage {i}");
        }
    }

    [Test]
    public void A_damaged_journal_is_read_or_refused_and_nothing_else()
    {
        var vassal = new Filled().Of<VassalLegacy>();
        var state = new Filled().Of<Emperor.Core.Vassals.VassalState>();
        vassal = vassal with { Name = state.Name, State = Inheritance.Of(state).State, Plans = Inheritance.Of(state).Plans };
        var whole = LegacyJournal.Write(LegacyJournal.Of(new EmpireLegacy(), [(vassal.Name, vassal)], "1.0"));
        var dice = new Random(2);
        var refused = 0;
        for (var i = 0; i < Damages; i++)
        {
            var damaged = Damage(whole, dice);
            try
            {
                Founded(() => LegacyJournal.Read([damaged]));
            }
            catch (LegacyException)
            {
                refused++;
            }
        }
        Assert.That(refused, Is.GreaterThan(Damages / 4));
    }

    private static byte[] Damage(byte[] whole, Random dice)
    {
        var bytes = whole.ToArray();
        switch (dice.Next(4))
        {
            case 0:
                return bytes[..dice.Next(bytes.Length)];
            case 1:
                return [.. bytes, .. bytes[dice.Next(bytes.Length)..]];
            case 2:
                var (at, length) = (dice.Next(bytes.Length), dice.Next(30));
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + length)..]];
            default:
                for (var i = dice.Next(4); i >= 0; i--)
                    bytes[dice.Next(bytes.Length)] ^= (byte)(1 << dice.Next(8));
                return bytes;
        }
    }

    private static bool IsToldByPlace(PropertyInfo property) =>
        property.Name == nameof(Member.Plan)
        && property.DeclaringType is { } type
        && (type == typeof(Member) || type == typeof(ProgramSlot));
}
