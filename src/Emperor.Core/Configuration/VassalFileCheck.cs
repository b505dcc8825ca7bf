using System.Text;
using Emperor.Core.Programs;

namespace Emperor.Core.Configuration;

/// <summary>Whether a vassal's file can be run.</summary>
/// <param name="Reason">Why not, with the cure; null when it can, as far as its outside tells.</param>
public readonly record struct VassalFileVerdict(string? Reason)
{
    /// <summary>It is an ini file with a section [uwsgi] that uwsgi reads.</summary>
    public bool HasUwsgi { get; init; }

    /// <summary>It is an ini file with a section [emperor], which is to be read (<see cref="Programs.ProgramReader"/>).</summary>
    public bool HasProgram { get; init; }

    /// <summary>Nothing speaks against it.</summary>
    public bool IsFine => Reason is null;
}

/// <summary>
/// Looks into a vassal's file before it is started or reloaded. uwsgi itself starts with an empty configuration when it finds no section, and
/// so takes a working app down for a slip in an editor.
/// </summary>
public static class VassalFileCheck
{
    private const string Section = "uwsgi";

    /// <summary>
    /// Examines a file. Every ini file in which uwsgi finds at least one option is fine, and so is one with a section [emperor]; of other formats
    /// only emptiness, size and NUL bytes are looked at.
    /// </summary>
    /// <param name="name">The file's name, with or without its folder.</param>
    /// <param name="bytes">Its content; of a longer file at least one byte more than <see cref="ReadLimits.FileBytes"/>.</param>
    public static VassalFileVerdict Examine(string name, ReadOnlySpan<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (bytes.IsEmpty)
            return new VassalFileVerdict("the file is empty; write its options, or remove it to stop the vassal");
        if (bytes.Length > ReadLimits.FileBytes)
            return new VassalFileVerdict($"the file is larger than {ReadLimits.FileBytes >> 20} MiB, so it is no configuration; remove it");
        if (!name.EndsWith(".ini", StringComparison.Ordinal))
            return bytes.Contains((byte)0) ? new VassalFileVerdict(Binary) : default;
        var source = Encoding.Latin1.GetString(bytes);
        var hasProgram = HasProgram(source);
        var why = WhyNothing(name, source);
        if (hasProgram && why is not null && IniText.Lines(source).Any(line => line.Section == Section))
            return new VassalFileVerdict(
                "uWSGI does not see section [uwsgi]: it takes a '%' at a line's end away with that end; write %% at the end of the line before it"
            );
        if (why is null || hasProgram)
            return new VassalFileVerdict(null) { HasUwsgi = why is null, HasProgram = hasProgram };
        return new VassalFileVerdict(bytes.Contains((byte)0) ? Binary : why);
    }

    private const string Binary = "the file holds NUL bytes, so it is binary or UTF-16; save it as plain text (UTF-8)";

    private static string? WhyNothing(string name, string source)
    {
        var (text, lines) = Variables(name).Substitute(source);
        var isRead = IniText.Lines(text).Any(line => line.Section == Section) || HasUnknowableHeader(source);
        return isRead ? null : IniDiagnosis.Misspelt(text, lines, ProgramReader.Section) ?? IniDiagnosis.WhyNothing(text, lines, Section);
    }

    /// <summary>What keeps a header from naming the section [emperor] that it means; null when there is no such header.</summary>
    public static string? MisspeltProgram(ReadOnlySpan<byte> bytes)
    {
        var source = Encoding.Latin1.GetString(bytes);
        return IniDiagnosis.Misspelt(source, [.. Enumerable.Range(1, source.Count(c => c == '\n') + 1)], ProgramReader.Section);
    }

    // Its header is written out: no variable of uWSGI's makes one.
    private static bool HasProgram(string source) =>
        source.Contains(ProgramReader.Section, StringComparison.Ordinal)
        && IniText.RawLines(source).Any(line => line.StartsWith('[') && IniText.SectionName(line) == ProgramReader.Section);

    /// <summary>
    /// Variables in a header decide at the start which section it is, so such a file is given the benefit of the doubt.
    /// </summary>
    private static bool HasUnknowableHeader(string source) =>
        IniText.RawLines(source).Any(line => line.StartsWith('[') && line.Contains('%', StringComparison.Ordinal));

    /// <summary>Variables that follow from the name have their values, the others any value that is not empty.</summary>
    private static MagicVariables Variables(string name)
    {
        const string NotEmpty = "pijsdcenvhtTVkuUgGboOPIJSDCENxX";
        var variables = new MagicVariables();
        foreach (var letter in NotEmpty)
            variables.Set(letter, "x");
        var file = ConfigText.ToByteString(name[(name.LastIndexOf('/') + 1)..]);
        variables.Set('s', file);
        variables.Set('n', file[..^".ini".Length]);
        variables.Set('e', "ini");
        return variables;
    }
}
