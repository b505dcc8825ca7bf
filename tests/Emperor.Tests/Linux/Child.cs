using System.Text;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

/// <summary>Short-lived programs, by the same <see cref="Spawn"/> that starts vassals.</summary>
internal static class Child
{
    private const int Patience = 20_000;

    /// <summary>Runs a program to its end.</summary>
    public static (ExitStatus Status, string Output) Run(string program, params string[] arguments) => Run(Request(program, arguments));

    /// <summary>Runs to its end what a request asks for; what it writes to descriptor 1 and 2 is returned.</summary>
    public static (ExitStatus Status, string Output) Run(Func<SafeFd, SafeFd, SpawnRequest> request)
    {
        var (read, write) = Files.CreatePipe();
        PidRef process;
        using (read)
        {
            using (write)
            using (var none = Files.OpenNull())
                process = Start(request(none, write));
            using (process)
            {
                var buffer = new byte[256 * 1024];
                var length = Files.ReadUntilClosed(read, buffer, Patience);
                return (WaitFor(process), Encoding.UTF8.GetString(buffer, 0, length));
            }
        }
    }

    /// <summary>A request with an ordinary environment.</summary>
    public static Func<SafeFd, SafeFd, SpawnRequest> Request(string program, params string[] arguments) =>
        (none, write) =>
            new SpawnRequest
            {
                Program = program,
                Arguments = [Path.GetFileName(program), .. arguments],
                Environment = ["PATH=/usr/bin:/bin", "LC_ALL=C"],
                Descriptors = [none.Number, write.Number, write.Number],
            };

    /// <summary>Starts it, or fails the test.</summary>
    public static PidRef Start(SpawnRequest request)
    {
        var process = Spawn.Start(request, out var error);
        Assert.That(process, Is.Not.Null, error.ToString());
        return process!;
    }

    /// <summary>Starts a shell that does something without a word.</summary>
    public static PidRef Shell(string script)
    {
        using var none = Files.OpenNull();
        return Start(Request("/bin/sh", "-c", script)(none, none));
    }

    /// <summary>Waits for the end by the pidfd, as the daemon does, and reaps.</summary>
    public static ExitStatus WaitFor(PidRef process)
    {
        using var loop = new EventLoop();
        loop.Add(process.Fd, 1);
        List<Readiness> ready = [];
        loop.Wait(ready, Patience);
        Assert.That(ready, Has.Count.EqualTo(1), "the process has not ended");
        Assert.That(process.Reap(out var status), "the process cannot be reaped");
        return status;
    }
}
