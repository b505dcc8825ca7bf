using Emperor.Core.Programs;

namespace Emperor.Core.Configuration;

/// <summary>
/// One reading of a configuration. All strings inside hold a byte a character (see <see cref="ConfigText"/>).
/// </summary>
/// <remarks>
/// uWSGI reads in four steps, and so does this: options are collected (environment, command line, then files named without an
/// option), while immediate ones act at once and may bring in more; the values of all others are expanded, first $(…), then @(…), then
/// %(…); at last they are applied in order, where "inherit" brings in options that nobody expands any more.
/// </remarks>
internal sealed partial class ReadingSession
{
    private readonly IConfigHost _host;
    private readonly MagicVariables _magic;
    private readonly List<Entry> _entries = [];
    private readonly Dictionary<string, Entry> _firstOf = new(StringComparer.Ordinal);
    private readonly List<ConfigProblem> _problems = [];
    private readonly List<string> _messages = [];
    private readonly HashSet<string> _referenced = new(StringComparer.Ordinal);

    private bool _stopped;
    private bool _strict;
    private bool _help;
    private bool _version;
    private int? _exitCode;
    private long _bytes;
    private string? _blacklist;
    private string? _whitelist;

    private readonly ReadingManner _manner;

    public ReadingSession(IConfigHost host, ReadingManner manner)
    {
        _manner = manner;
        _host = host;
        _magic = new MagicVariables(host);
    }

    private sealed class Entry
    {
        public required string Key { get; init; }
        public required string? Value { get; set; }
        public required OptionOrigin Origin { get; init; }
        public OptionNaming Naming { get; init; }

        /// <summary>It has acted already, so it is neither expanded nor applied.</summary>
        public bool Done { get; set; }
    }

    public ReadResult Run(IReadOnlyList<string> arguments)
    {
        ReadEnvironment();
        ReadCommandLine(arguments);
        ExpandAll();
        ApplyAll();
        return new ReadResult
        {
            Options = _entries.ConvertAll(entry => new ExportedOption(
                ConfigText.ToText(entry.Key),
                entry.Value is null ? null : ConfigText.ToText(entry.Value),
                entry.Origin,
                entry.Naming
            )),
            Problems = _problems,
            Messages = _messages,
            ReferencedNames = _referenced,
            HelpRequested = _help,
            VersionRequested = _version,
            ExitCode = _exitCode,
        };
    }

    /// <summary>Variables that belong to the talk between an emperor and its vassals, and are no options.</summary>
    private static readonly string[] NoOptions =
    [
        "UWSGI_RELOADS",
        "UWSGI_VASSALS_DIR",
        "UWSGI_EMPEROR_FD",
        "UWSGI_BROODLORD_NUM",
        "UWSGI_EMPEROR_FD_CONFIG",
        "UWSGI_EMPEROR_PROXY",
        "UWSGI_JAIL_PID",
        "UWSGI_ORIGINAL_PROC_NAME",
        // Set by images to say which uwsgi they hold; uWSGI takes it for --version and --help, and ends.
        "UWSGI_VERSION",
        "UWSGI_HELP",
        "UWSGI_USAGE",
    ];

