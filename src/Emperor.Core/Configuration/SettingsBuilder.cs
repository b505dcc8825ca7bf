using Emperor.Core.Reign;

namespace Emperor.Core.Configuration;

/// <summary>Turns what was read into settings, and says what in it is without effect or wrong.</summary>
public static class SettingsBuilder
{
    /// <summary>
    /// Builds the settings. They are null when a problem is fatal, and when the reading ended in --help, --version or the option exit.
    /// The problems are those of the reading, then the builder's own.
    /// </summary>
    public static (EmperorSettings? Settings, IReadOnlyList<ConfigProblem> Problems) Build(ReadResult read, IConfigHost host)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentNullException.ThrowIfNull(host);
        var problems = new List<ConfigProblem>(read.Problems);
        if (read.HelpRequested || read.VersionRequested || read.ExitCode is not null || HasFatal(problems))
            return (null, problems);
        WordCheck.Run(read, problems);
        SettingValues.RefuseCalls(read.Options, problems);
        var settings = Build(new SettingValues(read.Options, problems), read.Options, host);
        if (settings.WaitForCommand && settings.CommandSocket is null)
            problems.Add(new ConfigProblem(Severity.Warning, null, NoCommandSocket));
        if (settings.Monitors.Count == 0)
            problems.Add(new ConfigProblem(Severity.Fatal, null, NoMonitor));
        return (HasFatal(problems) ? null : settings, problems);
    }

    /// <summary>
    /// Builds the settings of "emperor serve": what <see cref="Wsgi.ServeOptions"/> has is the server's, all else is the app's. They are null when
    /// a problem is fatal.
    /// </summary>
    /// <param name="read">The command line as it was read.</param>
    /// <param name="host">What was asked of the world.</param>
    /// <param name="serve">What is served.</param>
    public static (EmperorSettings? Settings, IReadOnlyList<ConfigProblem> Problems) BuildServe(
        ReadResult read,
        IConfigHost host,
        ServeRequest serve
    )
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(serve);
        var problems = new List<ConfigProblem>();
        ExportedOption[] options = [.. read.Options.Where(o => Wsgi.ServeOptions.IsServers(o.Key) || o.Key == "reload-mercy")];
        var values = new SettingValues(options, problems);
        var settings = Build(values, options, host) with
        {
            Serve = serve,
            Monitors = [serve.Name],
            // As many of these may run as anybody likes, beside an emperor.
            Control = values.TextNotEmpty("emperor-control", "a path, or none") ?? "none",
            VassalOutput = VassalOutputMode.Inherit,
            Ready = ReadyPolicy.All,
            ReadyTimeout = Patience,
        };
        return (HasFatal(problems) ? null : settings, problems);
    }

    // A worker that does not get ready has failed before that (ready-timeout).
    private static readonly TimeSpan Patience = TimeSpan.FromDays(1);

    private const string NoMonitor =
        "nothing to govern: the option \"emperor\" is missing; name the folder of the vassals, for example: emperor --emperor /etc/uwsgi-emperor/vassals";

    private const string NoCommandSocket =
        "emperor-wait-for-command has no effect without emperor-command-socket, by which vassals would be told to spawn; add that";

    private const int DefaultMercy = 30;

    private static bool HasFatal(List<ConfigProblem> problems) => problems.Exists(problem => problem.Severity == Severity.Fatal);

    private static EmperorSettings Build(SettingValues values, IReadOnlyList<ExportedOption> options, IConfigHost host) =>
        new()
        {
            WorkingDirectory = host.WorkingDirectory,
            Monitors = values.NotEmpty("emperor", "a folder or a pattern"),
            ScanInterval = TimeSpan.FromSeconds(values.Number("emperor-freq", 3, "seconds")),
            NoFollow = values.Flag("emperor-nofollow"),
            ExtraExtensions = values.List("emperor-extra-extension"),
            OnDemandExtension = values.TextNotEmpty("emperor-on-demand-extension", "an ending, such as .socket"),
            OnDemandDirectory = values.TextNotEmpty("emperor-on-demand-directory", "a folder"),
            OnDemandCommand = values.TextNotEmpty("emperor-on-demand-exec", "a command"),
            Broodlord = values.Number("emperor-broodlord", 0, "zergs"),
            Heartbeat = values.Number("heartbeat", 0, "seconds"),
            MagicExec = values.Flag("emperor-magic-exec"),
            SendsConfiguration = values.Flag("emperor-force-config-pipe"),
            Attributes = Attributes(values),
            WrapperAttribute = values.TextNotEmpty("emperor-wrapper-attr", AttributeName),
            FolderAttribute = values.TextNotEmpty("emperor-chdir-attr", AttributeName),
            CommandSocket = values.TextNotEmpty("emperor-command-socket", "a path, or @name"),
            WaitForCommand = values.Flag("emperor-wait-for-command"),
            WaitForCommandIgnored = values.NotEmpty("emperor-wait-for-command-ignore", "a vassal's name"),
            Tyrant = values.Flag("emperor-tyrant")
                ? new TyrantSettings(values.Flag("emperor-tyrant-nofollow"), values.Flag("emperor-tyrant-initgroups"))
                : null,
            VassalCapabilities = values.Capabilities("emperor-cap"),
            Capabilities = values.Capabilities("cap"),
            Namespaces = values.Namespaces("emperor-use-clone"),
            Hooks = values.Hooks(),
            Server = values.Server("emperor-server"),
            BinaryPath = values.Text("binary-path"),
            Wrapper = values.Text("emperor-wrapper"),
            WrapperOverrides = values.List("emperor-wrapper-override"),
            WrapperFallbacks = values.List("emperor-wrapper-fallback"),
            VassalSets = values.List("vassal-set"),
            VassalIncludes = values.List("vassals-include"),
            VassalIncludesBefore = values.List("vassals-include-before"),
            VassalInherits = values.List("vassals-inherit"),
            VassalInheritsBefore = values.List("vassals-inherit-before"),
            EnvironmentChanges = [.. options.Select(Change).OfType<EnvironmentChange>()],
            Throttle = TimeSpan.FromMilliseconds(values.Number("emperor-throttle", 1000, "milliseconds")),
            MaxThrottle = TimeSpan.FromMilliseconds(values.Number("emperor-max-throttle", 180_000, "milliseconds")),
            NoBlacklist = values.Flag("emperor-no-blacklist"),
            RequiredHeartbeat = TimeSpan.FromSeconds(values.Number("emperor-required-heartbeat", 30, "seconds")),
            CurseTolerance = TimeSpan.FromSeconds(values.Number("emperor-curse-tolerance", 30, "seconds")),
            GracefulShutdown = values.Flag("emperor-graceful-shutdown"),
            // In uWSGI 0 means the default too.
            ReloadMercy = TimeSpan.FromSeconds(
                values.Number("reload-mercy", 0, "seconds") is var mercy && mercy > 0 ? mercy : DefaultMercy
            ),
            User = values.Account("uid"),
            Group = values.Account("gid"),
            Umask = values.Octal("umask", mayHaveFour: true),
            ChangeDirectory = values.Text("chdir"),
            ChangeDirectoryLater = values.Text("chdir2"),
            MaxOpenFiles = values.Has("max-fd") ? values.Number("max-fd", 0, "files") : null,
            EmperorPidFile = values.Text("emperor-pidfile"),
            PidFile = values.Text("pidfile"),
            PidFileLater = values.Text("pidfile2"),
            SafePidFile = values.Text("safe-pidfile"),
            SafePidFileLater = values.Text("safe-pidfile2"),
            ProcessName = ProcessName(values, options),
            Daemonize = values.Text("daemonize"),
            DaemonizeLater = values.Text("daemonize2"),
            LogTo = values.Text("logto"),
            LogToLater = values.Text("logto2"),
            LogDate = LogDate(values),
            LogFileMode = values.Octal("logfile-chmod", mayHaveFour: false),
            TouchLogReopen = values.List("touch-logreopen"),
            LogJson = values.Flag("log-json"),
            LogLevel = values.Level("log-level"),
            VassalOutput = values.VassalOutput("vassal-output"),
            VassalLogDirectory = values.TextNotEmpty("vassal-log-dir", "a folder"),
            VassalLogMaxSize = values.Number("vassal-log-max-size", EmperorSettings.DefaultVassalLogSize, "bytes"),
            DeathSignal = values.Flag("emperor-death-signal"),
            Survive = values.Survive("emperor-survive"),
            Control = values.TextNotEmpty("emperor-control", "a path, or none"),
            Ready = values.Ready("emperor-ready"),
            ReadyTimeout = TimeSpan.FromSeconds(values.Number("emperor-ready-timeout", 60, "seconds")),
            StatsAddress = values.Address("emperor-stats"),
            StatsHttp = values.Flag("stats-http"),
            StatsMinified = values.Flag("stats-minified"),
            MetricsAddress = values.Address("emperor-metrics"),
            SocketMode = values.SocketMode("chmod-socket"),
            SocketOwner = values.Text("chown-socket"),
            Strict = values.Flag("strict"),
        };

    private const string AttributeName = "a key of section [emperor]";

    // A program or folder is looked for in attributes that nobody has collected, too: in uWSGI it is then never found.
    private static string[] Attributes(SettingValues values) =>
        [
            .. values
                .NotEmpty("emperor-collect-attr", AttributeName)
                .Concat(values.List("emperor-wrapper-attr"))
                .Concat(values.List("emperor-chdir-attr"))
                .Distinct(StringComparer.Ordinal),
        ];

    /// <summary>As putenv: without '=' the variable is removed.</summary>
    private static EnvironmentChange? Change(ExportedOption option)
    {
        var text = option.Value ?? "";
        if (option.Key == "unenv")
            return new EnvironmentChange(text, null);
        if (option.Key != "env")
            return null;
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? new EnvironmentChange(text, null) : new EnvironmentChange(text[..equals], text[(equals + 1)..]);
    }

    private static string? ProcessName(SettingValues values, IReadOnlyList<ExportedOption> options)
    {
        var name = values.Text("emperor-procname") ?? values.Text("procname-master") ?? values.Text("procname");
        if (name is null)
            return null;
        // Both options set one and the same prefix, so the later one wins.
        var prefix = options.LastOrDefault(option => option.Key is "procname-prefix" or "procname-prefix-spaced");
        var blank = prefix?.Key == "procname-prefix-spaced" ? " " : "";
        return prefix?.Value + blank + name + values.Text("procname-append");
    }

    /// <summary>uWSGI takes "false" for a format; here it turns the time off.</summary>
    private static string? LogDate(SettingValues values)
    {
        if (!values.Has("log-date"))
            return null;
        var text = values.Text("log-date")!;
        if (text.Length > 0 && CBoolean.IsFalse(text))
            return null;
        var isSwitch = text.ToUpperInvariant() is "TRUE" or "1" or "ON" or "YES";
        return isSwitch ? "" : text;
    }
}
