using System.Text.Json;
using Emperor.Control;
using Emperor.Core.Control;
using Emperor.Linux;

namespace Emperor.Commands;

/// <summary>The emperor could not be reached, or has gone.</summary>
internal sealed class NoEmperorException(string message) : Exception(message);

/// <summary>A client's end of the control socket.</summary>
internal sealed class ControlClient : IDisposable
{
    // A thousand vassals take some 400 KB; this is for a hundred thousand.
    private const int LongestLine = 64 * 1024 * 1024;
    private const int AnswerTime = 30_000;
    private const int QueueTime = 5_000;
    private const int QueuePause = 10;
    private const int RetryPause = 50;

    /// <summary>How long it may take until an emperor that is upgraded answers again, milliseconds.</summary>
    public const long UpgradeTime = 5_000;

    private readonly StreamConnection _stream;
    private readonly string _path;
    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _length;

    private ControlClient(StreamConnection stream, string path)
    {
        _stream = stream;
        _path = path;
    }

    /// <summary>Connects to the emperor.</summary>
    /// <param name="path">--socket; null for the usual places.</param>
    /// <exception cref="NoEmperorException">Nobody listens there.</exception>
    public static ControlClient Connect(string? path)
    {
        var places = path is not null ? [path] : UsualPlaces();
        var failures = new List<string>();
        foreach (var place in places)
        {
            if (Connect(place, out var error) is { } stream)
                return new ControlClient(stream, place);
            failures.Add($"{place}: {(error == Errno.ConnectionRefused ? "nobody listens there any more" : error.Message)}");
        }
        throw new NoEmperorException(
            places.Count == 0
                ? "there is no usual place for a control socket (XDG_RUNTIME_DIR is not set); name it by --socket"
                : $"no emperor can be reached ({string.Join("; ", failures)}); is it running, and with which --emperor-control? Name it by --socket"
        );
    }

    /// <summary>
    /// Connects again, because the emperor goes on as another program, and tries so for a while.
    /// </summary>
    /// <param name="path">--socket; null for the usual places.</param>
    /// <param name="until">When it is tried for the last time, monotonic milliseconds.</param>
    /// <exception cref="NoEmperorException">Nobody came to listen there.</exception>
    public static ControlClient ConnectAgain(string? path, long until)
    {
        using var never = new ManualResetEvent(initialState: false);
        while (true)
        {
            try
            {
                return Connect(path);
            }
            catch (NoEmperorException) when (Environment.TickCount64 < until)
            {
                _ = never.WaitOne(RetryPause);
            }
        }
    }

    /// <summary>Asks, and gets one answer.</summary>
    public ControlReply Ask(ControlRequest request)
    {
        Send(request);
        return Read(AnswerTime);
    }

    /// <summary>Asks, and gets all lines of the answer as they come; the last one has no more.</summary>
    /// <param name="request">What.</param>
    /// <param name="patience">How long the next line may take, milliseconds; -1 for ever.</param>
    public IEnumerable<ControlReply> AskAll(ControlRequest request, int patience = -1)
    {
        Send(request);
        while (true)
        {
            var reply = Read(patience);
            yield return reply;
            if (!reply.More)
                yield break;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    // While others take all places in its queue, this one waits for a while.
    private static StreamConnection? Connect(string place, out Errno error)
    {
        error = Errno.NameTooLong;
        if (SocketName.OfUnix(place) is not { } name)
            return null;
        using var never = new ManualResetEvent(initialState: false);
        for (var waited = 0; ; waited += QueuePause)
        {
            if (StreamConnection.Connect(name, out error) is { } stream)
                return stream;
            if (error != Errno.Again || waited >= QueueTime)
                return null;
            _ = never.WaitOne(QueuePause);
        }
    }

    private static List<string> UsualPlaces()
    {
        List<string?> places =
        [
            Self.IsRoot ? null : ControlSocket.DefaultPath(isRoot: false, Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR")),
            ControlSocket.DefaultPath(isRoot: true, null),
        ];
        return [.. places.OfType<string>()];
    }

    /// <summary>Asks.</summary>
    public void Send(ControlRequest request)
    {
        byte[] line =
        [
            .. JsonSerializer.SerializeToUtf8Bytes(request with { V = ControlProtocol.Version }, ControlProtocol.Json.ControlRequest),
            (byte)'\n',
        ];
        for (var at = 0; at < line.Length; )
        {
            var error = _stream.Send(line.AsSpan(at), out var sent);
            at += sent;
            if (error == Errno.Again)
                _ = _stream.Wait(output: true, AnswerTime);
            else if (error.Number != 0)
                throw new NoEmperorException($"{_path}: {error.Message}");
        }
    }

    private ControlReply Read(int patience) =>
        TryRead(patience, out var reply)
            ? reply
            : throw new NoEmperorException($"{_path}: the emperor has not answered in {patience / 1000} s");

    /// <summary>Gets the next line of an answer.</summary>
    /// <param name="patience">How long it may take, milliseconds; -1 for ever.</param>
    /// <param name="reply">The line.</param>
    /// <returns>False when it has not come by then.</returns>
    public bool TryRead(int patience, out ControlReply reply)
    {
        while (true)
        {
            var end = _buffer.AsSpan(_start, _length).IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = _buffer.AsSpan(_start, end);
                (_start, _length) = (_start + end + 1, _length - end - 1);
                reply =
                    JsonSerializer.Deserialize(line, ControlJson.Default.ControlReply)
                    ?? throw new NoEmperorException($"{_path}: what listens there is no emperor");
                return true;
            }
            reply = new ControlReply();
            if (!Receive(patience))
                return false;
        }
    }

    private bool Receive(int patience)
    {
        if (_start + _length == _buffer.Length)
        {
            if (_start == 0)
            {
                if (_buffer.Length >= LongestLine)
                    throw new NoEmperorException($"{_path}: an answer has no end");
                Array.Resize(ref _buffer, _buffer.Length * 2);
            }
            Array.Copy(_buffer, _start, _buffer, 0, _length);
            _start = 0;
        }
        if (!_stream.Wait(output: false, patience))
            return false;
        switch (_stream.Read(_buffer.AsSpan(_start + _length), out var count))
        {
            case ChannelRead.Data:
                _length += count;
                break;
            case ChannelRead.Closed:
                throw new NoEmperorException($"{_path}: the emperor has gone");
        }
        return true;
    }
}
