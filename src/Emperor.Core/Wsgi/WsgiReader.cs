using System.Globalization;
using Emperor.Core.Checks;
using Emperor.Core.Configuration;
using Emperor.Core.Programs;

namespace Emperor.Core.Wsgi;

/// <summary>What a uwsgi ini asks of the built-in server, or what is wrong with it.</summary>
/// <param name="Plan">What it asks for; good only without an error.</param>
/// <param name="Problems">What is wrong, in the order of the lines.</param>
public sealed record WsgiReading(ProgramPlan? Plan, IReadOnlyList<ConfigProblem> Problems)
{
    /// <summary>Why the file cannot be run, in one sentence that names line and option; null when it can.</summary>
    /// <param name="file">The vassal's file, as it was read.</param>
    public string? Refusal(string file) => new ProgramReading(null, Problems, []).Refusal(file);
}

/// <summary>
/// Makes of the section [uwsgi] of a vassal's ini file what the emperor must know to run it without uWSGI. Placeholders, includes, conditions and
/// so on are as uWSGI reads them; what each option means stands in <see cref="WsgiOptions"/>.
/// </summary>
public static class WsgiReader
{
    private const int MostProcesses = 1000;
    private const int MostThreads = 1024;
    private const int MostSockets = 64;

    // uWSGI's (core/uwsgi.c, uwsgi.listen_queue).
    private const int DefaultBacklog = 100;
    private const int LongestQueue = 65_535;
    private const int NumberBytes = 32;
    private const int Permissions = 0x1FF;
    private const int UsualMask = 0x12;

    // A worker that says that one of its own limits is reached (WORKER.md, exit codes).
    private const int LimitReached = 17;
    private const int HangUp = 1;

    /// <summary>The Python app that a file names, as it names it; null for none. Never throws because of what it reads.</summary>
    /// <param name="file">The file's name in the host's working folder.</param>
    /// <param name="host">What may be asked of the world.</param>
    /// <param name="arguments">The command line that a uwsgi would be started with (--vassal-set and its kind, --ini FILE); null for the file alone.</param>
    public static string? App(string file, IConfigHost host, IReadOnlyList<string>? arguments = null) =>
        AppOf(Values(file, host, arguments, []));

    /// <summary>Reads a file. Never throws because of what it reads.</summary>
    /// <param name="file">The file's name in the host's working folder.</param>
    /// <param name="host">What may be asked of the world.</param>
    /// <param name="arguments">The command line that a uwsgi would be started with (--vassal-set and its kind, --ini FILE); null for the file alone.</param>
    public static WsgiReading Read(string file, IConfigHost host, IReadOnlyList<string>? arguments = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(host);
        var problems = new List<ConfigProblem>();
        return Read(Values(file, host, arguments, problems), OptionOrigin.File(file, 0), host, problems);
    }

