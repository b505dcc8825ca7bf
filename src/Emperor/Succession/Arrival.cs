using System.Globalization;
using System.Text;
using Emperor.Core.Succession;
using Emperor.Linux;

namespace Emperor.Succession;

/// <summary>
/// Overview: how an emperor finds what the one before it has left. One that has leapt (<see cref="Leap"/>) names two sealed memory files in a variable: its
/// legacy, and the numbers of the descriptors by their names. One that was killed has left its descriptors with the service manager, and among them the
/// journal (<see cref="Chronicle"/>).
/// </summary>
internal static class Arrival
{
    /// <summary>The variable of a leap: the process that it is meant for, and the numbers of the legacy and of the table.</summary>
    public const string Variable = "EMPEROR_LEGACY";

    /// <summary>
    /// All descriptors that pass on in a leap have numbers from here on: below are those of the runtime, which the spawner's table must hold, and it shall
    /// hold none of these (<see cref="Spawner"/>).
    /// </summary>
    public const int LowestNumber = 256;

    // For what is opened before there is a spawner.
    private const int Room = 32;

    // So many names at most were given after the last word of an emperor that was killed, and of descriptors that are lost.
    private const int NamesUnheardOf = 100_000;

    private const int MostBytes = 1 << 30;

    /// <summary>What has leapt here; null when nothing has.</summary>
    /// <param name="environment">The variable is taken out.</param>
    /// <param name="lost">The names of the descriptors are added here when it cannot be taken over: what the service manager has of them is to be let go of.</param>
    /// <param name="failure">Why it cannot be taken over, when null is returned though somebody has leapt.</param>
    public static Inheritance? OfLeap(Dictionary<string, string> environment, List<string> lost, out string? failure)
    {
        failure = null;
        environment.Remove(Variable, out var text);
        var numbers = text
            ?.Split(':')
            .Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var i) ? i : -1)
            .ToArray();
        // It may have been meant for a process from which we came.
        if (
            numbers is not [var pid, > 2 and var document, > 2 and var table]
            || pid != Self.Pid
            || !Files.IsInherited(document)
            || !Files.IsInherited(table)
        )
            return null;
        using var legacyFile = Files.TakeOver(document);
        using var tableFile = Files.TakeOver(table);
        var heirlooms = new Heirlooms(Descriptors(Encoding.ASCII.GetString(ReadAll(tableFile))));
        try
        {
            return new Inheritance(LegacyText.Read(ReadAll(legacyFile)), heirlooms, IsAdoption: false);
        }
        catch (LegacyException e)
        {
            failure = $"what the emperor before this one has left cannot be taken over, so all vassals are started anew: {e.Message}";
            lost.AddRange(heirlooms.All.Select(k => k.Name));
            heirlooms.Dispose();
            return null;
        }
    }

    /// <summary>What an emperor that was killed has left with the service manager; null when nothing has been kept.</summary>
    /// <param name="kept">The descriptors.</param>
    /// <param name="lowest">From where on they have numbers, above those of the runtime, which come behind the numbers that they were handed over by.</param>
    /// <param name="failure">Why it cannot be taken over, when null is returned though something was kept.</param>
    public static Inheritance? OfCrash(IReadOnlyList<(string Name, SafeFd Fd)> kept, out int lowest, out string? failure)
    {
        (failure, lowest) = (null, LowestNumber);
        if (kept.Count == 0)
            return null;
        var journal = kept.Where(k => Chronicle.IsName(k.Name))
            .OrderBy(k => k.Name.Length)
            .ThenBy(k => k.Name, StringComparer.Ordinal)
            .LastOrDefault();
        try
        {
            if (journal.Fd is null)
                throw new LegacyException("it has no journal");
            var legacy = LegacyJournal.Read(MemoryLog.Open(journal.Fd).ReadAll());
            if (legacy.Empire.Reign.IsEnding)
                throw new LegacyException("its vassals had been told to end");
            var first = lowest = Math.Max(LowestNumber, Files.HighestOpen() + Room);
            var last = (legacy.Empire.LastName ?? 0) + NamesUnheardOf;
            var heirlooms = new Heirlooms(kept.Select(k => (k.Name, Files.MoveAbove(k.Fd, first))), last);
            return new Inheritance(legacy, heirlooms, IsAdoption: true);
        }
        catch (Exception e) when (e is LegacyException or LinuxException)
        {
            failure =
                $"what the service manager has kept of a killed emperor cannot be taken over, so all vassals are started anew: {e.Message}";
            return null;
        }
    }

    /// <summary>All bytes of a memory file.</summary>
    public static byte[] ReadAll(SafeFd file)
    {
        if (FileStatus.Get(file.Number, out var status).Number != 0 || status.Size > MostBytes)
            return [];
        var bytes = new byte[status.Size];
        return Files.ReadAt(file, bytes, 0, out var count).Number == 0 && count == bytes.Length ? bytes : [];
    }

    /// <summary>All bytes of a memory file that others will take over.</summary>
    public static byte[] ReadAll(int number)
    {
        try
        {
            using var file = new SafeFd(Files.DuplicateAbove(number, LowestNumber));
            return ReadAll(file);
        }
        catch (LinuxException)
        {
            return [];
        }
    }

    // A line each: the name and the number.
    private static IEnumerable<(string Name, SafeFd Fd)> Descriptors(string table)
    {
        foreach (var line in table.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            if (
                words.Length == 2
                && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var fd)
                && Files.IsInherited(fd)
            )
                yield return (words[0], Files.TakeOver(fd));
        }
    }
}
