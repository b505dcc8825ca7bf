using System.Text;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Core.Configuration;

/// <summary>
/// The attributes in a vassal's file, as newer uWSGI collects them (uwsgi_emperor_ini_attrs in core/ini.c): keys of section [emperor] of an ini
/// file whose names an operator has asked for, with their values as they stand there, nothing put in for placeholders.
/// </summary>
public static class AttributeText
{
    private const int Most = 64;
    private const int LongestValue = 4096;

    /// <summary>Reads them.</summary>
    /// <param name="name">The file's name; other files than .ini have none.</param>
    /// <param name="content">Its content.</param>
    /// <param name="wanted">The keys that are attributes.</param>
    /// <param name="failure">What is too much; null when nothing is.</param>
    public static IReadOnlyList<VassalAttribute> Read(
        string name,
        ReadOnlySpan<byte> content,
        IReadOnlyList<string> wanted,
        out string? failure
    )
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(wanted);
        failure = null;
        if (wanted.Count == 0 || !name.EndsWith(".ini", StringComparison.Ordinal))
            return [];
        var found = new List<VassalAttribute>();
        foreach (var line in IniText.Lines(Encoding.UTF8.GetString(content)))
        {
            if (line.Section != ProgramReader.Section || !wanted.Contains(line.Key, StringComparer.Ordinal))
                continue;
            if (line.Value.Length > LongestValue)
                failure = $"line {line.Line + 1}: the attribute {line.Key} is longer than {LongestValue} characters; shorten it";
            else if (found.Count == Most)
                failure = $"line {line.Line + 1}: there are more than {Most} attributes; remove some";
            else
                found.Add(new VassalAttribute(line.Key, line.Value));
            if (failure is not null)
                return [];
        }
        return found;
    }
}
