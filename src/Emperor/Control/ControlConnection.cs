using Emperor.Core.Control;
using Emperor.Linux;

namespace Emperor.Control;

/// <summary>
/// One client of the control socket: the line that it is sending, the bytes that it has not read yet, and what it waits for. While it does not
/// read its answers it is not read either, so what is kept for it is one answer at the most.
/// </summary>
internal sealed class ControlConnection(long serial, StreamConnection stream, Peer peer, long now) : IDisposable
{
    private const int FirstBuffer = 512;
    private const long LineTime = 10_000;
    private const long IdleTime = 60_000;
    private const long SendTime = 30_000;

    private readonly Queue<byte[]> _output = new();
    private byte[] _input = [];
    private int _length;
    private int _sent;
    private long _deadline = now + IdleTime;

    /// <summary>Which one; numbers are not used again.</summary>
    public long Serial => serial;

    /// <summary>The connection.</summary>
    public StreamConnection Stream => stream;

    /// <summary>Who is there.</summary>
    public Peer Peer => peer;

    /// <summary>When it came, monotonic milliseconds.</summary>
    public long Since { get; } = now;

    /// <summary>Its last request; null before the first.</summary>
    public ControlRequest? Asked { get; set; }

    /// <summary>Its request is being worked on, or it follows something: it is not read meanwhile.</summary>
    public bool IsBusy { get; set; }

    /// <summary>Nothing more comes from it.</summary>
    public bool IsInputClosed { get; private set; }

    /// <summary>It goes when its output is sent.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>The number of the last event that it was told; null when it does not follow events.</summary>
    public long? EventsToldTo { get; set; }

    /// <summary>The vassals whose events it may be told; null for all.</summary>
    public HashSet<string>? EventsOf { get; set; }

    /// <summary>What tells it what vassals print; null when nothing does.</summary>
    public LogTeller? Logs { get; set; }

    /// <summary>The request that it follows events by.</summary>
    public ControlRequest? Following { get; set; }

    /// <summary>Whether there is output that it has not taken yet.</summary>
    public bool HasOutput => _output.Count > 0;

    /// <summary>When it has taken too long, monotonic milliseconds; null when it is we who are waited for.</summary>
    public long? Deadline => HasOutput || !IsBusy ? _deadline : null;

    /// <summary>Whether it is in the middle of a line.</summary>
    public bool IsMidLine => _length > 0;

    /// <summary>Queues a line for it.</summary>
    public void Say(ControlReply reply, long now)
    {
        if (_output.Count == 0)
            _deadline = now + SendTime;
        _output.Enqueue(ControlProtocol.Line(reply));
    }

    /// <summary>Sends what it takes.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool Send(long now)
    {
        while (_output.TryPeek(out var line))
        {
            var error = stream.Send(line.AsSpan(_sent), out var count);
            if (error == Errno.Again || error == Errno.Interrupted)
                return true;
            if (error.Number != 0)
                return false;
            _sent += count;
            _deadline = now + SendTime;
            if (_sent < line.Length)
                continue;
            _output.Dequeue();
            _sent = 0;
        }
        if (!IsBusy)
            _deadline = now + (IsMidLine ? LineTime : IdleTime);
        return true;
    }

    /// <summary>Reads what is there, one buffer at the most.</summary>
    public void Receive(Span<byte> buffer, long now)
    {
        var room = Math.Min(buffer.Length, ControlProtocol.RequestBytes - _length);
        switch (stream.Read(buffer[..room], out var count))
        {
            case ChannelRead.Nothing:
                return;
            case ChannelRead.Closed:
                IsInputClosed = true;
                return;
        }
        if (_length == 0)
            _deadline = now + LineTime;
        if (_length + count > _input.Length)
            Array.Resize(
                ref _input,
                Math.Max(FirstBuffer, Math.Max(_length + count, Math.Min(2 * _input.Length, ControlProtocol.RequestBytes)))
            );
        buffer[..count].CopyTo(_input.AsSpan(_length));
        _length += count;
    }

    /// <summary>Takes the next whole line of its input.</summary>
    /// <param name="request">The request; null when there is none, or it was a bad one.</param>
    /// <param name="refusal">The answer to a bad one.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>False when there is no whole line.</returns>
    public bool TryTake(out ControlRequest? request, out ControlReply? refusal, long now)
    {
        (request, refusal) = (null, null);
        var end = _input.AsSpan(0, _length).IndexOf((byte)'\n');
        if (end < 0)
        {
            if (_length < ControlProtocol.RequestBytes)
                return false;
            refusal = ControlReply.Failed(null, "too-large", $"a request has at most {ControlProtocol.RequestBytes} bytes");
            IsLeaving = true;
            _length = 0;
            return true;
        }
        var line = _input.AsSpan(0, end).TrimEnd((byte)'\r');
        // An empty line is nothing, as when somebody tries it by hand.
        if (line.Length > 0)
            request = ControlProtocol.Parse(line, out refusal);
        _length -= end + 1;
        Array.Copy(_input, end + 1, _input, 0, _length);
        if (_length == 0)
            _input = [];
        _deadline = now + (_length > 0 ? LineTime : IdleTime);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Logs?.Dispose();
        stream.Dispose();
    }
}
