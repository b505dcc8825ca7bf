using Emperor.Core.Reign;

namespace Emperor.Core.Configuration;

/// <summary>The options that Emperor acts on, by name, read as uWSGI reads values; aliases count as one option.</summary>
internal sealed partial class SettingValues
{
    private readonly Dictionary<string, List<ExportedOption>> _byName = new(StringComparer.Ordinal);
    private readonly List<ConfigProblem> _problems;

    public SettingValues(IReadOnlyList<ExportedOption> options, List<ConfigProblem> problems)
    {
        _problems = problems;
        foreach (var option in options)
        {
            if (option.Naming == OptionNaming.Placeholder || SupportedOptions.MainName(option.Key) is not { } name)
                continue;
            if (!_byName.TryGetValue(name, out var list))
                _byName[name] = list = [];
            list.Add(option);
        }
    }

    public bool Has(string name) => _byName.ContainsKey(name);

    public string? Text(string name) => Last(name) is { } option ? option.Value ?? "" : null;

    public bool Flag(string name) => Last(name) is { } option && CBoolean.Read(option.Value);

    public IReadOnlyList<string> List(string name) =>
        _byName.TryGetValue(name, out var options) ? options.ConvertAll(option => option.Value ?? "") : [];

    /// <summary>A list whose members must not be empty.</summary>
    public IReadOnlyList<string> NotEmpty(string name, string expected)
    {
        if (_byName.TryGetValue(name, out var options))
            foreach (var option in options)
                if (string.IsNullOrEmpty(option.Value))
                    Refuse(option, expected);
        return List(name);
    }

    /// <summary>A text that must not be empty; null when it is not given.</summary>
    public string? TextNotEmpty(string name, string expected) => NotEmpty(name, expected) is [.., var last] ? last : null;

    /// <summary>A number as atoi reads it: what follows it is ignored. Every occurrence must be one, as in uWSGI.</summary>
    public int Number(string name, int absent, string unit)
    {
        var number = absent;
        if (_byName.TryGetValue(name, out var options))
            foreach (var option in options)
                if (CNumber.TryReadPrefix(option.Value ?? "", out var value) && value is >= 0 and <= int.MaxValue)
                    number = (int)value;
                else
                    Refuse(option, $"a number of {unit} from 0 to {int.MaxValue}");
        return number;
    }

    /// <summary>A mode of three octal digits, or of four of which the first is ignored, as in uWSGI.</summary>
    public int? Octal(string name, bool mayHaveFour)
    {
        if (Last(name) is not { } option)
            return null;
        var text = option.Value ?? "";
        var isRightLength = text.Length == 3 || (mayHaveFour && text.Length == 4);
        if (isRightLength && text.All(digit => digit is >= '0' and <= '7'))
            return Convert.ToInt32(text[^3..], 8);
        Refuse(option, mayHaveFour ? "three or four octal digits, such as 022" : "three octal digits, such as 640");
        return null;
    }

    public AccountReference? Account(string name)
    {
        if (Last(name) is not { } option)
            return null;
        var text = option.Value ?? "";
        if (text.Length == 0)
        {
            Refuse(option, "a name or a number");
            return null;
        }
        if (!CNumber.IsNumber(text))
            return new AccountReference(text, null);
        if (CNumber.TryReadPrefix(text, out var id) && id <= uint.MaxValue - 1)
            return new AccountReference(text, id);
        Refuse(option, $"a name or a number up to {uint.MaxValue - 1}");
        return null;
    }

    public EmperorLogLevel Level(string name)
    {
        if (Last(name) is not { } option)
            return EmperorLogLevel.Info;
        switch (option.Value?.ToUpperInvariant())
        {
            case "TRACE":
                return EmperorLogLevel.Trace;
            case "DEBUG":
                return EmperorLogLevel.Debug;
            case "INFO":
                return EmperorLogLevel.Info;
            case "WARNING":
                return EmperorLogLevel.Warning;
            case "ERROR":
                return EmperorLogLevel.Error;
            default:
                Refuse(option, "trace, debug, info, warning or error");
                return EmperorLogLevel.Info;
        }
    }

