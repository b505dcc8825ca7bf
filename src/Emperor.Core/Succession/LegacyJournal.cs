using System.Text.Json;

namespace Emperor.Core.Succession;

/// <summary>One entry of the journal: the newest state of the empire, or of a vassal, or that this is gone.</summary>
public sealed record JournalEntry
{
    /// <summary>The format that it is written in.</summary>
    public required int Format { get; init; }

    /// <summary>The version of the program that has written it.</summary>
    public required string Program { get; init; }

    /// <summary>The emperor's own; null when it is about a vassal.</summary>
    public EmpireLegacy? Empire { get; init; }

    /// <summary>A vassal's; null when it is not about one, or that is gone.</summary>
    public VassalLegacy? Vassal { get; init; }

    /// <summary>The vassal that is gone; null when none is.</summary>
    public string? Gone { get; init; }
}

/// <summary>
/// A legacy as it is kept for the case that its emperor ends without a word: entries behind each other, of which the last of each vassal counts. One that was
/// being written at that moment is not there, so what is read is always the state after a whole turn of the emperor's loop, or the one before.
/// </summary>
public static class LegacyJournal
{
    /// <summary>Writes an entry.</summary>
    public static byte[] Write(JournalEntry entry) => JsonSerializer.SerializeToUtf8Bytes(entry, LegacyJson.Default.JournalEntry);

    /// <summary>The entry of what is the emperor's own.</summary>
    public static JournalEntry Of(EmpireLegacy empire, string program) =>
        new()
        {
            Format = LegacyText.Format,
            Program = program,
            Empire = empire,
        };

    /// <summary>The entry of a vassal.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="vassal">What it leaves; null when it is gone.</param>
    /// <param name="program">The version of the program.</param>
    public static JournalEntry Of(string name, VassalLegacy? vassal, string program) =>
        new()
        {
            Format = LegacyText.Format,
            Program = program,
            Vassal = vassal,
            Gone = vassal is null ? name : null,
        };

    /// <summary>What all entries come to.</summary>
    /// <param name="entries">The entries, the oldest first.</param>
    /// <exception cref="LegacyException">One cannot be understood, or is of another format, or none tells of the empire.</exception>
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
            if (entry.Vassal is { } vassal)
                vassals[vassal.Name] = vassal;
            else if (entry.Gone is { } gone)
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
            var entry =
                JsonSerializer.Deserialize(bytes, LegacyJson.Default.JournalEntry) ?? throw new LegacyException("an entry is empty");
            return entry.Format == LegacyText.Format
                ? entry
                : throw new LegacyException($"it is of format {entry.Format}, and this program writes {LegacyText.Format}");
        }
        catch (JsonException e)
        {
            throw new LegacyException($"an entry cannot be understood: {e.Message}");
        }
    }
}
