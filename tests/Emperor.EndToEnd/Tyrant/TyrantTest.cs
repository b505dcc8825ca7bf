using System.Diagnostics;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Tyrant;

/// <summary>A test with a tyrant and two users who have no account: everything is by number.</summary>
internal abstract class TyrantTest : EmperorTest
{
    protected const uint Alice = 61_001;
    protected const uint Mallory = 61_002;

    [SetUp]
    public void OpenRealm()
    {
        NeedRoot("vassals run as other users");
        File.WriteAllText(Journal.Path, "");
        _ = Native.ChangeMode(Journal.Path, 0b110_110_110);
        Directory.CreateDirectory(Temp["reports"]);
        _ = Native.ChangeMode(Temp["reports"], 0b1_111_111_111);
    }

    /// <summary>Where a vassal reports to.</summary>
    protected string ReportPath(string name) => Temp[$"reports/{name}"];

    /// <summary>A vassal's file that belongs to a user and reports what it sees.</summary>
    protected string WriteOwned(string name, uint owner, params string[] verbs)
    {
        var path = Write(name, verbs.Length == 0 ? [$"report {ReportPath(Path.GetFileName(name))}", "accept"] : verbs);
        Own(path, owner);
        return path;
    }

    /// <summary>Gives a file to a user.</summary>
    protected static void Own(string path, uint owner) => Native.Check(Native.ChangeOwner(path, owner, owner), "chown");

    /// <summary>Gives a link itself to a user.</summary>
    protected static void OwnLink(string path, uint owner) => Do("chown", "-h", $"{owner}:{owner}", path);

    /// <summary>Runs a command as a user, who has no other groups.</summary>
    protected static (int Code, string Output) As(uint user, params string[] command) =>
        Run("setpriv", [$"--reuid={user}", $"--regid={user}", "--clear-groups", "--", .. command]);

    /// <summary>Runs a command that must succeed.</summary>
    protected static void Do(string program, params string[] arguments)
    {
        var (code, output) = Run(program, arguments);
        Assert.That(code, Is.Zero, $"{program} {string.Join(' ', arguments)}: {output}");
    }

    /// <summary>Runs a command to its end.</summary>
    protected static (int Code, string Output) Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Assert.That(process.WaitForExit(TimeSpan.FromSeconds(60)), $"{program} has not ended");
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    /// <summary>What a vassal reports.</summary>
    protected Report ReportOf(string name) => Report.Await(ReportPath(name), Logs);

    /// <summary>A line of /proc/PID/status.</summary>
    protected static string StatusLine(long pid, string key) =>
        File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith(key + ":", StringComparison.Ordinal))[(key.Length + 1)..].Trim();
}