    public ReadyPolicy Ready(string name)
    {
        if (Last(name) is not { } option)
            return ReadyPolicy.Settled;
        foreach (var policy in Enum.GetValues<ReadyPolicy>())
        {
            if (string.Equals(option.Value, policy.ToString(), StringComparison.OrdinalIgnoreCase))
                return policy;
        }
        Refuse(option, "settled, all, scan or immediate");
        return ReadyPolicy.Settled;
    }

    public Wsgi.ServerWish Server(string name)
    {
        if (Last(name) is not { } option)
            return Wsgi.ServerWish.Auto;
        switch (option.Value)
        {
            case "auto":
                return Wsgi.ServerWish.Auto;
            case "uwsgi":
                return Wsgi.ServerWish.Uwsgi;
            case "wsgi":
                return Wsgi.ServerWish.Wsgi;
            default:
                Refuse(option, "auto, uwsgi or wsgi");
                return Wsgi.ServerWish.Auto;
        }
    }

    public SurviveMode Survive(string name)
    {
        if (Last(name) is not { } option)
            return SurviveMode.Auto;
        switch (option.Value)
        {
            case "auto":
                return SurviveMode.Auto;
            case "upgrade":
                return SurviveMode.Upgrade;
            case "never":
                return SurviveMode.Never;
            default:
                Refuse(option, "auto, upgrade or never");
                return SurviveMode.Auto;
        }
    }

    public VassalOutputMode VassalOutput(string name)
    {
        if (Last(name) is not { } option)
            return VassalOutputMode.Capture;
        switch (option.Value)
        {
            case "capture":
                return VassalOutputMode.Capture;
            case "inherit":
                if (Last("vassal-log-dir") is { } directory)
                    Refuse(directory, $"that {name} is capture, since nothing comes to the folder otherwise");
                return VassalOutputMode.Inherit;
            default:
                Refuse(option, "capture or inherit");
                return VassalOutputMode.Capture;
        }
    }

    public ServerAddress? Address(string name)
    {
        if (Last(name) is not { } option)
            return null;
        if (ServerAddress.Parse(option.Value ?? "") is { } address)
            return address;
        Refuse(option, "an address: a path, @name, host:port, :port or [IPv6]:port");
        return null;
    }

    /// <summary>The numbers of capabilities, by names with commas between; the last one counts, as in uWSGI. Null when it is not given.</summary>
    public IReadOnlyList<int>? Capabilities(string name)
    {
        if (Last(name) is not { } option)
            return null;
        var words = (option.Value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var numbers = Array.ConvertAll(words, CapabilityNames.NumberOf);
        if (words.Length > 0 && Array.TrueForAll(numbers, n => n is not null))
            return [.. numbers.OfType<int>().Distinct()];
        Refuse(option, "names of capabilities with commas between, such as setuid,setgid (capabilities(7))");
        return null;
    }

    /// <summary>As uWSGI's chmod-socket: three octal digits; without a value, or with 1, everybody may connect.</summary>
    public int? SocketMode(string name)
    {
        if (Last(name) is not { } option)
            return null;
        return string.IsNullOrEmpty(option.Value) || option.Value is "1" or "true" ? 0b110_110_110 : Octal(name, mayHaveFour: false);
    }

    private ExportedOption? Last(string name) => _byName.TryGetValue(name, out var options) ? options[^1] : null;

    private void Refuse(ExportedOption option, string expected) =>
        _problems.Add(
            new ConfigProblem(
                Severity.Fatal,
                option.Origin,
                $"option \"{option.Key}\" has the value \"{Messages.Shown(option.Value ?? "")}\", but needs {expected}; correct it"
            )
        );
}