    private void ReadEnvironment()
    {
        const string Prefix = "UWSGI_";
        const string ForVassals = "UWSGI_VASSAL_";
        foreach (var (name, value) in _host.Environment)
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal) || name.StartsWith(ForVassals, StringComparison.Ordinal))
                continue;
            if (NoOptions.Contains(name))
                continue;
            var key = string.Concat(ConfigText.ToByteString(name[Prefix.Length..]).Select(EnvironmentLetter));
            Add(key, ConfigText.ToByteString(value), OptionOrigin.Environment(name));
        }
    }

    private static char EnvironmentLetter(char letter) =>
        letter == '_' ? '-'
        : char.IsAsciiLetterUpper(letter) ? (char)(letter | 0x20)
        : letter;

    private void ReadCommandLine(IReadOnlyList<string> arguments)
    {
        var line = new CommandLine(arguments, _host.GetEnvironment("POSIXLY_CORRECT") is not null);
        foreach (var token in line.Tokens())
        {
            if (_stopped)
                return;
            if (token.Error is { } error)
                Fail(OptionOrigin.CommandLine, error);
            else if (token.Option is { } option)
                Add(option.Name, token.Value is null ? null : ConfigText.ToByteString(token.Value), OptionOrigin.CommandLine);
            else if (!token.Value!.StartsWith('['))
                LoadByExtension(ConfigText.ToByteString(token.Value), OptionOrigin.CommandLine);
        }
    }

    /// <summary>Takes one option in, through blacklist, conditions and loops.</summary>
    private void Add(string key, string? value, OptionOrigin origin, OptionNaming naming = OptionNaming.Plain)
    {
        if (_stopped || IsForbidden(key, origin))
            return;
        if (!_logicRunning)
        {
            if (key is "end" or "endfor" or "endif" or "end-if" or "end-for")
                _logic = null;
            if (_logic is { } logic)
            {
                _logicRunning = true;
                RunLogic(logic, key, value, origin);
                _logicRunning = false;
                return;
            }
        }
        Export(key, value, origin, naming);
    }

    private void Export(string key, string? value, OptionOrigin origin, OptionNaming naming)
    {
        _bytes += key.Length + (value?.Length ?? 0);
        if (value?.Length > ReadLimits.ValueBytes)
            Fail(
                origin,
                $"the value of \"{Shown(key)}\" is longer than {ReadLimits.ValueBytes / 1024} KiB; shorten it or move it to a file"
            );
        else if (_entries.Count >= _manner.Options || _bytes > _manner.TotalBytes)
            Fail(origin, $"the configuration has more than {_manner.Options} options or {_manner.TotalBytes >> 20} MiB; shorten its loops");
        if (_stopped)
            return;
        var entry = new Entry
        {
            Key = key,
            Value = value,
            Origin = origin,
            Naming = naming,
        };
        _entries.Add(entry);
        _firstOf.TryAdd(key, entry);
        var option = FindOption(key, origin);
        if (naming == OptionNaming.Placeholder)
        {
            entry.Done = true;
            if (_manner.IsProgram && ProgramKeys.IsTaken(key))
                Fail(origin, $"\"{Shown(key)}\" cannot be a placeholder, because it has a meaning in section [emperor]; use another name");
            else if (option is not null)
                Fail(origin, $"\"{key}\" cannot be a placeholder, because it is an option; use another name, or --set");
        }
        else if (option is null)
            RefuseInStrictMode(entry);
        else if (option.Immediate)
        {
            Act(entry);
            entry.Done = true;
        }
    }

    // In the section [emperor] a word is an option of uWSGI's only when it steers the reading.
    private KnownOption? FindOption(string key, OptionOrigin origin) =>
        !_manner.IsProgram
        || origin.Kind != OriginKind.File
        || key is "ini" or "include" or "set" or "set-placeholder" or "set-ph"
        || IsLogic(key)
            ? OptionTable.Instance.Find(key)
            : null;

    private void RefuseInStrictMode(Entry entry)
    {
        if (!_strict)
            return;
        var key = Shown(entry.Key);
        var cure = OptionTable.Instance.Nearest(key) is { } nearest
            ? $"did you mean \"{nearest}\"?"
            : "remove it, or name it with set-placeholder when it is one";
        Fail(entry.Origin, $"unknown option \"{key}\" in strict mode; {cure}");
    }

    private bool IsForbidden(string key, OptionOrigin origin)
    {
        if (_blacklist is not null && HasWord(_blacklist, key))
            Fail(origin, $"option \"{Shown(key)}\" is forbidden by blacklist; remove it, or end the list before it with end-blacklist");
        else if (_whitelist is not null && !HasWord(_whitelist, key))
            Fail(origin, $"option \"{Shown(key)}\" is not in the whitelist; remove it, or add it to the list");
        return _stopped;
    }

    private static bool HasWord(string list, string word) =>
        list.Split(' ', StringSplitOptions.RemoveEmptyEntries).Contains(word, StringComparer.OrdinalIgnoreCase);

    /// <summary>Applies what is left, in order; "inherit" makes the list grow while this runs.</summary>
    private void ApplyAll()
    {
        for (var i = 0; i < _entries.Count && !_stopped && !_manner.IsProgram; i++)
        {
            var entry = _entries[i];
            if (entry.Done)
                continue;
            entry.Done = true;
            switch (entry.Key)
            {
                case "inherit":
                    LoadByExtension(entry.Value ?? "", entry.Origin);
                    break;
                case "print":
                    _messages.Add(ConfigText.ToText(entry.Value ?? ""));
                    break;
                case "version":
                    _version = true;
                    _stopped = true;
                    break;
                default:
                    // uWSGI refuses unknown words of the environment too; but those are often people's own variables.
                    if (entry.Origin.Kind != OriginKind.Environment && OptionTable.Instance.Find(entry.Key) is null)
                        RefuseInStrictMode(entry);
                    break;
            }
        }
    }

    private void Fail(OptionOrigin origin, string message)
    {
        _problems.Add(new ConfigProblem(Severity.Fatal, origin, message));
        _stopped = true;
    }

    /// <summary>What is not done while a vassal's configuration is looked at.</summary>
    private void Skip(OptionOrigin origin, string message) => _problems.Add(new ConfigProblem(Severity.Warning, origin, message));

    private void Report(OptionOrigin origin, string message) => _problems.Add(new ConfigProblem(Severity.Error, origin, message));

    private static string Shown(string bytes) => Messages.ShownBytes(bytes);
}
