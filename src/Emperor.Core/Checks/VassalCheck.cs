using Emperor.Core.Configuration;
using Emperor.Core.Programs;

namespace Emperor.Core.Checks;

/// <summary>Which users and groups there are.</summary>
/// <param name="HasUser">Whether there is a user of that name.</param>
/// <param name="HasGroup">Whether there is a group of that name.</param>
public sealed record KnownAccounts(Func<string, bool> HasUser, Func<string, bool> HasGroup);

/// <summary>What was found in one vassal's file.</summary>
/// <param name="Problems">What is wrong, in the order of the file.</param>
/// <param name="Sockets">The addresses that it listens on, as they can be compared with those of others.</param>
public sealed record CheckResult(IReadOnlyList<ConfigProblem> Problems, IReadOnlyList<SocketClaim> Sockets)
{
    /// <summary>The vassals that it waits for, and where that stands.</summary>
    public IReadOnlyList<(string Name, OptionOrigin Origin)> After { get; init; } = [];
}

/// <summary>
/// Looks for mistakes in a vassal's ini file: what uwsgi would refuse, what it would silently not do, and what would fail when it starts.
/// Nothing is run, fetched or changed.
/// </summary>
public static class VassalCheck
{
    /// <summary>Options whose values are commands or texts, in which # and ; mean something.</summary>
    private static readonly string[] FreeText =
    [
        "attach-daemon",
        "smart-attach-daemon",
        "legion-",
        "exec-",
        "hook-",
        "cron",
        "unique-cron",
        "route",
        "final-route",
        "response-route",
        "error-route",
        "log-format",
        "logformat",
        "log-encoder",
        "log-req-encoder",
        "add-header",
        "alarm",
        "print",
        "iprint",
        "set",
        "subscribe",
        "mount",
        "worker-exec",
        "spooler-",
        "mule",
        "req-logger",
        "logger",
        "metric",
        "eval",
        "static-expires",
        "env",
    ];

    /// <summary>Examines a file.</summary>
    /// <param name="file">Its name, as uwsgi is given it in its working folder.</param>
    /// <param name="host">What may be asked of the world.</param>
    /// <param name="accounts">Users and groups.</param>
    /// <param name="attributes">Keys of section [emperor] that an operator collects (--emperor-collect-attr).</param>
    public static CheckResult Examine(string file, IConfigHost host, KnownAccounts accounts, IReadOnlyList<string>? attributes = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(accounts);
        var vassalHost = new VassalHost(host);
        var content = vassalHost.ReadFile(file, ReadLimits.FileBytes + 1);
        var origin = OptionOrigin.File(file, 0);
        if (content.Bytes is not { } bytes)
            return Only(origin, $"it cannot be read: {content.Error}");
        var verdict = VassalFileCheck.Examine(file, bytes);
        if (verdict.Reason is { } reason)
            return Only(origin, reason);
        var problems = new List<ConfigProblem>();
        var sockets = new List<SocketClaim>();
        IReadOnlyList<(string, OptionOrigin)> after = [];
        if (verdict.HasUwsgi || !verdict.HasProgram)
            sockets.AddRange(ExamineUwsgi(file, vassalHost, accounts, problems));
        if (verdict.HasProgram)
        {
            var reading = ProgramReader.Read(file, verdict.HasUwsgi, host, attributes);
            var check = new ProgramCheck(reading, host, accounts, problems);
            check.Run();
            sockets.AddRange(check.Sockets);
            after = After(reading);
        }
        else if (VassalFileCheck.MisspeltProgram(bytes) is { } misspelt)
            problems.Add(new ConfigProblem(Severity.Error, origin, misspelt));
        SocketClaim.FindRepeated(sockets, problems);
        var sorted = problems.OrderBy(p => p.Origin?.Name == file ? 0 : 1).ThenBy(p => p.Origin?.Line ?? 0);
        return new CheckResult([.. sorted], sockets) { After = after };
    }

