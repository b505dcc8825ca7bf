using System.Net.Sockets;

namespace Emperor.EndToEnd.Support;

/// <summary>
/// Ports for what tests start. The kernel's own choice would be wrong: it gives the same port to whoever connects next, and two tests that look at
/// the same time may be told the same one. So each is given out once, from below those that the kernel takes (ip_local_port_range, from 32768).
/// </summary>
internal static class Ports
{
    private const int First = 20_000;
    private const int Count = 12_000;

    // Test runs side by side begin at different ones; there are fewer than this many ports in one.
    private const int Apart = 997;

    private static int _last = Environment.ProcessId % Count * Apart;

    /// <summary>A port that nobody listens on, at any address of this machine, and that no other test is given.</summary>
    public static int Free()
    {
        for (var tries = 0; tries < Count; tries++)
        {
            var port = First + (Interlocked.Increment(ref _last) % Count);
            if (IsFree(port))
                return port;
        }
        throw new InvalidOperationException($"no port from {First} to {First + Count - 1} is free");
    }

    private static bool IsFree(int port)
    {
        // At all addresses of both families.
        using var listener = TcpListener.Create(port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
