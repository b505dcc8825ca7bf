using System.Globalization;
using Emperor.Core.Protocol;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor;

/// <summary>What the emperor whose vassal this one is wants.</summary>
internal enum LordOrder
{
    /// <summary>Stop.</summary>
    Stop,

    /// <summary>Stop when the requests in hand are finished.</summary>
    StopGracefully,

    /// <summary>Read the configuration again.</summary>
    Reload,

    /// <summary>It is gone, or has let go of this one.</summary>
    Lost,
}

/// <summary>
/// Overview: an emperor can be the vassal of another one, of uWSGI's or of its kind (uWSGI's documentation, "Emperor", sub-emperors; core/master.c): the
/// descriptor in UWSGI_EMPEROR_FD leads to its lord. It says at once that it is spawned and loyal, as uWSGI's sub-emperors do, so that it is
/// not taken for one that failed however long its own vassals take; that it accepts requests, when what --emperor-ready asks for has come true; and both
/// again when a reload is over. When the channel closes its lord is gone, and it leaves with all its vassals.
/// </summary>
internal sealed class LordChannel
{
    // More than these in one turn of the loop say nothing that the first have not said.
    private const int ChunkSize = 64;

    private readonly Channel _channel;
    private readonly long? _heartbeat;
    private readonly List<byte> _bytes = [];
    private readonly Queue<LordOrder> _orders = new();
    private EventLoop? _loop;
    private bool _isSuccessor;
    private bool _owesAnswer = true;
    private long _nextBeat;

    private LordChannel(Channel channel, int heartbeat)
    {
        _channel = channel;
        _heartbeat = heartbeat > 0 ? heartbeat * 1000L : null;
    }

    /// <summary>The descriptor.</summary>
    public int Fd => _channel.Fd;

    /// <summary>When the next heartbeat is due, monotonic milliseconds; null when none is asked for.</summary>
    public long? NextDue => _heartbeat is null ? null : _nextBeat;

    /// <summary>Finds the channel.</summary>
    /// <param name="environment">UWSGI_EMPEROR_FD is read.</param>
    /// <param name="heartbeat">--heartbeat, seconds; 0 for none.</param>
    /// <param name="failure">Why there is none though the variable is there; empty when it is not.</param>
    public static LordChannel? Find(IReadOnlyDictionary<string, string> environment, int heartbeat, out string failure)
    {
        failure = "";
        if (environment.GetValueOrDefault("UWSGI_EMPEROR_FD") is not { } text)
            return null;
        if (
            !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var fd)
            || fd <= 2
            || !Files.IsInherited(fd)
            || !Files.IsSocket(fd)
        )
        {
            failure =
                $"UWSGI_EMPEROR_FD={text} names no socket of an emperor above this one, and is ignored; remove it from the environment";
            return null;
        }
        return new LordChannel(Channel.Adopt(Files.TakeOver(fd)), heartbeat);
    }

    /// <summary>Whether the end of a start or reload is still to be told.</summary>
    public bool OwesAnswer => _owesAnswer;

    /// <summary>An emperor before this one, in the same process, has said that it is there.</summary>
    /// <param name="owesAnswer">What it has left of <see cref="OwesAnswer"/>.</param>
    public void Inherit(bool owesAnswer) => (_isSuccessor, _owesAnswer) = (true, owesAnswer);

    /// <summary>Listens from now on, and says that this emperor is there, unless one before it has said so.</summary>
    public void Begin(EventLoop loop)
    {
        _loop = loop;
        loop.Add(_channel.Fd, Token.Make(TokenKind.Lord, 0));
        if (_isSuccessor)
            return;
        Say(VassalMessage.Spawned);
        Say(VassalMessage.Loyal);
    }

    /// <summary>Something has come.</summary>
    public void Hear()
    {
        Span<byte> chunk = stackalloc byte[ChunkSize];
        switch (_channel.Read(chunk, out var count))
        {
            case ChannelRead.Closed:
                _loop!.Remove(_channel.Fd);
                _orders.Enqueue(LordOrder.Lost);
                break;
            case ChannelRead.Data:
                ProtocolDecoder.Decode(chunk[..count], _bytes);
                foreach (var message in _bytes)
                {
                    if (message is EmperorMessage.Stop or EmperorMessage.StopGracefully or EmperorMessage.Reload)
                        _orders.Enqueue(
                            message == EmperorMessage.Stop ? LordOrder.Stop
                            : message == EmperorMessage.Reload ? LordOrder.Reload
                            : LordOrder.StopGracefully
                        );
                }
                break;
        }
    }

    /// <summary>Takes the next order.</summary>
    public bool TryTake(out LordOrder order) => _orders.TryDequeue(out order);

    /// <summary>A reload has begun, and its end is to be told.</summary>
    public void BeginReload() => _owesAnswer = true;

    /// <summary>Tells what is due, at the end of a turn of the loop.</summary>
    /// <param name="isReady">Whether this emperor is ready, and reloads nothing.</param>
    /// <param name="isLeaving">Whether it leaves: then nothing more is told.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public void Turn(bool isReady, bool isLeaving, long now)
    {
        if (isLeaving)
        {
            _nextBeat = long.MaxValue;
            return;
        }
        if (_owesAnswer && isReady)
        {
            _owesAnswer = false;
            Say(VassalMessage.Accepting);
            Say(VassalMessage.Loyal);
        }
        if (_heartbeat is not { } pause || now < _nextBeat)
            return;
        _nextBeat = now + pause;
        Say(VassalMessage.Heartbeat);
    }

    // A lord that does not read does not get it; one that is gone is noticed by the loop.
    private void Say(byte message) => _ = _channel.Send(message);
}
