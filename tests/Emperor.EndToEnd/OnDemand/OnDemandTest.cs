using System.Net;
using System.Net.Sockets;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.OnDemand;

/// <summary>Tests of vassals that are started by connections, with what they need of sockets.</summary>
internal abstract class OnDemandTest : EmperorTest
{
    // A client waits while its vassal starts, on a machine that is busy with others.
    private const int ClientPatience = 55_000;

    /// <summary>The folder of the sockets.</summary>
    protected string Run => Temp.Folder("run");

    /// <summary>Writes a vassal that answers connections with its pid; verbs follow "serve" and "accept".</summary>
    protected string WriteServer(string name, params string[] verbs) => Write(name, ["serve", "accept", .. verbs]);

    /// <summary>Starts a daemon whose vassals all have their sockets in <see cref="Run"/>.</summary>
    protected EmperorProcess StartInFolder(params string[] options) => Start(["--emperor-on-demand-directory", Run, .. options]);

    /// <summary>Waits until a vassal waits for connections, as the log tells after a mark.</summary>
    protected static void AwaitArmed(EmperorProcess daemon, string vassal, int from = 0) =>
        daemon.AwaitVassal(vassal, "on demand: it waits for connections on ", from);

    /// <summary>Connects and does not wait for an answer.</summary>
    protected static Socket Connect(EndPoint address)
    {
        var family = address is IPEndPoint ip ? ip.AddressFamily : AddressFamily.Unix;
        var socket = new Socket(family, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = ClientPatience };
        try
        {
            socket.Connect(address);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Connects to a socket file and does not wait for an answer.</summary>
    protected static Socket Connect(string path) => Connect(new UnixDomainSocketEndPoint(path));

    /// <summary>The pid of the vassal that answers there; fails when the connection is lost.</summary>
    protected int Ask(EndPoint address)
    {
        using var socket = Connect(address);
        return Answer(socket);
    }

    /// <summary>The same at a socket file.</summary>
    protected int Ask(string path) => Ask(new UnixDomainSocketEndPoint(path));

    /// <summary>The answer on a connection.</summary>
    protected int Answer(Socket socket)
    {
        var buffer = new byte[64];
        var length = 0;
        try
        {
            while (socket.Receive(buffer, length, buffer.Length - length, SocketFlags.None) is var count && count > 0)
                length += count;
        }
        catch (SocketException e)
        {
            Assert.Fail($"the connection was lost: {e.SocketErrorCode}\n{Logs()}\n{Journal.Text()}");
        }
        var text = Encoding.ASCII.GetString(buffer, 0, length);
        Assert.That(int.TryParse(text, out var pid), $"the connection was closed with \"{text}\"\n{Logs()}\n{Journal.Text()}");
        return pid;
    }
}
