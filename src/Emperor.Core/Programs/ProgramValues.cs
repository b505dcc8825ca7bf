using System.Globalization;
using Emperor.Core.Configuration;

namespace Emperor.Core.Programs;

/// <summary>The values of a section [emperor], by key. What is wrong with one is noted, once, with its cause and its cure.</summary>
internal sealed class ProgramValues
{
    private readonly Dictionary<string, List<ExportedOption>> _byName = new(StringComparer.Ordinal);
    private readonly List<ConfigProblem> _problems;

    public ProgramValues(IEnumerable<ExportedOption> options, List<ConfigProblem> problems)
    {
        _problems = problems;
        foreach (var option in options)
        {
            if (!_byName.TryGetValue(option.Key, out var list))
                _byName[option.Key] = list = [];
            list.Add(option);
        }
    }

    public bool Has(string name) => _byName.ContainsKey(name);

    /// <summary>All of a key that may be repeated, in order; above a bound the rest is refused.</summary>
    public IReadOnlyList<ExportedOption> All(string name, int most)
    {
        if (!_byName.TryGetValue(name, out var options))
            return [];
        if (options.Count <= most)
            return options;
        Refuse(options[most], $"there are more than {most} of {name}", "remove some");
        return options[..most];
    }

    /// <summary>The one that counts of a key that stands once; null without one.</summary>
    public ExportedOption? Last(string name) => _byName.TryGetValue(name, out var options) ? options[^1] : null;

    /// <summary>Notes that a value cannot be.</summary>
    public void Refuse(ExportedOption option, string cause, string cure)
    {
        var value = option.Value ?? "";
        if (option.Key is not ("exec" or "env" or "ready" or "health") && CommentAt(value) is { } at)
            (cause, cure) = (
                $"uWSGI knows no comments behind a value, so \"{Messages.Shown(value[at..])}\" is part of it",
                "put it on a line of its own"
            );
        _problems.Add(
            new ConfigProblem(
                Severity.Error,
                option.Origin,
                $"\"{Messages.Shown(option.Key)} = {Messages.Shown(value)}\": {Messages.Shown(cause)}; {cure}"
            )
        );
    }

    /// <summary>A switch. Stricter than uWSGI, which takes all but four words for true.</summary>
    public bool Flag(string name)
    {
        if (Last(name) is not { } option)
            return false;
        switch ((option.Value ?? "").ToUpperInvariant())
        {
            case "" or "1" or "TRUE" or "ON" or "YES":
                return true;
            case "0" or "FALSE" or "OFF" or "NO":
                return false;
            default:
                Refuse(option, "it is a switch", "write true or false");
                return false;
        }
    }

    public long? Number(string name, long least, long most)
    {
        if (Last(name) is not { } option)
            return null;
        if (
            long.TryParse(option.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && number >= least
            && number <= most
        )
            return number;
        Refuse(option, "it is no such number", string.Create(CultureInfo.InvariantCulture, $"write one from {least} to {most}"));
        return null;
    }

    /// <summary>A time, in milliseconds.</summary>
    public long? Time(string name, long least, long most) =>
        Last(name) is { } option ? Time(option, option.Value ?? "", least, most) : null;

    /// <summary>A time within the value of an option.</summary>
    public long? Time(ExportedOption option, string text, long least, long most)
    {
        if (!Quantity.TryReadTime(text, out var time))
            Refuse(option, "it is no time", "write seconds, or a number with ms, s, min or h behind it, such as 90, 1.5 or 10min");
        else if (time < least || time > most)
            Refuse(option, "it is no such time", $"write one from {Quantity.TimeText(least)} to {Quantity.TimeText(most)}");
        else
            return time;
        return null;
    }

    /// <summary>A size, in bytes.</summary>
    /// <param name="name">The key.</param>
    /// <param name="bare">What a number without a unit counts, bytes.</param>
    /// <param name="least">The smallest, bytes.</param>
    public long? Size(string name, long bare, long least)
    {
        const long Most = 1L << 50;
        if (Last(name) is not { } option)
            return null;
        var text = option.Value ?? "";
        if (text.EndsWith('%'))
            Refuse(option, "it is no size, and what it is a share of differs from machine to machine", "write one such as 300M or 1G");
        else if (!Quantity.TryReadSize(text, bare, out var size))
            Refuse(option, "it is no size", "write a number with K, M, G or T behind it, such as 300M");
        else if (size < least)
            Refuse(
                option,
                string.Create(CultureInfo.InvariantCulture, $"{size} bytes are less than any program needs"),
                "write a number with K, M, G or T behind it, such as 300M"
            );
        else if (size > Most)
            Refuse(option, "it is more than any machine has", "write a smaller one, or remove it");
        else
            return size;
        return null;
    }

    /// <summary>The words of a command: the program first, with an absolute path if it is a path.</summary>
    public IReadOnlyList<string> Command(ExportedOption option, string text, string folder)
    {
        var words = ShellWords.Split(text, out var cause, out var cure);
        if (words is null)
            Refuse(option, cause, cure);
        else if (words.Count == 0 || words[0].Length == 0)
            Refuse(option, "no program is named", "write its path or name, and its arguments");
        else if (words[0].Contains("%(", StringComparison.Ordinal) || words[0].Contains("$(", StringComparison.Ordinal))
            Refuse(option, $"nothing has the name in \"{words[0]}\"", "correct it, or define it with set-placeholder = NAME=VALUE");
        else if (words[0].Contains('/', StringComparison.Ordinal))
            return Full(option, words[0], folder) is { } program ? [program, .. words.Skip(1)] : [];
        else
            return words;
        return [];
    }

    /// <summary>An absolute path without "." and "..".</summary>
    public string? Full(ExportedOption option, string path, string folder)
    {
        if (path.Length == 0)
            Refuse(option, "it is empty", "write a path, or remove the line");
        else if (path.Any(char.IsControl))
            Refuse(option, "a path cannot hold control characters", "remove them");
        else if (path[0] == '~')
            Refuse(option, "no shell reads it, so ~ is no folder", "write the path, or $(HOME) for the emperor's");
        else
            return Path.GetFullPath(path, folder);
        return null;
    }

    /// <summary>A user or a group, by name or number.</summary>
    public string? Account(ExportedOption option, string text, string what)
    {
        // As login names go: nothing that a list, a path or a shell would take for something else.
        const int Longest = 256;
        var isNumber = text.Length > 0 && text.All(char.IsAsciiDigit);
        var isFine = isNumber
            ? long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id < uint.MaxValue
            : text.Length is > 0 and <= Longest && text[0] != '-' && !text.Any(c => char.IsControl(c) || c is ' ' or ':' or '/' or ',');
        if (isFine)
            return text;
        Refuse(option, $"it names no {what}", "write one name or number");
        return null;
    }

    // As VassalCheck sees them.
    private static int? CommentAt(string value)
    {
        for (var i = 1; i < value.Length; i++)
        {
            if (
                value[i - 1] is ' ' or '\t'
                && (value[i] == '#' || (value[i] == ';' && (i + 1 == value.Length || value[i + 1] is ' ' or '\t')))
            )
                return i;
        }
        return null;
    }
}
