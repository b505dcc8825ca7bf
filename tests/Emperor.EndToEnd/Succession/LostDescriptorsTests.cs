using System.Globalization;
using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Systemd;

namespace Emperor.EndToEnd.Succession;

/// <summary>Descriptors that systemd keeps: they go when they are not needed any more, and what is done without them.</summary>
internal sealed class LostDescriptorsTests : SuccessionTest
{
    private const int Vassalage = 6;

    // Too few for a journal.
    private const int Few = 4;

    [Test]
    public void Descriptors_of_a_vassal_that_is_gone_are_not_kept()
    {
        Vassal("a.ini", "accept");
        Start();
        AwaitMessages("EVENT=accepting", 1);
        var few = AwaitSteady();
        for (var i = 0; i < 3; i++)
            Vassal($"b{i}.ini", "accept", "fork 1");
        AwaitMessages("EVENT=accepting", 4);
        Assert.That(AwaitSteady(), Is.GreaterThan(few));
        Machine.Run($"rm {Vassals}/b*.ini");
        AwaitMessages("EVENT=stopped", 3);
        Wait.Until(() => Stored == few, () => $"{Stored} are kept instead of {few}\n{Machine.Journal()}", Long);
    }

    // The first: the emperor knows the limit, and leaves room for what is vital. The second: it does not, as before systemd 254, and systemd drops what
    // is too much. The last: there is no room for what is vital, so nothing can be taken over.
    [TestCase(24, 24, 16)]
    [TestCase(16384, 16, 16)]
    [TestCase(16384, 4, 4)]
    public void Whose_descriptors_are_lost_is_ended_and_started_anew_once(int told, int most, int kept)
    {
        Edit(AtOnce, $"Environment=FDSTORE={told}", $"FileDescriptorStoreMax={most}");
        for (var i = 0; i < Vassalage; i++)
            Vassal($"v{i}.ini", Witness, "accept", "fork 1", "daemon 1");
        Start();
        AwaitMessages("EVENT=accepting", Vassalage);
        Wait.Until(() => Subjects.Length == 3 * Vassalage, Machine.Journal, Long);
        var before = Subjects;
        Wait.Until(() => Stored == kept, () => $"{Stored} are kept\n{Machine.Journal()}", Long);

        KillEmperor();
        string[] now = [],
            anew = [];
        // A vassal is ended as a whole, once.
        Wait.Until(
            () =>
                (now = Subjects).Length == 3 * Vassalage
                && (anew = [.. now.Except(before)]) is { Length: > 0 }
                && anew.Length % 3 == 0
                && Witnessed("start") == Vassalage + (anew.Length / 3)
                && Machine.Try("emperor status").Code == 0,
            () => $"{now.Length} processes, of which {anew.Length} are new\n{Machine.Run("ps -ef")}{Machine.Journal()}",
            Long
        );
        // Where there is a journal, each was known and told.
        if (kept > Few)
            Assert.That(Count("EVENT=killed"), Is.Zero, Machine.Journal());
        Machine.Run("systemctl stop emperor");
        AwaitNothingLeft();
    }

    [Test]
    public void Whose_pidfd_alone_is_lost_is_found_again_and_goes_on()
    {
        const int programs = 12;
        Configure("vassal-output = inherit");
        // For four of them, beside what is vital.
        Edit(AtOnce, "Environment=FDSTORE=16", "FileDescriptorStoreMax=16");
        for (var i = 0; i < programs; i++)
            Machine.Write($"{Vassals}/p{i}.ini", $"[emperor]\nexec = sleep {1001 + i}\nready = after 0.1\n");
        Start();
        AwaitMessages("EVENT=accepting", programs);
        _ = AwaitSteady();
        var before = Subjects;
        Assert.That(before, Has.Length.EqualTo(programs).And.Length.GreaterThan(Stored));

        for (var i = 1; i <= 2; i++)
        {
            KillEmperor();
            Wait.Until(() => Machine.Try("emperor status").Code == 0, Machine.Journal, Long);
            Assert.That(Subjects, Is.EquivalentTo(before), Machine.Journal());
        }
        // Their ends are seen as ever.
        var pids = Enumerable.Range(0, programs).Select(i => PidOf($"p{i}.ini")).ToArray();
        Machine.Run($"kill {string.Join(' ', pids)}");
        Wait.Until(
            () => Enumerable.Range(0, programs).All(i => PidOf($"p{i}.ini") is var pid && pid != "None" && !pids.Contains(pid)),
            Machine.Journal,
            Long
        );
        Machine.Run("systemctl stop emperor");
        AwaitNothingLeft();
    }

    private int AwaitSteady()
    {
        var last = -1;
        Wait.Until(
            () => last == (last = Stored) && Machine.Try("emperor status").Code == 0,
            () => last.ToString(CultureInfo.InvariantCulture),
            Long
        );
        return last;
    }
}
