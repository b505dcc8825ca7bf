using System.Globalization;
using Emperor.Core.Configuration;
using Emperor.Linux;
using Emperor.Sockets;

namespace Emperor;

/// <summary>
/// Overview: --daemonize without fork(), which a managed process cannot survive. The first process starts the program once more, in a
/// session of its own, with one end of a pipe, and waits. The second one is the daemon: it says a word through the pipe when its first
/// scan is done, so the shell gets its prompt back when the emperor governs; and when it cannot start, the shell gets the error.
///
/// <para>Sockets of the service manager go to the daemon in the same way in which they came (sd_listen_fds(3)), but for LISTEN_PID: it names the
/// first process, which lives until the daemon has read it, because the daemon's own number is not known before it is there.</para>
/// </summary>
internal static class Daemonizer
{
    /// <summary>The variable that names the pipe.</summary>
    public const string Variable = "EMPEROR_DAEMON_FD";

    private const int FirstSocket = 3;
    private const int StartLimit = 60_000;

    /// <summary>The pipe of the daemon, which this process is; null when it is not.</summary>
    public static SafeFd? Inherited()
    {
        var text = Environment.GetEnvironmentVariable(Variable);
        Environment.SetEnvironmentVariable(Variable, null);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var fd) && fd >= FirstSocket && Files.IsOpen(fd)
            ? Files.TakeOver(fd)
            : null;
    }

    /// <summary>Tells the first process that the daemon governs.</summary>
    public static void Report(SafeFd pipe)
    {
        _ = Files.WriteAll(pipe.Number, "ok"u8);
        pipe.Dispose();
    }

    /// <summary>Starts the daemon and waits until it governs.</summary>
    /// <returns>The exit code of this first process.</returns>
    public static int Start(
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string> environment,
        InheritedSockets sockets,
        string log
    )
    {
        var pipeFd = FirstSocket + sockets.All.Count;
        var (read, write) = Files.CreatePipe();
        using (read)
        using (var none = Files.OpenNull())
        {
            var process = Spawn.Start(
                new SpawnRequest
                {
                    // By the path that it was started by: what is there later is what an upgrade finds.
                    Program = Self.ProgramPath,
                    Arguments = [Self.ProgramPath, .. arguments],
                    Environment = [.. environment.Select(v => $"{v.Key}={v.Value}"), $"{Variable}={pipeFd}", .. ListenVariables(sockets)],
                    Encode = ConfigText.Encode,
                    Descriptors = [none.Number, 1, 2, .. sockets.All.Select(s => s.Fd.Number), write.Number],
                    SoftDescriptorLimit = Self.InheritedDescriptorLimit(),
                },
                out var error
            );
            write.Dispose();
            if (process is null)
            {
                Console.Error.WriteLine($"emperor: cannot start the daemon: {error}");
                return 1;
            }
            Span<byte> word = stackalloc byte[2];
            if (Files.ReadUntilClosed(read, word, StartLimit) == word.Length)
                return 0;
            Console.Error.WriteLine($"emperor: the daemon (pid {process.Pid}) does not govern; {log} says why");
            return 1;
        }
    }

    private static string[] ListenVariables(InheritedSockets sockets) =>
        sockets.All.Count == 0
            ? []
            :
            [
                $"LISTEN_PID={Self.Pid}",
                $"LISTEN_FDS={sockets.All.Count}",
                $"LISTEN_FDNAMES={string.Join(':', sockets.All.Select(s => s.Name))}",
            ];
}
