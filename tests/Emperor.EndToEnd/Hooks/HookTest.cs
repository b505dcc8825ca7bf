using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Tyrant;

namespace Emperor.EndToEnd.Hooks;

/// <summary>A test with hooks or namespaces, of Emperor or of the real uwsgi emperor.</summary>
internal abstract class HookTest : TyrantTest
{
    protected const string Uwsgi = "/usr/bin/uwsgi";

    private static readonly string[] KindsOfNamespaces = ["mnt", "ipc", "net", "pid", "uts", "user"];

    /// <summary>Starts an emperor, ours or uWSGI's, over the vassals folder.</summary>
    protected EmperorProcess StartOne(string program, params string[] options) =>
        Launch(
            new EmperorStart
            {
                Program = program,
                Arguments = ["--emperor", Vassals, "--emperor-freq", "1", "--emperor-wrapper", TestVassal.VassalProgram.Path, .. options],
                Folder = Temp.Path,
                Environment = new Dictionary<string, string?> { ["UWSGI_EMPEROR_CONTROL"] = program == Uwsgi ? null : "none" },
            }
        );

    /// <summary>Ends one, and forgets what its vassal has reported.</summary>
    protected void End(EmperorProcess daemon, string vassal = "a.ini")
    {
        daemon.Signal(Native.Interrupt);
        daemon.AwaitEnd();
        File.Delete(ReportPath(vassal));
    }

    /// <summary>A vassal's process, as its emperor sees it.</summary>
    protected static int ProcessOf(EmperorProcess daemon, string vassal)
    {
        var found = 0;
        Wait.Until(
            () => (found = ProcFs.Children(daemon.Pid).FirstOrDefault(p => ProcFs.CommandLine(p).EndsWith($"vassal --ini {vassal}"))) != 0,
            () => $"{vassal} does not run\n{daemon.Text()}"
        );
        return found;
    }

    /// <summary>The namespaces of a process that are not those of this one.</summary>
    protected static string Namespaces(int pid) =>
        string.Join(' ', KindsOfNamespaces.Where(k => LinkOf($"/proc/{pid}/ns/{k}") != LinkOf($"/proc/self/ns/{k}")));

    /// <summary>An executable script of the shell.</summary>
    protected string Program(string name, string script) => Executable.Write(Temp[name], $"#!/bin/sh\n{script}\n");

    /// <summary>Waits for a file with some content, and returns its lines.</summary>
    protected string[] LinesOf(string path, int count = 1)
    {
        Wait.Until(
            () => File.Exists(path) && File.ReadAllText(path).Count(c => c == '\n') >= count,
            () => $"{path} has no {count} lines\n{Logs()}"
        );
        return File.ReadAllLines(path);
    }

    /// <summary>Where a link leads.</summary>
    protected static string? LinkOf(string path) => new FileInfo(path).LinkTarget;
}