    private static IReadOnlyList<SocketClaim> ExamineUwsgi(
        string file,
        VassalHost host,
        KnownAccounts accounts,
        List<ConfigProblem> problems
    )
    {
        var read = ConfigurationReader.Read(["--ini", file], host, isVassal: true);
        // What stands in the file, without the option that names it.
        ExportedOption[] options = [.. read.Options.Where(o => o.Origin.Kind == OriginKind.File && o.Naming != OptionNaming.Placeholder)];
        problems.AddRange(read.Problems);
        // What ended the reading says more about that option.
        var fatal = read.Problems.FirstOrDefault(p => p.Severity == Severity.Fatal)?.Origin;
        WordCheck.RunForVassal(read with { Options = [.. options.Where(o => o.Origin != fatal)] }, problems);
        FindDuplicates(options, problems);
        FindComments(options, problems);
        FindDaemonize(options, problems);
        // Reading that has ended before its time has put nothing in the place of placeholders, so what these stand for is not known.
        ExportedOption[] known = fatal is null ? options : [.. options.Where(o => o.Value?.AsSpan().ContainsAny('%', '$', '@') != true)];
        new PlaceCheck(known, host, accounts, problems).Run();
        return SocketClaim.Of(known, host.WorkingDirectory);
    }

    private static (string, OptionOrigin)[] After(ProgramReading reading)
    {
        var lines = reading.Options.Where(o => o.Key == "after").ToArray();
        return
        [
            .. (reading.Plan?.After ?? []).Select(name =>
                (name, lines.First(o => (o.Value ?? "").Split([' ', '\t', ',']).Contains(name, StringComparer.Ordinal)).Origin)
            ),
        ];
    }

    /// <summary>Whether a check has failed: warnings are no failure.</summary>
    public static bool IsFailure(ConfigProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return problem.Severity != Severity.Warning;
    }

    private static CheckResult Only(OptionOrigin origin, string message) => new([new ConfigProblem(Severity.Error, origin, message)], []);

    private static void FindDuplicates(ExportedOption[] options, List<ConfigProblem> problems) =>
        RepeatedOptions.Find(
            options,
            key => OptionTable.Instance.Find(key) is { IsSingle: true },
            (key, line) => $"option \"{key}\" stands on line {line} already, with the same value; remove one",
            (key, line) => $"option \"{key}\" takes one value, and has one on line {line} already, which has no effect; remove one",
            problems
        );

    private static void FindComments(ExportedOption[] options, List<ConfigProblem> problems)
    {
        foreach (var option in options)
        {
            var value = option.Value ?? "";
            if (FreeText.Any(prefix => option.Key.StartsWith(prefix, StringComparison.Ordinal)) || CommentAt(value) is not { } at)
                continue;
            var isNumber = OptionTable.Instance.Find(option.Key) is { IsNumber: true };
            problems.Add(
                new ConfigProblem(
                    isNumber || OptionTable.Instance.Find(option.Key) is not null ? Severity.Error : Severity.Warning,
                    option.Origin,
                    $"uWSGI knows no comments behind a value: \"{Messages.Shown(value[at..])}\" is part of that of \"{option.Key}\"; "
                        + "put it on a line of its own"
                )
            );
        }
    }

    // A sign of a comment with a blank before it; ';' also wants one behind it, since lists use it.
    private static int? CommentAt(string value)
    {
        for (var i = 0; i < value.Length; i++)
        {
            var isFirst = i == 0 || value[i - 1] is ' ' or '\t';
            if (isFirst && (value[i] == '#' || (value[i] == ';' && (i + 1 == value.Length || value[i + 1] is ' ' or '\t'))))
                return i;
        }
        return null;
    }

    private static void FindDaemonize(ExportedOption[] options, List<ConfigProblem> problems)
    {
        foreach (var option in options.Where(o => o.Key is "daemonize" or "daemonize2"))
            problems.Add(
                new ConfigProblem(
                    Severity.Error,
                    option.Origin,
                    $"\"{option.Key}\" takes the vassal away from its emperor, which starts it again and again; remove it (logto writes a log)"
                )
            );
    }
}
