using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Emperor.EndToEnd.Support;

/// <summary>A message of sd_notify(3) and when it came.</summary>
internal sealed record Notification(string Text, TimeSpan At)
{
    /// <summary>The value of one of its variables; null when it has none of that name.</summary>
    public string? this[string name] =>
        Text.Split('\n')
            .Where(line => line.StartsWith(name + "=", StringComparison.Ordinal))
            .Select(l => l[(name.Length + 1)..])
            .FirstOrDefault();
}

/// <summary>The service manager's end of NOTIFY_SOCKET: a datagram socket that keeps what it is told.</summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly List<Notification> _messages = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private Thread? _reader;

    private NotifySocket(string address)
    {
        Address = address;
        _socket.Bind(new UnixDomainSocketEndPoint(address[0] == '@' ? "\0" + address[1..] : address));
    }

    /// <summary>What NOTIFY_SOCKET is.</summary>
    public string Address { get; }

    /// <summary>All messages until now.</summary>
    public IReadOnlyList<Notification> Messages
    {
        get
        {
            lock (_messages)
                return [.. _messages];
        }
    }

    /// <summary>Binds one.</summary>
    /// <param name="address">A path, or a name of the abstract kind after "@".</param>
    /// <param name="isRead">Whether it is read from the start; see <see cref="Read"/>.</param>
    public static NotifySocket Bind(string address, bool isRead = true)
    {
        var socket = new NotifySocket(address);
        if (isRead)
            socket.Read();
        return socket;
    }

    /// <summary>Begins to read.</summary>
    public void Read()
    {
        _reader = new Thread(Keep) { IsBackground = true };
        _reader.Start();
    }

    /// <summary>Waits for a message, behind the first so many, that has a variable of that value (any, when it is null).</summary>
    public Notification Await(string name, string? value = null, int from = 0) =>
        Wait.For(
            () => Messages.Skip(from).FirstOrDefault(message => message[name] is { } seen && (value is null || seen == value)),
            () => $"no {name}={value} after message {from}:\n{Text()}"
        );

    /// <summary>Waits for a STATUS that fits.</summary>
    public Notification AwaitStatus(string part) =>
        Wait.For(() => Messages.FirstOrDefault(m => m["STATUS"]?.Contains(part) == true), () => $"no status \"{part}\":\n{Text()}");

    /// <summary>All messages, for messages.</summary>
    public string Text() => string.Join('\n', Messages.Select(m => $"{m.At.TotalSeconds:0.000} {m.Text.Replace("\n", " | ")}"));

    public void Dispose()
    {
        _socket.Dispose();
        _reader?.Join(TimeSpan.FromSeconds(5));
        if (Address[0] != '@')
            File.Delete(Address);
    }

    private void Keep()
    {
        var buffer = new byte[65536];
        try
        {
            while (true)
            {
                var length = _socket.Receive(buffer);
                lock (_messages)
                    _messages.Add(new Notification(Encoding.UTF8.GetString(buffer, 0, length), _clock.Elapsed));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}
