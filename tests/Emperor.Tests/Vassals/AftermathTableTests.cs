using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>
/// What becomes of a process's aftermath while its end is awaited, and what then follows. The rows are the four aftermaths; a cell is the
/// phase after the event and the exit that follows it, and what that exit led to (the letters of <see cref="TransitionTable"/>).
/// </summary>
[TestFixture]
public sealed class AftermathTableTests
{
    private const string Text = """
        aftermath | nothing      | FileAccepted | FileRefused | FileGone | ReloadAsked  | Forgiven     | Ragnarok | NoMercy | Ordered Stop    | Ordered Start   | Ordered Restart | Ordered Reload  | Ordered Retry
        Recover   | Starting/BnS | Starting/BnS | Refused/Bnn | Gone/Bn  | Starting/BnS | Starting/BnS | Gone/Bn  | Gone/Bn | Resting/Bn      | Starting/BnS    | Starting/BnS    | Starting/BnS    | Starting/BnS
        StartAnew | Starting/BnS | Starting/BnS | Refused/Bnn | Gone/Bn  | Starting/BnS | Starting/BnS | Gone/Bn  | Gone/Bn | Resting/Bn      | Starting/BnS    | Starting/BnS    | Starting/BnS    | Starting/BnS
        Rest      | Resting/Bn   | Starting/BnS | Refused/Bnn | Gone/Bn  | Resting/Bn   | Resting/Bn   | Gone/Bn  | Gone/Bn | Resting/Bn      | Starting/BnS    | Starting/BnS    | Starting/BnS    | Resting/Bn
        Forget    | Gone/Bn      | Starting/BnS | Refused/Bnn | Gone/Bn  | Gone/Bn      | Gone/Bn      | Gone/Bn  | Gone/Bn | Gone/Bn         | Gone/Bn         | Gone/Bn         | Gone/Bn         | Gone/Bn
        """;

    private static IEnumerable<TestCaseData> Cells()
    {
        var rows = Text.Split('\n').Select(r => r.Split('|', StringSplitOptions.TrimEntries)).ToArray();
        foreach (var row in rows[1..])
        {
            for (var i = 1; i < row.Length; i++)
            {
                var aftermath = Enum.Parse<Aftermath>(row[0]);
                yield return new TestCaseData(Phase.Killing, aftermath, rows[0][i], row[i]);
                // A process that is told to stop never has Recover before it: only what is killed is replaced unasked.
                if (aftermath != Aftermath.Recover)
                    yield return new TestCaseData(Phase.Stopping, aftermath, rows[0][i], row[i]);
            }
        }
    }

    [TestCaseSource(nameof(Cells))]
    public void The_last_word_about_the_file_decides_what_follows_the_end(Phase phase, Aftermath aftermath, string row, string expected)
    {
        var patient = With(aftermath);
        if (phase == Phase.Killing && patient.Phase != Phase.Killing)
            patient.AtItsDeadline();
        Assert.That((patient.Phase, patient.State.Aftermath), Is.EqualTo((phase, aftermath)));

        if (row != "nothing")
            patient.Takes(TransitionTable.EventOf(row, patient.State));
        patient.Exits(0);

        var cell = $"{patient.Phase}/{TransitionTable.Notation(patient.Effects)}";
        Assert.That(cell, Is.EqualTo(expected));
    }

    [Test]
    public void The_table_has_a_row_for_each_aftermath() =>
        Assert.That(Cells().Select(c => (Aftermath)c.Arguments[1]!).Distinct(), Is.EquivalentTo(Enum.GetValues<Aftermath>()));

    private static Patient With(Aftermath aftermath) =>
        aftermath switch
        {
            Aftermath.Recover => new Patient().BroughtTo(Phase.Killing),
            Aftermath.StartAnew => new Patient().BroughtTo(Phase.Stopping).FileIsGood(),
            Aftermath.Rest => new Patient().BroughtTo(Phase.Running).Says(VassalMessage.Stopping),
            Aftermath.Forget => new Patient().BroughtTo(Phase.Stopping),
            _ => throw new ArgumentOutOfRangeException(nameof(aftermath)),
        };
}
