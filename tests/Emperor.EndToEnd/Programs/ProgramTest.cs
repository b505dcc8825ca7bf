using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Control;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>A test of vassals that are programs, with a daemon that has a control socket.</summary>
internal abstract class ProgramTest : ControlTest
{
    private const int ReceiveLimit = 55_000;

    /// <summary>Writes a file with a section [emperor], in one step.</summary>
    protected void WriteProgram(string name, params string[] lines)
    {
        Directory.CreateDirectory(Vassals);
        // Names that begin with a dot are no vassals.
        File.WriteAllText($"{Vassals}/.{name}", "[emperor]\n" + string.Concat(lines.Select(line => line + "\n")));
        Rename($"{Vassals}/.{name}", $"{Vassals}/{name}");
    }

    /// <summary>A program that is to be run under test; fails when it is not installed.</summary>
    protected static string Need(string program)
    {
        var path = $"/usr/bin/{program}";
        Assert.That(File.Exists(path), $"{path} is not there: tests/run installs it, or apt-get install {program}");
        return path;
    }

    /// <summary>Waits until a process of the vassal is ready, and returns its number.</summary>
    protected static int AwaitReady(EmperorProcess daemon, string vassal, int from = 0)
    {
        var line = daemon.AwaitVassal(vassal, "is ready after", from);
        return Number(Regex.Match(line, @"pid (\d+) is ready").Groups[1].Value);
    }

    /// <summary>Waits for the next number of lines of one event of a vassal.</summary>
    protected static void AwaitCount(EmperorProcess daemon, string vassal, string pattern, int count) =>
        Wait.Until(
            () => daemon.Count($" {Regex.Escape(vassal)}: .*{pattern}") >= count,
            () => $"{vassal} has not said \"{pattern}\" {count} times\n{daemon.Text()}"
        );

    /// <summary>Lets the file look changed, as touch does.</summary>
    protected void Touch(string name) => File.SetLastWriteTimeUtc($"{Vassals}/{name}", NextTime());

    /// <summary>Connects to a path, or to a port of this machine.</summary>
    protected static Socket Dial(string address)
    {
        var isPath = address.StartsWith('/');
        var socket = isPath
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        (socket.ReceiveTimeout, socket.SendTimeout) = (ReceiveLimit, ReceiveLimit);
        try
        {
            socket.Connect(isPath ? new UnixDomainSocketEndPoint(address) : IPEndPoint.Parse(address));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The body of a page, which must be answered with 200.</summary>
    protected static string Get(string address, string path = "/")
    {
        using var socket = Dial(address);
        socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        var text = StatsClient.ReadAll(socket);
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.That(text, Does.Match("^HTTP/1.[01] 200 "), $"GET {path} from {address}");
        var body = text[(end + 4)..];
        return text[..end].Contains("chunked", StringComparison.OrdinalIgnoreCase) ? body.Split("\r\n")[1] : body;
    }

    /// <summary>A page that tells the process which answered.</summary>
    protected static int Ask(string address) => Number(Get(address).Trim());

    /// <summary>A number in the invariant way.</summary>
    protected static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>The folder of a process's cgroup.</summary>
    protected static string GroupOf(int pid)
    {
        var mount = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')).First(fields => fields[2] == "cgroup2")[1];
        return mount + File.ReadLines($"/proc/{pid}/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
    }

    // The clock of a file system is coarser than tests are quick.
    private DateTime NextTime() => _time = _time.AddSeconds(1);

    private DateTime _time = DateTime.UtcNow;
}
