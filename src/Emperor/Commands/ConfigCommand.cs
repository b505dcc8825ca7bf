using Emperor.Core;
using Emperor.Core.Checks;
using Emperor.Core.Configuration;
using Emperor.Core.Control;
using Emperor.Core.Programs;

namespace Emperor.Commands;

/// <summary>
/// emperor config: the options of a vassal as uwsgi would list them (uwsgi --show-config), without uwsgi; and what its section [emperor] comes to,
/// with the defaults of what it does not say.
/// </summary>
internal static class ConfigCommand
{
    // What tells an application from another at a glance.
    private static readonly string[] Telling =
    [
        "chdir",
        "module",
        "wsgi",
        "wsgi-file",
        "file",
        "psgi",
        "rack",
        "plugin",
        "plugins",
        "virtualenv",
        "venv",
        "home",
        "uid",
        "gid",
        "socket",
        "uwsgi-socket",
        "http-socket",
        "http",
        "processes",
        "workers",
        "threads",
        "master",
        "lazy-apps",
        "max-requests",
        "harakiri",
    ];

    /// <summary>Prints them.</summary>
    public static int Run(string? socket, string name)
    {
        if (File.Exists(name) && (name.Contains('/', StringComparison.Ordinal) || name.EndsWith(".ini", StringComparison.Ordinal)))
        {
            var path = Path.GetFullPath(name);
            return Print(Path.GetDirectoryName(path)!, Path.GetFileName(path), ["--ini", Path.GetFileName(path)]);
        }
        using var client = ControlClient.Connect(socket);
        var reply = client.Ask(new ControlRequest { Verb = "explain", Names = [name] });
        if (reply.Error is { } error)
            return Screen.Fail(error.Message);
        return reply.Explain is { } view && view.File.EndsWith(".ini", StringComparison.Ordinal)
            ? Print(view.Folder, view.File, Arguments(view))
            : Screen.Fail($"{name}: only ini files are looked into");
    }

    /// <summary>What a vassal's file says, in some lines: the options that tell it from others. Empty when it cannot be read.</summary>
    public static IReadOnlyList<string> Digest(ExplainView view)
    {
        if (!view.File.EndsWith(".ini", StringComparison.Ordinal) || !File.Exists(Path.Combine(view.Folder, view.File)))
            return [];
        var (uwsgi, program) = Read(view.Folder, view.File, Arguments(view));
        return
        [
            .. (uwsgi?.Options ?? [])
                .Where(o => Telling.Contains(o.Key, StringComparer.Ordinal))
                .Select(o => Shown(o, isProgram: false))
                .Concat((program?.Options ?? []).Select(o => Shown(o, isProgram: true))),
            .. (uwsgi?.Problems ?? [])
                .Concat(program?.Problems ?? [])
                .Where(p => p.Severity != Severity.Warning)
                .Select(p => $"problem: {p}"),
        ];
    }

    // What is explained is shown to others, and pasted into reports; a value of env may be a password. "emperor config" has it.
    private static string Shown(ExportedOption option, bool isProgram)
    {
        var value = option.Value ?? "true";
        if (isProgram && option.Key == "env")
            value = $"{value.Split('=', 2)[0]}=...";
        return $"{option.Key} = {value}  ({option.Origin})";
    }

    // As its uwsgi is started; where none was found, as it would be.
    private static IReadOnlyList<string> Arguments(ExplainView view) =>
        view is { Program: null, Vassal.Kind: "uwsgi", Command: { Count: > 1 } command } ? [.. command.Skip(1)] : ["--ini", view.File];

    private static int Print(string folder, string file, IReadOnlyList<string> arguments)
    {
        var (uwsgi, program) = Read(folder, file, arguments);
        ConfigProblem[] problems = [.. uwsgi?.Problems ?? [], .. program?.Problems ?? []];
        foreach (var problem in problems)
            Console.Error.WriteLine($"emperor: {problem}");
        if (uwsgi is not null)
            Screen.Print(uwsgi.Options.Where(o => !IsItsName(o)).Select(o => $"{o.Key} = {o.Value ?? "true"}").Prepend("[uwsgi]"));
        if (program?.Plan is { } plan)
            Screen.Print(PlanText.Lines(plan).Prepend("[emperor]"));
        var isFailed = problems.Any(p => p.Severity == Severity.Fatal) || program?.Refusal(file) is not null;
        return isFailed ? ExitCode.Failed : ExitCode.Well;
    }

    // A file's sections, as far as it has them; one of neither is read as uwsgi would, to say what is wrong.
    private static (ReadResult? Uwsgi, ProgramReading? Program) Read(string folder, string file, IReadOnlyList<string> arguments)
    {
        var host = CheckCommand.HostIn(folder);
        var verdict = VassalFileCheck.Examine(file, host.ReadFile(file, ReadLimits.FileBytes).Bytes);
        return (
            verdict.HasUwsgi || !verdict.HasProgram ? ConfigurationReader.Read(arguments, new VassalHost(host), isVassal: true) : null,
            verdict.HasProgram ? ProgramReader.Read(file, verdict.HasUwsgi, host) : null
        );
    }

    private static bool IsItsName(ExportedOption option) => option.Origin.Kind == OriginKind.CommandLine && option.Key == "ini";
}
