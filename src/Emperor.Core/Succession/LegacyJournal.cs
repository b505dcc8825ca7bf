using System.Text.Json;
using System.Text.Json.Nodes;

namespace Emperor.Core.Succession;

/// <summary>One entry of the journal: what has changed in one turn of the emperor's loop.</summary>
public sealed record JournalEntry
{
    /// <summary>The format that it is written in.</summary>
    public required int Format { get; init; }

    /// <summary>The version of the program that has written it.</summary>
    public required string Program { get; init; }

    /// <summary>The emperor's own; null when that is as it was.</summary>
    public EmpireLegacy? Empire { get; init; }

    /// <summary>The vassals that something has happened to, as they are now.</summary>
    public required IReadOnlyList<VassalLegacy> Vassals { get; init; }

    /// <summary>The vassals that are gone.</summary>
    public required IReadOnlyList<string> Gone { get; init; }
}

/// <summary>
/// A legacy as it is kept for the case that its emperor ends without a word: entries behind each other, of which the last of each vassal counts. One that was
/// being written at that moment is not there, so what is read is always the state after a whole turn of the emperor's loop, or the one before. All
/// that a turn has changed is in one entry: an order of the emperor's that some vassals know of and he does not (the end of all) would be half an order for ever.
/// </summary>
public static class LegacyJournal
{
    /// <summary>Writes an entry.</summary>
    public static byte[] Write(JournalEntry entry) => JsonSerializer.SerializeToUtf8Bytes(entry, LegacyShape.Entry);

    /// <summary>The entry of a turn.</summary>
    /// <param name="empire">What is the emperor's own; null when that is as it was.</param>
    /// <param name="vassals">The vassals that something has happened to, and what they leave; null when they are gone.</param>
    /// <param name="program">The version of the program.</param>
    public static JournalEntry Of(EmpireLegacy? empire, IEnumerable<(string Name, VassalLegacy? Vassal)> vassals, string program)
    {
        var all = vassals.ToArray();
        return new()
        {
            Format = LegacyText.Format,
            Program = program,
            Empire = empire,
            Vassals = [.. all.Select(v => v.Vassal).OfType<VassalLegacy>()],
            Gone = [.. all.Where(v => v.Vassal is null).Select(v => v.Name)],
        };
    }

    /// <summary>What all entries come to.</summary>
    /// <param name="entries">The entries, the oldest first.</param>
    /// <exception cref="LegacyException">One cannot be understood, or is of a format that is not read here, or none tells of the empire.</exception>
    public static Legacy Read(IEnumerable<byte[]> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        EmpireLegacy? empire = null;
        var program = "";
        var vassals = new Dictionary<string, VassalLegacy>(StringComparer.Ordinal);
        foreach (var bytes in entries)
        {
            var entry = Parse(bytes);
            (empire, program) = (entry.Empire ?? empire, entry.Program);
            foreach (var vassal in entry.Vassals)
                vassals[vassal.Name] = vassal;
            foreach (var gone in entry.Gone)
                vassals.Remove(gone);
        }
        return empire is null
            ? throw new LegacyException("nothing in it tells of the empire")
            : new Legacy
            {
                Program = program,
                Empire = empire,
                Vassals = [.. vassals.Values],
            };
    }

    private static JournalEntry Parse(byte[] bytes)
    {
        try
        {
            // Its format is looked for first: what else is in an entry of another one is not for this reader to say.
            var node = JsonNode.Parse(bytes);
            var format = node?[nameof(JournalEntry.Format)]?.GetValue<int>() ?? throw new LegacyException("an entry has no format");
            if (LegacyFormat.Refusal(format) is { } refusal)
                throw new LegacyException(refusal);
            var entry =
                format == LegacyText.Format
                    ? JsonSerializer.Deserialize(bytes, LegacyShape.Entry)
                    : LegacyFormat.RenewEntry(node, format).Deserialize(LegacyShape.Entry);
            return entry ?? throw new LegacyException("an entry is empty");
        }
        catch (Exception e) when (LegacyText.IsOfText(e))
        {
            throw new LegacyException($"an entry cannot be understood: {e.Message}");
        }
    }
}
