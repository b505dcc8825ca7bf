using System.Globalization;
using Emperor.Core.Configuration;

namespace Emperor.Core.Wsgi;

/// <summary>The options of a file by their canonical names, with what is wrong with their values.</summary>
internal sealed class WsgiValues
{
    private const int MostRepeated = 256;

    private readonly Dictionary<string, List<(ExportedOption Option, string Value)>> _byName = new(StringComparer.Ordinal);
    private readonly List<ConfigProblem> _problems;

    public WsgiValues(IEnumerable<ExportedOption> options, IReadOnlySet<string> placeholders, List<ConfigProblem> problems)
    {
        _problems = problems;
        foreach (var option in options)
            Take(option, placeholders);
    }

    /// <summary>The names that are set.</summary>
    public IEnumerable<string> Names => _byName.Keys;

    public bool Has(string name) => _byName.ContainsKey(name);

    /// <summary>The option that counts of those with this name; null without one.</summary>
    public ExportedOption? Last(string name) => _byName.GetValueOrDefault(name)?[^1].Option;

    /// <summary>Its value; null without one, or when it is empty.</summary>
    public string? Text(string name) => _byName.GetValueOrDefault(name)?[^1].Value is { Length: > 0 } text ? text : null;

    /// <summary>All values in their order.</summary>
    public IReadOnlyList<(ExportedOption Option, string Value)> All(string name) => _byName.GetValueOrDefault(name) ?? [];

    /// <summary>A switch as uWSGI reads it: all but four words are true.</summary>
    public bool Flag(string name) => Last(name) is { } option && CBoolean.Read(option.Value);

    /// <summary>A number that is not negative, as uWSGI reads its start; null without one.</summary>
    public long? Number(string name, long most = int.MaxValue)
    {
        if (Last(name) is not { } option)
            return null;
        var text = (option.Value ?? "").Trim();
        // atoi() makes 0 of a word.
        if (text.ToUpperInvariant() is "TRUE" or "FALSE" or "YES" or "NO" or "ON" or "OFF")
        {
            Warn(option, "it is a number, and uWSGI reads this as 0; write the number");
            return 0;
        }
        if (!CNumber.TryReadPrefix(text, out var number) || number < 0 || number > most)
        {
            Refuse(option, "it is no such number", string.Create(CultureInfo.InvariantCulture, $"write one from 0 to {most}"));
            return null;
        }
        if (!text.All(char.IsAsciiDigit))
            Warn(option, $"only the number is read, {number.ToString(CultureInfo.InvariantCulture)}; put comments on lines of their own");
        return number;
    }

    /// <summary>Notes that a value cannot be.</summary>
    public void Refuse(ExportedOption option, string cause, string cure) => Add(Severity.Error, option, $"{Messages.Shown(cause)}; {cure}");

    /// <summary>Notes something that changes nothing.</summary>
    public void Warn(ExportedOption option, string words) => Add(Severity.Warning, option, words);

    private void Add(Severity severity, ExportedOption option, string words) =>
        _problems.Add(
            new ConfigProblem(severity, option.Origin, $"\"{Messages.Shown(option.Key)} = {Messages.Shown(option.Value ?? "")}\": {words}")
        );

    private void Take(ExportedOption option, IReadOnlySet<string> placeholders)
    {
        if (WsgiOptions.Find(option.Key) is not { } known)
        {
            if (OptionTable.Instance.IsUwsgis(option.Key))
                Refuse(
                    option,
                    $"the built-in server has no {option.Key}",
                    "remove it, or write \"server = uwsgi\" in a section [emperor] to have uWSGI run it"
                );
            else if (!placeholders.Contains(option.Key) && option.Naming == OptionNaming.Plain)
                Warn(option, "there is no such option; it has no effect");
            return;
        }
        // A switch that is off asks for nothing.
        var isOff = option.Value is { } text && CBoolean.IsFalse(text);
        if (known.Fate == WsgiFate.Refused && !isOff)
            Refuse(option, $"the built-in server has no {option.Key}", known.Words);
        else if (known.Fate == WsgiFate.Warned && !isOff)
            Warn(option, $"it has no effect with the built-in server: {known.Words}");
        if (known.Fate is not (WsgiFate.Worker or WsgiFate.Emperor))
            return;
        if (!_byName.TryGetValue(known.Canonical, out var list))
            _byName[known.Canonical] = list = [];
        if (list.Count == MostRepeated)
            Refuse(option, $"there are more than {MostRepeated} of {option.Key}", "remove some");
        if (list.Count < MostRepeated)
            list.Add((option, known.Value is WsgiValue.Path or WsgiValue.Paths ? WithoutComment(option) : option.Value ?? ""));
    }

    // As people copy them from tutorials: a sign of a comment with a blank before it, and what follows.
    private string WithoutComment(ExportedOption option)
    {
        var value = option.Value ?? "";
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] is '#' or ';' && (i == 0 || value[i - 1] is ' ' or '\t'))
            {
                Warn(
                    option,
                    $"\"{Messages.Shown(value[i..])}\" is taken for a comment; uWSGI takes it for a part of the value, so put it on a line of its own"
                );
                return value[..i].Trim();
            }
        }
        return value.Trim();
    }
}