    /// <summary>
    /// Reads a command line of uWSGI, with the files that it names and the variables UWSGI_X of the host's environment ("emperor serve"). What
    /// <see cref="ServeOptions"/> has is left to who runs it. Never throws because of what it reads.
    /// </summary>
    /// <param name="arguments">The command line without the program's name.</param>
    /// <param name="host">What may be asked of the world.</param>
    public static WsgiReading ReadCommandLine(IReadOnlyList<string> arguments, IConfigHost host)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(host);
        var problems = new List<ConfigProblem>();
        var read = ConfigurationReader.Read(arguments, host, isVassal: true);
        var options = Options(read, problems).Where(o => !ServeOptions.IsServers(o.Key));
        return Read(new WsgiValues(options, read.ReferencedNames, problems), null, host, problems);
    }

    private static WsgiReading Read(WsgiValues values, OptionOrigin? whole, IConfigHost host, List<ConfigProblem> problems)
    {
        ProgramPlan? plan = null;
        if (AppOf(values) is { } app)
            plan = Build(values, app, host);
        else if (!problems.Exists(p => p.Severity == Severity.Fatal))
            problems.Add(
                new ConfigProblem(
                    Severity.Error,
                    whole,
                    whole is null
                        ? "no Python app is named; add --module PACKAGE.MODULE, --wsgi-file FILE or --mount /PATH=MODULE"
                        : "it names no Python app; add \"module = PACKAGE.MODULE\", \"wsgi-file = FILE\" or \"mount = /PATH=MODULE\""
                )
            );
        ConfigProblem[] sorted =
        [
            .. problems.Distinct().OrderBy(p => p.Origin?.Name == whole?.Name ? 0 : 1).ThenBy(p => p.Origin?.Line ?? 0),
        ];
        return new WsgiReading(plan, sorted);
    }

    /// <summary>Adds what the section [emperor] of the same file says of how it is supervised.</summary>
    public static ProgramPlan Refine(ProgramPlan plan, ProgramPlan own)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(own);
        plan = plan with
        {
            StopTimeout = own.StopTimeout ?? plan.StopTimeout,
            // One of uwsgi without a word about it waits for ever.
            ReadyTimeout = own.ReadyTimeout == ProgramPlan.Never ? plan.ReadyTimeout : own.ReadyTimeout,
            Health = own.Health,
            Limits = own.Limits with { AddressSpace = own.Limits.AddressSpace ?? plan.Limits.AddressSpace },
            After = own.After,
            Server = own.Server,
        };
        return plan with { LaunchDigest = LaunchDigest.Of(plan) };
    }

    private static WsgiValues Values(string file, IConfigHost host, IReadOnlyList<string>? arguments, List<ConfigProblem> problems)
    {
        var read = ConfigurationReader.Read(arguments ?? ["--ini", file], new VassalHost(host), isVassal: true);
        return new WsgiValues(
            Options(read, problems).Where(o => o.Origin.Kind == OriginKind.File || !NamesMore(o.Key)),
            read.ReferencedNames,
            problems
        );
    }

    // What the reader leaves as it is (other formats, what would be run or fetched) would be missing without a word.
    private static IEnumerable<ExportedOption> Options(ReadResult read, List<ConfigProblem> problems)
    {
        problems.AddRange(read.Problems.Select(p => p.Severity == Severity.Warning ? p with { Severity = Severity.Error } : p));
        return read.Options.Where(o => o.Naming != OptionNaming.Placeholder && !ProgramKeys.IsForReader(o.Key));
    }

    // Of the command line: they bring other options, and are none.
    private static bool NamesMore(string key) => key is "ini" or "inherit" or "include" or "set" or "config" or "yaml" or "xml" or "json";

    private static string? AppOf(WsgiValues values) =>
        values.Text("module") ?? values.Text("wsgi-file") ?? (values.All("mount") is [var (_, first), ..] ? first : null);

    private static ProgramPlan Build(WsgiValues values, string app, IConfigHost host)
    {
        CheckPlugins(values);
        CheckHooks(values);
        CheckQueue(values, host);
        // uWSGI goes there before it binds its sockets (core/uwsgi.c, uwsgi_start).
        var folder = values.Text("chdir") is { } chdir ? Full(chdir, host.WorkingDirectory) : host.WorkingDirectory;
        var sockets = Sockets(values, folder, out var protocols);
        if (sockets.Count == 0 && !values.Has("socket") && !values.Has("http-socket") && !values.Has("http"))
            values.Refuse(
                values.Last("module") ?? values.Last("wsgi-file") ?? values.Last("mount")!,
                "the file names no socket for it",
                "add \"socket = /PATH\" for nginx, or \"http-socket = :8000\""
            );
        var home = values.Text("home") is { } named ? Full(named, folder) : null;
        var mercy = values.Number("worker-reload-mercy") ?? values.Number("reload-mercy");
        var limit = values.Number("limit-as", int.MaxValue >> 8);
        var plan = new ProgramPlan
        {
            Exec = [Python(values, home, host), "worker.py"],
            Folder = host.WorkingDirectory,
            User = values.Text("uid"),
            Group = values.Text("gid"),
            // Before Python starts, which reads some of them; and for what runs beside the workers.
            Environment = [.. values.All("env").Select(v => v.Value)],
            Groups = values.Has("add-gid") ? [.. values.All("add-gid").Select(v => v.Value)] : null,
            Sockets = sockets,
            Processes = (int)Math.Max(1, values.Number("processes", MostProcesses) ?? 1),
            StopSignal = HangUp,
            StopTimeout = mercy is > 0 ? mercy * 1000 : null,
            Reload = ReloadWay.Overlap,
            Ready = new ReadyRule(ReadyWay.Worker),
            SuccessExitStatus = [LimitReached],
            Limits = limit is > 0 ? LimitRules.None with { AddressSpace = limit << 20 } : LimitRules.None,
            LaunchDigest = "",
            Wsgi = new WsgiPlan
            {
                App = app,
                Options = WorkerOptions.Write(values),
                Protocols = protocols,
                Mountpoints =
                [
                    .. new[] { "module", "wsgi-file" }.Where(values.Has).Select(_ => ""),
                    .. values.All("mount").Select(m => m.Value.Split('=', 2)[0]).Select(m => m == "/" ? "" : m),
                ],
                Threads = (int)Math.Max(1, values.Number("threads", MostThreads) ?? 1),
                Harakiri = values.Number("harakiri") is { } harakiri and > 0 ? harakiri * 1000 : null,
                HarakiriVerbose = values.Flag("harakiri-verbose"),
                LazyApps = values.Flag("lazy-apps"),
                Home = home,
                Duties = DutyReader.Read(values, host, folder),
            },
        };
        plan = LoadReader.Read(values, plan);
        return plan with { LaunchDigest = LaunchDigest.Of(plan) };
    }

    private static string Python(WsgiValues values, string? home, IConfigHost host)
    {
        if (home is null)
            return "python3";
        foreach (var name in new[] { "python3", "python" })
        {
            if (host.IsFile($"{home}/bin/{name}"))
                return $"{home}/bin/{name}";
        }
        values.Refuse(
            values.Last("home")!,
            $"there is no {home}/bin/python3",
            "make the virtual environment (python3 -m venv PATH), or correct the path"
        );
        return "python3";
    }

    // A list of them may stand in one line.
    private static void CheckPlugins(WsgiValues values)
    {
        foreach (var (option, value) in values.All("plugin"))
        {
            var strange = value
                .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .FirstOrDefault(name =>
                    // A number before it is that by which requests name it.
                    !(
                        (name.StartsWith("0:", StringComparison.Ordinal) ? name[2..] : name).StartsWith("python", StringComparison.Ordinal)
                        || name is "http" or "logfile" or "router_http" or "corerouter"
                    )
                );
            if (strange is not null)
                values.Refuse(
                    option,
                    $"the built-in server is for Python alone, and has no plugin {strange}",
                    "remove it, or write \"server = uwsgi\" in a section [emperor]"
                );
        }
    }

    // What people write to have uWSGI end at a signal, at which the emperor ends it in any case.
    private static void CheckHooks(WsgiValues values)
    {
        foreach (var (option, value) in values.All("hook-master-start"))
        {
            if (!value.StartsWith("unix_signal:", StringComparison.Ordinal))
                values.Refuse(
                    option,
                    "the built-in server has no hooks but unix_signal",
                    "remove it, or write \"server = uwsgi\" in a section [emperor]"
                );
        }
    }

    // The kernel shortens a longer one without a word, and uWSGI does not start.
    private static void CheckQueue(WsgiValues values, IConfigHost host)
    {
        const string file = "/proc/sys/net/core/somaxconn";
        if (
            values.Number("listen", LongestQueue) is { } wanted
            && host.ReadFile(file, NumberBytes).Bytes is { } bytes
            && CNumber.TryReadPrefix(ConfigText.Decode(bytes), out var most)
            && wanted > most
        )
            values.Warn(
                values.Last("listen")!,
                string.Create(CultureInfo.InvariantCulture, $"the kernel lets {most} wait; raise it by sysctl net.core.somaxconn={wanted}")
            );
    }

    private static List<ProgramSocket> Sockets(WsgiValues values, string folder, out IReadOnlyList<string> protocols)
    {
        var sockets = new List<ProgramSocket>();
        var spoken = new List<string>();
        var prototype = new ProgramSocket("", "")
        {
            Mode = Mode(values),
            Owner = values.Text("chown-socket") ?? Owner(values),
            Backlog = (int)(values.Number("listen", LongestQueue) is { } queue and > 0 ? queue : DefaultBacklog),
        };
        foreach (var name in new[] { "socket", "http-socket", "http" })
        {
            foreach (var (option, value) in values.All(name))
            {
                // Plain "socket" speaks what "protocol" says; the others say it themselves.
                var protocol =
                    name != "socket" ? "http"
                    : option.Key == "socket" ? Protocol(values)
                    : "uwsgi";
                var text = value.StartsWith("localhost:", StringComparison.Ordinal) ? $"127.0.0.1{value["localhost".Length..]}" : value;
                if (Core.Sockets.SocketAddress.Parse(text, folder, out var failure) is not { } address)
                {
                    var cause = failure.Split("; ", 2);
                    values.Refuse(option, cause[0], cause.Length > 1 ? cause[1] : "correct it");
                    continue;
                }
                if (address.Kind == Core.Sockets.SocketKind.Path)
                    address = address with { Name = Path.GetFullPath(address.Name) };
                if (sockets.Exists(s => s.Address == address.ToString()))
                    values.Refuse(option, "that address stands here twice", "remove one");
                else if (sockets.Count == MostSockets)
                    values.Refuse(option, $"there are more than {MostSockets} sockets", "remove some");
                else
                {
                    sockets.Add(
                        prototype with
                        {
                            Address = address.ToString(),
                            Name = string.Create(CultureInfo.InvariantCulture, $"{name}{sockets.Count}"),
                        }
                    );
                    spoken.Add(protocol);
                }
            }
        }
        protocols = spoken;
        return sockets;
    }

    private static string Protocol(WsgiValues values)
    {
        switch (values.Text("protocol"))
        {
            case null or "uwsgi":
                return "uwsgi";
            case "http" or "http11":
                return "http";
            default:
                values.Refuse(values.Last("protocol")!, "the built-in server does not speak that", "write uwsgi or http");
                return "uwsgi";
        }
    }

    // As uWSGI: alone, or as 1, for everybody; else three octal digits. Without it the umask decides.
    private static int Mode(WsgiValues values)
    {
        if (values.Last("chmod-socket") is { } option)
        {
            var text = values.Text("chmod-socket") ?? "1";
            if (text.Length is 3 or 4 && text.All(c => c is >= '0' and <= '7') && Convert.ToInt32(text, 8) <= Permissions)
                return Convert.ToInt32(text, 8);
            if (text is not ("1" or "true"))
                values.Refuse(option, "it is no mode", "write three octal digits, such as 660");
            return Core.Sockets.OnDemandSocket.EveryoneMode;
        }
        var mask = UsualMask;
        if (values.Last("umask") is { } umask)
        {
            var text = values.Text("umask") ?? "";
            if (text.Length is > 0 and <= 4 && text.All(c => c is >= '0' and <= '7'))
                mask = Convert.ToInt32(text, 8) & Permissions;
            else
                values.Refuse(umask, "it is no mask", "write three octal digits, such as 022");
        }
        return Permissions & ~mask;
    }

    // uWSGI binds after it has become that user.
    private static string? Owner(WsgiValues values) =>
        (values.Text("uid"), values.Text("gid")) switch
        {
            (null, _) => null,
            ({ } user, null) => user,
            ({ } user, { } group) => $"{user}:{group}",
        };

    private static string Full(string path, string folder) => Path.GetFullPath(path.StartsWith('/') ? path : $"{folder}/{path}");
}
