using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>A test with a daemon that has a control socket.</summary>
internal abstract class ControlTest : EmperorTest
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromSeconds(60);

    /// <summary>The socket.</summary>
    protected string ControlPath => Temp["control.sock"];

    /// <summary>Starts a daemon with a control socket and waits until it governs.</summary>
    protected EmperorProcess StartControlled(params string[] options) => Start(["--emperor-control", ControlPath, .. options]);

    /// <summary>Runs the command with --socket to its end.</summary>
    protected (int Code, string Output, string Errors) Emperor(params string[] arguments) =>
        Run(EmperorProcess.Program, [.. arguments, "--socket", ControlPath]);

    /// <summary>Runs a program to its end.</summary>
    protected (int Code, string Output, string Errors) Run(string program, params string[] arguments)
    {
        using var process = Begin(program, arguments);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(CommandLimit))
        {
            process.Kill();
            Assert.Fail($"{program} {string.Join(' ', arguments)} has not ended\n{Logs()}");
        }
        return (process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    /// <summary>Starts a program; whoever does disposes it.</summary>
    protected Process Begin(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Temp.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment["NO_COLOR"] = "1";
        return Process.Start(info)!;
    }

    /// <summary>Runs a command on a terminal.</summary>
    protected Tmux OnTerminal(int width, params string[] command) => new(Run, Temp["tmux"], width, command);

    /// <summary>Connects.</summary>
    protected RawClient Connect() => new(ControlPath);

    /// <summary>What status tells of one vassal.</summary>
    protected JsonNode StatusOf(string vassal)
    {
        using var client = Connect();
        var reply = client.Ask($$"""{"v":1,"verb":"status","names":["{{vassal}}"]}""");
        return reply["vassals"]![0]!;
    }
}

/// <summary>A client that says exactly what it is told to.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<byte> _input = [];

    public RawClient(string path)
    {
        _socket.ReceiveTimeout = 30_000;
        _socket.SendTimeout = 30_000;
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public void Send(string text) => Send(Encoding.UTF8.GetBytes(text));

    public void Send(byte[] bytes)
    {
        for (var at = 0; at < bytes.Length; )
            at += _socket.Send(bytes, at, bytes.Length - at, SocketFlags.None);
    }

    /// <summary>The next line; null at the end.</summary>
    public JsonNode? Read()
    {
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var end = _input.IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = _input[..end].ToArray();
                _input.RemoveRange(0, end + 1);
                return JsonNode.Parse(line);
            }
            int count;
            try
            {
                count = _socket.Receive(buffer);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                return null;
            }
            if (count == 0)
                return null;
            _input.AddRange(buffer[..count]);
        }
    }

    /// <summary>Asks, and returns the last line of the answer.</summary>
    public JsonNode Ask(string request)
    {
        Send(request + "\n");
        while (true)
        {
            var line = Read() ?? throw new AssertionException("the connection was closed");
            if (!(bool)line["more"]!)
                return line;
        }
    }

    public void Dispose() => _socket.Dispose();
}
