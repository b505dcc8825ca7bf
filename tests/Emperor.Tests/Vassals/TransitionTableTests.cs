using System.Globalization;
using System.Reflection;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

[TestFixture]
public sealed class TransitionTableTests
{
    private static IEnumerable<TestCaseData> Cells =>
        TransitionTable.Cells.Select(c => new TestCaseData(c).SetArgDisplayNames(c.ToString()));

    [TestCaseSource(nameof(Cells))]
    public void Each_phase_answers_each_event_as_the_table_says(object cell)
    {
        var (row, from, next, effects) = (TransitionTable.Cell)cell;
        var patient = new Patient().BroughtTo(from);
        Assert.That(patient.Phase, Is.EqualTo(from), "the way to the phase leads elsewhere");
        if (row.EndsWith(" due", StringComparison.Ordinal))
            patient.Silently(1_000_000);
        if (row.EndsWith(" ready", StringComparison.Ordinal))
            patient.IsToldThatOthersAreReady();

        patient.Takes(TransitionTable.EventOf(row, patient.State));

        Assert.Multiple(() =>
        {
            Assert.That(patient.Phase, Is.EqualTo(next));
            Assert.That(TransitionTable.Notation(patient.Effects), Is.EqualTo(effects));
            Assert.That(patient.Effects.Select(e => e.Vassal), Has.All.EqualTo("blog.ini"));
        });
    }

    [Test]
    public void The_table_has_each_pair_of_phase_and_event_once()
    {
        var pairs = TransitionTable.Cells.Select(c => (c.From, c.Event)).ToArray();
        var rows = pairs.Select(p => p.Event).Distinct().ToArray();
        var wanted = Enum.GetValues<Phase>().SelectMany(_ => rows, (phase, row) => (phase, row));
        Assert.That(pairs, Is.EquivalentTo(wanted));
    }

    [Test]
    public void The_table_has_a_row_for_each_kind_of_event()
    {
        var kinds = typeof(VassalEvent).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(VassalEvent))).Select(t => t.Name);
        var rows = TransitionTable.Cells.Select(c => c.Event.Split(' ')[0]).Distinct();
        Assert.That(rows, Is.EquivalentTo(kinds));
    }

    [Test]
    public void The_table_has_a_row_for_each_byte_of_the_protocol_and_one_for_all_others()
    {
        var known = Constants(typeof(VassalMessage));
        var rows = RowsOf(nameof(VassalEvent.Received));
        Assert.Multiple(() =>
        {
            Assert.That(rows, Is.SupersetOf(known));
            Assert.That(rows.Where(b => !VassalMessage.IsKnown(b)), Is.Not.Empty);
            Assert.That(rows.Where(VassalMessage.IsKnown), Is.EquivalentTo(known));
        });
    }

    [Test]
    public void An_event_of_an_earlier_process_changes_nothing_in_any_phase([Values] Phase phase)
    {
        foreach (var row in TransitionTable.Cells.Select(c => c.Event).Distinct())
        {
            var patient = new Patient().BroughtTo(phase);
            var before = patient.State;
            var late = TransitionTable.EventOf(row, before with { Incarnation = before.Incarnation - 1 });
            if (late.GetType().GetProperty("Incarnation") is null)
                continue;
            patient.Takes(late);
            Assert.That(patient.State, Is.EqualTo(before), row);
            Assert.That(patient.Effects, Is.Empty, row);
        }
    }

    [Test]
    public void No_event_leaves_a_deadline_where_time_alone_changes_nothing()
    {
        foreach (var cell in TransitionTable.Cells)
        {
            var patient = new Patient().BroughtTo(cell.From);
            patient.Takes(TransitionTable.EventOf(cell.Event, patient.State));
            var rests = patient.Phase is Phase.Waiting or Phase.Running or Phase.Resting or Phase.Refused or Phase.Gone;
            if (rests)
                Assert.That(patient.State.Deadline, Is.Null, cell.ToString());
            if (!patient.State.HasProcess)
                Assert.That(patient.State.HeartbeatDeadline, Is.Null, cell.ToString());
            if (patient.State.NextDeadline is { } due)
            {
                patient.AtItsDeadline();
                Assert.That(patient.State.NextDeadline, Is.Null.Or.GreaterThan(due), $"{cell}: a deadline that stays due spins the loop");
            }
        }
    }

    private static byte[] Constants(Type type) =>
        [.. type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (byte)f.GetRawConstantValue()!)];

    private static byte[] RowsOf(string kind) =>
        [
            .. TransitionTable
                .Cells.Select(c => c.Event)
                .Distinct()
                .Where(e => e.StartsWith(kind + " ", StringComparison.Ordinal))
                .Select(e => byte.Parse(e.Split(' ')[1], CultureInfo.InvariantCulture)),
        ];
}
