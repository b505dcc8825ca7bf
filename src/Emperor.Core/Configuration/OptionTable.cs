using System.Collections.Frozen;

namespace Emperor.Core.Configuration;

/// <summary>Whether an option takes an argument on the command line.</summary>
public enum ArgumentKind
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Always.</summary>
    Required,

    /// <summary>Only glued to it: --option=value, -xvalue.</summary>
    Optional,
}

/// <summary>An option that uWSGI, one of its plugins or Emperor knows.</summary>
/// <param name="Name">Its long name.</param>
/// <param name="Argument">Whether it takes an argument.</param>
/// <param name="Letter">Its short form; '-' for none.</param>
/// <param name="Immediate">It acts while the configuration is read, and its value is never expanded.</param>
/// <param name="Core">It is part of uwsgi 2.0.21 without plugins: only these can be abbreviated as there.</param>
public sealed record KnownOption(string Name, ArgumentKind Argument, char Letter, bool Immediate, bool Core)
{
    /// <summary>It takes one value: of several the last one counts.</summary>
    public bool IsSingle { get; init; }

    /// <summary>Its value is a number or a switch.</summary>
    public bool IsNumber { get; init; }
}

/// <summary>Every option that can stand in a configuration: uWSGI's (from the embedded list) and Emperor's own.</summary>
public sealed class OptionTable
{
    private static readonly Lazy<OptionTable> Loaded = new(() => new OptionTable(LoadList()));

    private readonly List<KnownOption> _options;
    private readonly FrozenDictionary<string, KnownOption> _byName;

    private OptionTable(List<KnownOption> options)
    {
        _options = options;
        _byName = options.ToFrozenDictionary(option => option.Name, StringComparer.Ordinal);
    }

    /// <summary>The one table, loaded on first use.</summary>
    public static OptionTable Instance => Loaded.Value;

    /// <summary>All options: uWSGI's in its own order, then Emperor's.</summary>
    public IReadOnlyList<KnownOption> Options => _options;

    /// <summary>The option of exactly this name, or null.</summary>
    public KnownOption? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Whether uWSGI or one of its plugins has an option of exactly this name.</summary>
    public bool IsUwsgis(string name) => Find(name) is not null && !SupportedOptions.All.Any(option => option.Own && option.Name == name);

    /// <summary>The first option with this short form, or null.</summary>
    public KnownOption? FindLetter(char letter) => letter == '-' ? null : _options.Find(option => option.Letter == letter);

    /// <summary>
    /// Options whose name begins with a prefix. As in getopt_long only what uwsgi itself has can be abbreviated; all other names count when
    /// none of those fits.
    /// </summary>
    public IReadOnlyList<KnownOption> FindPrefix(string prefix)
    {
        var matches = _options.FindAll(option => option.Name.StartsWith(prefix, StringComparison.Ordinal));
        var core = matches.FindAll(option => option.Core);
        return core.Count > 0 ? core : matches;
    }

    /// <summary>The name most like a word, or null when nothing is near. What Emperor acts on is preferred among equals.</summary>
    public string? Nearest(string word)
    {
        string? nearest = null;
        var limit = EditDistance.Tolerance(word);
        foreach (var option in _options)
        {
            var distance = EditDistance.Between(word, option.Name, limit);
            if (distance > limit || (distance == limit && nearest is not null && !Prefer(option.Name, nearest)))
                continue;
            nearest = option.Name;
            limit = distance;
        }
        return nearest;
    }

    private static bool Prefer(string candidate, string present) => SupportedOptions.ActsOn(candidate) && !SupportedOptions.ActsOn(present);

    private static List<KnownOption> LoadList()
    {
        using var stream =
            typeof(OptionTable).Assembly.GetManifestResourceStream("uwsgi-options.txt")
            ?? throw new InvalidOperationException("the list of uWSGI's options is missing from the program");
        using var reader = new StreamReader(stream);
        var options = new List<KnownOption>();
        while (reader.ReadLine() is { } line)
            if (line.Length > 0 && line[0] != '#')
                options.Add(ParseLine(line));
        foreach (var option in SupportedOptions.All)
            if (option.Own)
                options.Add(new KnownOption(option.Name, option.Argument, '-', Immediate: false, Core: true));
        return options;
    }

    private static KnownOption ParseLine(string line)
    {
        var fields = line.Split(' ');
        var argument = fields[1] switch
        {
            "none" => ArgumentKind.None,
            "required" => ArgumentKind.Required,
            _ => ArgumentKind.Optional,
        };
        return new KnownOption(fields[0], argument, fields[2][0], fields.Contains("immediate"), fields.Contains("core"))
        {
            IsSingle = fields.Contains("single"),
            IsNumber = fields.Contains("number"),
        };
    }
}
