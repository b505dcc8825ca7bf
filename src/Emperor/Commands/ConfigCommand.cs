using Emperor.Core;
using Emperor.Core.Checks;
using Emperor.Core.Configuration;
using Emperor.Core.Control;

namespace Emperor.Commands;

/// <summary>emperor config: the options of a vassal as uwsgi would list them (uwsgi --show-config), without uwsgi.</summary>
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
        ReadResult read;
        if (File.Exists(name) && (name.Contains('/', StringComparison.Ordinal) || name.EndsWith(".ini", StringComparison.Ordinal)))
        {
            var path = Path.GetFullPath(name);
            read = Read(Path.GetDirectoryName(path)!, ["--ini", Path.GetFileName(path)]);
        }
        else
        {
            using var client = ControlClient.Connect(socket);
            var reply = client.Ask(new ControlRequest { Verb = "explain", Names = [name] });
            if (reply.Error is { } error)
                return Screen.Fail(error.Message);
            if (reply.Explain is not { Command: { Count: > 1 } command } view || !view.File.EndsWith(".ini", StringComparison.Ordinal))
                return Screen.Fail($"{name}: only ini files are looked into");
            read = Read(view.Folder, [.. command.Skip(1)]);
        }
        foreach (var problem in read.Problems)
            Console.Error.WriteLine($"emperor: {problem}");
        Screen.Print(read.Options.Where(o => !IsItsName(o)).Select(o => $"{o.Key} = {o.Value ?? "true"}").Prepend("[uwsgi]"));
        return read.Problems.Any(p => p.Severity == Severity.Fatal) ? ExitCode.Failed : ExitCode.Well;
    }

    /// <summary>What a vassal's file says, in some lines: the options that tell it from others. Empty when it cannot be read.</summary>
    public static IReadOnlyList<string> Digest(ExplainView view)
    {
        if (view.Command is not { Count: > 1 } command || !view.File.EndsWith(".ini", StringComparison.Ordinal) || !File.Exists(view.File))
            return [];
        var read = Read(view.Folder, [.. command.Skip(1)]);
        return
        [
            .. read
                .Options.Where(o => Telling.Contains(o.Key, StringComparer.Ordinal))
                .Select(o => $"{o.Key} = {o.Value ?? "true"}  ({o.Origin})"),
            .. read.Problems.Where(p => p.Severity != Severity.Warning).Select(p => $"problem: {p}"),
        ];
    }

    private static bool IsItsName(ExportedOption option) => option.Origin.Kind == OriginKind.CommandLine && option.Key == "ini";

    private static ReadResult Read(string folder, IReadOnlyList<string> arguments) =>
        ConfigurationReader.Read(arguments, new VassalHost(CheckCommand.HostIn(folder)), isVassal: true);
}
