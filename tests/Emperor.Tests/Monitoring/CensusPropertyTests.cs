using Emperor.Core.Monitoring;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests.Monitoring;

/// <summary>Any looks and scans, of any monitors, at any folders: what is told in the end is what is there.</summary>
[TestFixture]
public sealed class CensusPropertyTests
{
    private const int Monitors = 3;
    private const int Names = 4;

    [Test]
    public void After_quiet_exactly_the_net_changes_have_been_told() =>
        Prop.ForAll(ArbMap.Default.ArbFor<Deed[]>(), deeds => Play(deeds)).Check(Seeded.Times(3_000));

    private static bool Play(Deed[] deeds)
    {
        var census = new Census();
        var folders = new Dictionary<string, FileStamp>[Monitors];
        for (var i = 0; i < Monitors; i++)
            folders[i] = new(StringComparer.Ordinal);
        var told = new Dictionary<string, (int Monitor, FileStamp Stamp)>(StringComparer.Ordinal);
        var (now, lastDeed) = (0L, 0L);
        List<SettledChange> settled = [];
        foreach (var deed in deeds)
        {
            now += deed.Pause % 40;
            var monitor = deed.Monitor % Monitors;
            var name = $"{(char)('a' + (deed.Name % Names))}.ini";
            if (deed.State % 4 == 0)
                folders[monitor].Remove(name);
            else
                folders[monitor][name] = new FileStamp(1, 1, 1, deed.State % 4, 0, 0);
            if (deed.IsScan)
                census.Observe(monitor, [.. folders[monitor].Select(f => new SeenFile(f.Key, f.Value))], now, settle: true, []);
            else
                census.ObserveOne(monitor, name, folders[monitor].TryGetValue(name, out var stamp) ? stamp : null, now, []);
            lastDeed = now;
            Tell(census, now, settled, told);
        }
        for (var i = 0; i < Monitors; i++)
            census.Observe(i, [.. folders[i].Select(f => new SeenFile(f.Key, f.Value))], now, settle: true, []);
        while (census.NextDue is { } due)
        {
            Assert.That(due, Is.LessThanOrEqualTo(lastDeed + Census.LongestWait));
            now = Math.Max(now, due);
            Tell(census, now, settled, told);
        }
        Assert.That(told, Is.EquivalentTo(Wanted(folders)));
        Assert.That(census.Count, Is.EqualTo(told.Count), "an entry is left of what is gone");
        return true;
    }

    // What is told must be news each time: a file that is told gone was told before, and no state is told twice in a row.
    private static void Tell(Census census, long now, List<SettledChange> settled, Dictionary<string, (int, FileStamp)> told)
    {
        census.TakeSettled(now, settled);
        foreach (var change in settled)
        {
            if (change.Stamp is not { } stamp)
            {
                Assert.That(told.Remove(change.Name), $"{change.Name} is told gone and was never told");
                continue;
            }
            var isOld = told.TryGetValue(change.Name, out var former) && former == (change.Monitor, stamp);
            Assert.That(isOld, Is.False, $"{change} is told twice");
            told[change.Name] = (change.Monitor, stamp);
        }
    }

    private static Dictionary<string, (int, FileStamp)> Wanted(Dictionary<string, FileStamp>[] folders)
    {
        var wanted = new Dictionary<string, (int, FileStamp)>(StringComparer.Ordinal);
        for (var i = 0; i < folders.Length; i++)
        {
            foreach (var (name, stamp) in folders[i])
                wanted.TryAdd(name, (i, stamp));
        }
        return wanted;
    }

    /// <summary>A change in a folder, and the look or the scan that follows it.</summary>
    public sealed record Deed(byte Monitor, byte Name, byte State, byte Pause, bool IsScan);
}
