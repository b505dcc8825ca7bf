using System.Globalization;
using System.Text;

namespace Emperor.Core.Configuration;

/// <summary>The three passes over the values: $(VARIABLE), @(file), %(placeholder).</summary>
internal sealed partial class ReadingSession
{
    private long _expansionWork;

    private void ExpandAll()
    {
        ExpandPass('$', (name, _) => Variable(name));
        ExpandPass('@', FileContent);
        ExpandPass('%', (name, _) => Placeholder(name));
    }

    private void ExpandPass(char symbol, Func<string, OptionOrigin, string?> lookup)
    {
        foreach (var entry in _entries)
        {
            if (_stopped)
                return;
            if (!entry.Done && entry.Value is not null)
                Expand(entry, symbol, lookup);
        }
    }

    /// <summary>
    /// uWSGI's own scan of a value (core/utils.c, uwsgi_apply_config_pass), with its habits: after a replacement it starts over at the second
    /// character, so what was put in is expanded too unless it stands at the very beginning; nested parentheses belong to the name.
    /// </summary>
    private void Expand(Entry entry, char symbol, Func<string, OptionOrigin, string?> lookup)
    {
        var value = entry.Value!;
        var replacements = 0;
        var depth = 0;
        var nameAt = -1;
        var afterSymbol = false;
        for (var at = 0; at < value.Length; at++)
        {
            _expansionWork++;
            var letter = value[at];
            if (letter == symbol)
            {
                afterSymbol = true;
                nameAt = -1;
            }
            else if (letter == '(' && afterSymbol)
            {
                afterSymbol = false;
                nameAt = at + 1;
                depth = 0;
            }
            else if (nameAt < 0)
                afterSymbol = false;
            else if (letter == '(')
                depth++;
            else if (letter == ')' && depth > 0)
                depth--;
            else if (letter == ')')
            {
                var name = value[nameAt..at];
                var found = name.Length == 0 ? null : lookup(name, entry.Origin);
                if (_stopped)
                    return;
                if (found is not null)
                {
                    value = string.Concat(value.AsSpan(0, nameAt - 2), found, value.AsSpan(at + 1));
                    _expansionWork += value.Length;
                    if (!IsBounded(entry, value, ++replacements))
                        return;
                    // At once, because the next name may be this very option's.
                    entry.Value = value;
                    at = 0;
                }
                nameAt = -1;
            }
        }
    }

    private bool IsBounded(Entry entry, string value, int replacements)
    {
        if (value.Length <= ReadLimits.ValueBytes && replacements <= ReadLimits.Replacements && _expansionWork <= _manner.ExpansionWork)
            return true;
        Fail(
            entry.Origin,
            $"the value of \"{Shown(entry.Key)}\" does not come to an end when it is expanded; look for a placeholder that refers to itself"
        );
        return false;
    }

    private string? Variable(string name) =>
        name.Length == 0 || name.AsSpan().ContainsAny('=', '\0') ? null
        : _host.GetEnvironment(ConfigText.ToText(name)) is { } value ? ConfigText.ToByteString(value)
        : null;

    private string? FileContent(string name, OptionOrigin origin)
    {
        if (SchemeOf(name) is { } scheme)
        {
            if (_manner.IsLenient)
            {
                Skip(origin, $"\"@({Shown(name)})\" is left as it is: nothing is run or fetched ({scheme}://) to look at a configuration");
                return null;
            }
            Fail(
                origin,
                $"\"@({Shown(name)})\": Emperor runs and fetches nothing while it reads its options ({scheme}://); use @(FILE) or $(VARIABLE)"
            );
            return null;
        }
        if (++_filesRead > _manner.Files)
        {
            Fail(origin, $"\"@({Shown(name)})\": more than {_manner.Files} files are read; look for a loop");
            return null;
        }
        var reading = ReadFile(ConfigText.ToText(name));
        if (reading.Bytes is not { } bytes)
        {
            Fail(origin, $"\"@({Shown(name)})\": {CannotRead(name, reading.Error ?? "unknown error")}");
            return null;
        }
        var text = Encoding.Latin1.GetString(bytes);
        if (text.Length > 0 && text[^1] is '\n' or '\r')
            text = text[..^1];
        var nul = text.IndexOf('\0', StringComparison.Ordinal);
        return nul < 0 ? text : text[..nul];
    }

    /// <summary>The value of the first option of this name; null without one, or without a value.</summary>
    private string? Lookup(string name)
    {
        _referenced.Add(ConfigText.ToText(name));
        return _firstOf.GetValueOrDefault(name)?.Value;
    }

    /// <summary>
    /// A name, or several words: these are worked through from left to right, each joined to what is there, or added, subtracted,
    /// multiplied or divided when a sign stands before it; "++" and "--" count up and down at once.
    /// </summary>
    private string? Placeholder(string text)
    {
        if (!text.Contains(' ', StringComparison.Ordinal))
            return Lookup(text);
        string? current = null;
        var sign = "";
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word is "+" or "-" or "*" or "/")
            {
                sign = word;
                continue;
            }
            if (word is "++" or "--")
            {
                if (current is not null)
                    current = Calculate(word[..1], CNumber.Read(current), 1);
                sign = "";
                continue;
            }
            var value = CNumber.IsNumber(word) ? word : Lookup(word) ?? "";
            current = sign.Length == 0 ? current + value : Calculate(sign, CNumber.Read(current ?? ""), CNumber.Read(value));
            sign = "";
            if (current.Length > ReadLimits.ValueBytes)
                break;
        }
        return current;
    }

    private static string Calculate(string sign, long left, long right)
    {
        var result = unchecked(
            sign switch
            {
                "+" => left + right,
                "-" => left - right,
                "*" => left * right,
                _ when right == 0 => 0,
                _ when right == -1 => -left,
                _ => left / right,
            }
        );
        return result.ToString(CultureInfo.InvariantCulture);
    }
}
