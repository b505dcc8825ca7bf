using Emperor.Linux;

namespace Emperor.Stats;

/// <summary>What a listener serves.</summary>
internal enum Service
{
    /// <summary>The stats document, to whoever connects.</summary>
    Stats,

    /// <summary>The stats document, as an answer to an HTTP request (--stats-http).</summary>
    StatsOverHttp,

    /// <summary>Metrics and health over HTTP.</summary>
    Metrics,
}

/// <summary>What a client waits for.</summary>
internal enum Wish
{
    /// <summary>The stats document.</summary>
    Stats,

    /// <summary>OpenMetrics text.</summary>
    OpenMetrics,

    /// <summary>Prometheus' text.</summary>
    Prometheus,

    /// <summary>A sign of the main loop's life.</summary>
    Health,

    /// <summary>Whether the emperor is ready.</summary>
    Readiness,
}

/// <summary>What a client is being done to.</summary>
internal enum Stage
{
    /// <summary>Its request is read.</summary>
    Asking,

    /// <summary>It waits for the main loop's answer.</summary>
    Waiting,

    /// <summary>It is given what it wished for.</summary>
    Taking,

    /// <summary>It has got everything; it is given a moment to close, so that what it sent cannot destroy what it has not read yet.</summary>
    Leaving,

    /// <summary>It is gone.</summary>
    Gone,
}

/// <summary>One client of the stats server.</summary>
/// <param name="id">Its number, by which the loop names it.</param>
/// <param name="connection">Its socket.</param>
/// <param name="service">What it came for.</param>
/// <param name="now">When it came, monotonic milliseconds.</param>
internal sealed class StatsClient(long id, StreamConnection connection, Service service, long now)
{
    private const int FirstRequest = 512;
    private const int MostDrained = 64 * 1024;

    private byte[] _request = [];
    private int _requestLength;
    private byte[] _head = [];
    private int _sent;
    private int _drained;
    private Document? _body;

    /// <summary>Its number.</summary>
    public long Id => id;

    /// <summary>Its socket.</summary>
    public StreamConnection Connection => connection;

    /// <summary>What it came for.</summary>
    public Service Service => service;

    /// <summary>When it came, monotonic milliseconds.</summary>
    public long Since => now;

    /// <summary>What it is being done to.</summary>
    public Stage Stage { get; set; } = Stage.Asking;

    /// <summary>What it waits for.</summary>
    public Wish Wish { get; set; }

    /// <summary>Whether it asked for the head of an answer only.</summary>
    public bool HeadOnly { get; set; }

    /// <summary>When it is dropped, monotonic milliseconds.</summary>
    public long Deadline { get; set; }

    /// <summary>Whether the loop listens to it.</summary>
    public bool IsListenedTo { get; set; }

    /// <summary>What has come of its request.</summary>
    public ReadOnlySpan<byte> Request => _request.AsSpan(0, _requestLength);

    /// <summary>Reads on in its request.</summary>
    /// <returns>False when it has closed its end.</returns>
    public bool ReadRequest()
    {
        if (_requestLength == _request.Length)
            Array.Resize(ref _request, Math.Max(FirstRequest, _request.Length * 2));
        var result = connection.Read(_request.AsSpan(_requestLength), out var count);
        _requestLength += count;
        return result != ChannelRead.Closed;
    }

    /// <summary>Gives it an answer to take.</summary>
    /// <param name="head">What comes first.</param>
    /// <param name="body">What follows; this client counts as one of its users already.</param>
    public void Give(byte[] head, Document? body)
    {
        (_head, _body, _sent, _request) = (head, body, 0, []);
        Stage = Stage.Taking;
    }

    /// <summary>Writes as much as there is room for.</summary>
    /// <returns>False when it is gone.</returns>
    public bool WriteOn()
    {
        while (true)
        {
            var rest = _sent < _head.Length ? _head.AsSpan(_sent) : Body[(_sent - _head.Length)..];
            if (rest.IsEmpty)
            {
                Release();
                Stage = Stage.Leaving;
                connection.EndWriting();
                return true;
            }
            var error = connection.Send(rest, out var count);
            if (error == Errno.Again || error == Errno.Interrupted)
                return true;
            if (error.Number != 0)
                return false;
            _sent += count;
        }
    }

    /// <summary>Reads what it sends and nobody wants.</summary>
    /// <returns>False when it has closed its end, or sends too much.</returns>
    public bool Drain(Span<byte> buffer)
    {
        var result = connection.Read(buffer, out var count);
        _drained += count;
        return result != ChannelRead.Closed && _drained <= MostDrained;
    }

    /// <summary>Ends with it.</summary>
    public void Close()
    {
        Stage = Stage.Gone;
        Release();
        connection.Dispose();
    }

    private ReadOnlySpan<byte> Body => _body is null ? default : _body.Bytes;

    private void Release()
    {
        if (_body is not null)
            _body.Users--;
        _body = null;
    }
}
