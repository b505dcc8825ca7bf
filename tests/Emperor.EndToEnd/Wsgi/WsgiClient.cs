using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>An answer in HTTP's form.</summary>
internal sealed record Answer(string Head, byte[] Body)
{
    public int Status => int.Parse(Head.Split(' ')[1], CultureInfo.InvariantCulture);

    public string Text => Encoding.Latin1.GetString(Body);

    public string? Header(string name) =>
        Head.Split("\r\n")
            .Skip(1)
            .Select(line => line.Split(": ", 2))
            .Where(parts => parts[0].Equals(name, StringComparison.OrdinalIgnoreCase))
            .Select(parts => parts[1])
            .SingleOrDefault();

    public override string ToString() => $"{Head}\n{Text}";
}

/// <summary>A client that sends exactly what it is told to, over a socket of its own.</summary>
internal sealed class WsgiClient : IDisposable
{
    private readonly Socket _socket;
    private byte[] _ahead = [];

    private WsgiClient(Socket socket, EndPoint end)
    {
        _socket = socket;
        socket.ReceiveTimeout = socket.SendTimeout = (int)Wait.Limit.TotalMilliseconds;
        socket.Connect(end);
    }

    /// <summary>Connects to the HTTP socket.</summary>
    public static WsgiClient Http(WsgiDriver driver) =>
        new(
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true },
            new IPEndPoint(IPAddress.Loopback, driver.Port)
        );

    /// <summary>Connects to the uwsgi socket.</summary>
    public static WsgiClient Uwsgi(WsgiDriver driver) =>
        new(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(driver.Socket));

    /// <summary>A GET on a connection of its own.</summary>
    public static Answer Get(WsgiDriver driver, string target) =>
        Ask(driver, $"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");

    /// <summary>Any request on a connection of its own.</summary>
    public static Answer Ask(WsgiDriver driver, string request)
    {
        using var client = Http(driver);
        client.Send(request);
        return client.ReadAnswer(request.StartsWith("HEAD ", StringComparison.Ordinal));
    }

    /// <summary>A request over the uwsgi protocol, answered until the connection is closed.</summary>
    public static Answer AskUwsgi(
        WsgiDriver driver,
        string method,
        string target,
        byte[]? body = null,
        params (string Name, string Value)[] more
    )
    {
        return AskUwsgiAt(driver.Socket, method, target, body, more);
    }

    /// <summary>The same of whoever listens there.</summary>
    public static Answer AskUwsgiAt(
        string socket,
        string method,
        string target,
        byte[]? body = null,
        params (string Name, string Value)[] more
    )
    {
        using var client = new WsgiClient(
            new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            new UnixDomainSocketEndPoint(socket)
        );
        client.Send(Packet(method, target, body?.Length, more));
        if (body is not null)
            client.Send(body);
        return client.ReadToEnd();
    }

    /// <summary>The head of a request in the uwsgi protocol, with what nginx's uwsgi_params sends.</summary>
    public static byte[] Packet(string method, string target, long? length, params (string Name, string Value)[] more)
    {
        var parts = target.Split('?', 2);
        (string Name, string Value)[] variables =
        [
            ("QUERY_STRING", parts.Length > 1 ? parts[1] : ""),
            ("REQUEST_METHOD", method),
            ("CONTENT_TYPE", ""),
            ("CONTENT_LENGTH", length?.ToString(CultureInfo.InvariantCulture) ?? ""),
            ("REQUEST_URI", target),
            ("PATH_INFO", parts[0]),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("REMOTE_ADDR", "192.0.2.1"),
            ("REMOTE_PORT", "4711"),
            ("SERVER_PORT", "80"),
            ("SERVER_NAME", "test"),
            ("HTTP_HOST", "test"),
            .. more,
        ];
        return Packet(variables);
    }

    /// <summary>Exactly these variables.</summary>
    public static byte[] Packet(params (string Name, string Value)[] variables)
    {
        var bytes = new List<byte>();
        foreach (var text in variables.SelectMany(v => new[] { v.Name, v.Value }))
        {
            bytes.Add((byte)text.Length);
            bytes.Add((byte)(text.Length >> 8));
            bytes.AddRange(Encoding.Latin1.GetBytes(text));
        }
        var head = new byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(1), (ushort)bytes.Count);
        return [.. head, .. bytes];
    }

    public void Send(string text) => Send(Encoding.Latin1.GetBytes(text));

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[_socket.Send(bytes)..];
    }

    /// <summary>Nothing more will be sent.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Whether the server has closed the connection, or closes it within the limit; what it still sends is not looked at.</summary>
    public bool IsClosed()
    {
        var buffer = new byte[65536];
        try
        {
            while (_socket.Receive(buffer) > 0) { }
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>What is there, at least one byte; empty when the server has closed.</summary>
    public byte[] Receive()
    {
        if (_ahead.Length > 0)
        {
            var ahead = _ahead;
            _ahead = [];
            return ahead;
        }
        var buffer = new byte[65536];
        return buffer[.._socket.Receive(buffer)];
    }

    /// <summary>Everything until a text has come.</summary>
    public string ReadUntil(string end)
    {
        var text = "";
        while (!text.Contains(end))
        {
            var piece = Receive();
            if (piece.Length == 0)
                Assert.Fail($"closed before {end}: {text}");
            text += Encoding.Latin1.GetString(piece);
        }
        var at = text.IndexOf(end, StringComparison.Ordinal) + end.Length;
        _ahead = Encoding.Latin1.GetBytes(text[at..]);
        return text[..at];
    }

    /// <summary>An answer that lasts until the connection is closed.</summary>
    public Answer ReadToEnd()
    {
        var head = ReadUntil("\r\n\r\n");
        return new Answer(head[..^4], Rest());
    }

    /// <summary>One answer, framed as HTTP/1.1 does it.</summary>
    public Answer ReadAnswer(bool isHead = false)
    {
        var head = ReadUntil("\r\n\r\n")[..^4];
        var answer = new Answer(head, []);
        if (isHead || answer.Status is 204 or 304)
            return answer;
        if (answer.Header("Transfer-Encoding") == "chunked")
            return answer with { Body = ReadChunks() };
        return answer.Header("Content-Length") is { } length
            ? answer with
            {
                Body = ReadExactly(int.Parse(length, CultureInfo.InvariantCulture)),
            }
            : answer with
            {
                Body = Rest(),
            };
    }

    private byte[] ReadChunks()
    {
        var body = new List<byte>();
        while (true)
        {
            var size = int.Parse(ReadUntil("\r\n")[..^2], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.AddRange(ReadExactly(size));
            Assert.That(Encoding.Latin1.GetString(ReadExactly(2)), Is.EqualTo("\r\n"));
            if (size == 0)
                return [.. body];
        }
    }

    public byte[] ReadExactly(int count)
    {
        if (count == 0)
            return [];
        var bytes = new MemoryStream();
        while (bytes.Length < count)
        {
            var piece = Receive();
            if (piece.Length == 0)
                Assert.Fail($"closed after {bytes.Length} of {count} bytes");
            bytes.Write(piece);
        }
        var all = bytes.ToArray();
        _ahead = all[count..];
        return all[..count];
    }

    private byte[] Rest()
    {
        var bytes = new MemoryStream();
        for (var piece = Receive(); piece.Length > 0; piece = Receive())
            bytes.Write(piece);
        return bytes.ToArray();
    }

    public void Dispose() => _socket.Dispose();
}
