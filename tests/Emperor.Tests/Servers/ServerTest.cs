using System.Text;
using System.Text.RegularExpressions;
using Emperor.Core.Programs;
using Emperor.Linux;
using Emperor.Servers;
using Emperor.Tests.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Servers;

/// <summary>Starts real programs by a <see cref="ProgramServer"/>.</summary>
internal sealed class ServerTest : IDisposable
{
    private const int Patience = 60_000;

    private readonly Spawner _spawner = new();

    public Dictionary<string, string> Environment { get; } =
        new()
        {
            ["PATH"] = "/usr/bin:/bin",
            ["KEPT"] = "yes",
            ["NOTIFY_SOCKET"] = "/the/emperor's",
        };

    /// <summary>A plan of a shell script.</summary>
    public static ProgramPlan Plan(string script) =>
        new()
        {
            Exec = ["sh", "-c", script],
            Folder = "/",
            LaunchDigest = "",
        };

    public ProgramServer Server() =>
        new(Environment, capturesOutput: true, deathSignal: false, 1024, new ChainTools("/usr/bin:/bin"), _spawner);

    /// <summary>Runs a program to its end; what it has printed is returned, without blanks at the end.</summary>
    public string Run(ProgramLaunch launch)
    {
        var (status, output, pid) = Start(launch);
        Assert.That(status.Code, Is.Zero, output);
        // As a word: it may be part of another number.
        return Regex.Replace(output, $@"\b{pid}\b", "PID");
    }

    /// <summary>Runs a program to its end, however it ends.</summary>
    public (ExitStatus Status, string Output, int Pid) Start(ProgramLaunch launch)
    {
        var (read, write) = Files.CreatePipe();
        using (read)
        {
            PidRef? process;
            string failure;
            using (write)
                process = Server().Launch(launch with { Output = write }, out failure);
            Assert.That(process, Is.Not.Null, failure);
            using (process)
            {
                var buffer = new byte[64 * 1024];
                var length = Files.ReadUntilClosed(read, buffer, Patience);
                return (Child.WaitFor(process!), Encoding.UTF8.GetString(buffer, 0, length).TrimEnd(), process!.Pid);
            }
        }
    }

    public void Dispose() => _spawner.Dispose();
}
