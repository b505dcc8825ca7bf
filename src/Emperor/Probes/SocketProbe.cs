using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Linux;

namespace Emperor.Probes;

/// <summary>What the probes of the probing thread share.</summary>
/// <param name="Diag">How the kernel is asked; null where it cannot be.</param>
/// <param name="View">All processes.</param>
/// <param name="Answer">Takes what an order has come to.</param>
/// <param name="Loop">Tells once, under the order's number, when there is something to read.</param>
internal sealed record ProbeTools(SocketDiag? Diag, ProcessView View, Action<ProbeAnswer> Answer, EventLoop Loop);

/// <summary>
/// Overview: one order being carried out. A connection is made to the socket, and looked at until a process has accepted it: the emperor itself holds the listening
/// socket, so that a connection can be made says nothing. Then the accepting process's end of it is looked for among the descriptors of
/// the vassal's process and of what came of it. When another process has taken it (an older generation, another copy), it is tried again. Nothing
/// is sent before, so that an answer is known to be the process's own.
///
/// <para>Two more things show that a process accepts: it has the listening socket in an epoll set, or a thread of it waits in accept(2). They count where
/// a connection cannot tell: another took it, no more connections may wait, the socket hands out only connections that have sent something, or
/// the kernel does not tell who is at the other end. They do not count where a connection waits in vain.</para>
/// </summary>
internal sealed class SocketProbe(ProbeOrder order, ProbeTools tools) : IDisposable
{
    private const long FirstPause = 2;
    private const long LongestLook = 100;
    private const long LongestPause = 1_000;
    private const long RetryPause = 10;
    private const int LongestAnswer = 64 * 1024;

    private readonly byte[] _buffer = new byte[HttpStatus.LongestLine];
    private StreamProbe? _connection;
    private bool _isRequested;
    private bool _isClosedBySomebody;
    private bool _wasTaken;
    private string _reason = "";
    private long _pause = FirstPause;
    private long _retryPause = RetryPause;
    private long _attemptEnds;
    private long _pendingSince;
    private int _length;
    private int _total;
    private int _status;

    /// <summary>The order.</summary>
    public ProbeOrder Order { get; } = order;

    /// <summary>When to look again, monotonic milliseconds.</summary>
    public long Due { get; private set; }

    /// <summary>Whether it has a connection open.</summary>
    public bool IsConnected => _connection is not null;

    /// <summary>Whether nothing more is to be done.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Since when its connection waits to be accepted; null when it does not.</summary>
    public long? PendingSince => _connection is null || _isRequested ? null : _pendingSince;

    /// <summary>Looks, and does what is next.</summary>
    public void Step(long now)
    {
        if (now >= Order.Deadline)
        {
            if (_wasTaken && !_isRequested)
                Finish(ProbeVerdict.TakenByOthers, "");
            else
                Finish(
                    ProbeVerdict.Bad,
                    _isRequested ? "no answer in time"
                        : _reason.Length > 0 ? _reason
                        : "no connection is accepted"
                );
        }
        else if (tools.Diag is null)
            StepBlind(now);
        else if (_connection is null)
            Connect(now);
        else if (_isRequested)
            Read(now);
        else
            Look(now);
    }

    /// <summary>Gives up its connection, and waits its turn again.</summary>
    public void Yield(long now) => Retry(now);

    /// <inheritdoc/>
    public void Dispose()
    {
        _connection?.Dispose();
        _connection = null;
    }

    // Without sock_diag only what the process waits for can be seen.
    private void StepBlind(long now)
    {
        if (!MemberAwaits(now))
            Retry(now, "nothing of it waits for connections");
        else if (Order.Path is null)
            Finish(ProbeVerdict.Good, "");
        else if (_connection is null)
            Connect(now);
        else if (_isRequested)
            Read(now);
        else
            Request(now);
    }

    private void Connect(long now)
    {
        _connection = StreamProbe.Connect(Order.Listener, out var error);
        if (_connection is null)
        {
            // EAGAIN: the queue is full, which those that accept from it are working at.
            if (error == Errno.Again && Order.Path is null && MemberAwaits(now))
                Finish(ProbeVerdict.Good, "");
            else
                Retry(
                    now,
                    error == Errno.Again ? "its socket's queue of connections is full" : $"its socket cannot be connected to: {error}"
                );
            return;
        }
        tools.Loop.AddOnce(_connection.Fd, (ulong)Order.Id);
        _isRequested = _isClosedBySomebody = false;
        (_length, _total, _status) = (0, 0, 0);
        _pendingSince = now;
        _pause = FirstPause;
        Due = now + FirstPause;
    }

    private void Look(long now)
    {
        switch (_connection!.Look(tools.Diag!, out var inode, out var error))
        {
            case ProbeState.Accepted when Holder(inode, now) is { } isOwn:
                if (!isOwn)
                    TakenByAnother(now);
                else if (Order.Path is null)
                    Finish(ProbeVerdict.Good, "");
                else
                    Request(now);
                break;
            case ProbeState.Accepted:
                // Whose it is will be known when one may look at the processes again.
                Due = tools.View.NextLook;
                break;
            case ProbeState.Closed:
                if (Order.Path is not null)
                    Retry(now, "it closed the connection without an answer");
                else if (MemberAwaits(now))
                    Finish(ProbeVerdict.Good, "");
                else
                    Somebody(now);
                break;
            case ProbeState.Failed:
                Retry(now, $"its socket cannot be connected to: {error}");
                break;
            default:
                Wait(now);
                break;
        }
    }

    private void Wait(long now)
    {
        Due = now + _pause;
        _pause = Math.Min(LongestLook, (_pause * 3 / 2) + 1);
        if (!Order.Listener.Defers)
            return;
        if (Order.Path is not null)
            Request(now);
        else if (MemberAwaits(now))
            Finish(ProbeVerdict.Good, "");
    }

    private void TakenByAnother(long now)
    {
        _wasTaken = true;
        if (Order.Path is null && MemberAwaits(now))
            Finish(ProbeVerdict.Good, "");
        else
            Retry(now, "another process accepts its connections");
    }

    // Whether the accepted end is the vassal's process's own; null when that cannot be told now.
    private bool? Holder(uint inode, long now)
    {
        if (ProcessSockets.Holds(Order.Pid, inode) || tools.View.Of(Order.Pid).Skip(1).Any(p => ProcessSockets.Holds(p, inode)))
            return true;
        // A process that has been started since the last look may be it.
        if (!tools.View.Refresh(now))
            return null;
        return tools.View.Of(Order.Pid).Any(p => ProcessSockets.Holds(p, inode));
    }

    private bool MemberAwaits(long now)
    {
        _ = tools.View.Refresh(now);
        return tools.View.Of(Order.Pid).Any(p => ProcessSockets.Awaits(p, Order.Listener.Inode, Order.Listener.Device));
    }

    private void Request(long now)
    {
        _isRequested = true;
        _attemptEnds = now + Order.AttemptLimit;
        var request = HttpStatus.Request(Order.Path!);
        if (_connection!.Send(request) < request.Length)
            Retry(now, "it closed the connection without an answer");
        else
            Await();
    }

    private void Read(long now)
    {
        while (true)
        {
            // The first line tells; what comes after it is read and forgotten, so that the process can finish its answer.
            var target = _status == 0 ? _buffer.AsSpan(_length) : _buffer.AsSpan();
            var result = _connection!.Read(target, out var count);
            if (result == ChannelRead.Nothing)
            {
                if (now >= _attemptEnds)
                    Conclude(now, "no answer in time");
                else
                    Await();
                return;
            }
            _total += count;
            if (_status == 0)
            {
                _length += count;
                var status = HttpStatus.Parse(_buffer.AsSpan(0, _length));
                if (status == 0)
                {
                    Conclude(now, "its answer is no HTTP");
                    return;
                }
                _status = status ?? 0;
            }
            if (result == ChannelRead.Closed || _total > LongestAnswer)
            {
                Conclude(now, "it closed the connection without an answer");
                return;
            }
        }
    }

    private void Await()
    {
        Due = _attemptEnds;
        tools.Loop.Rearm(_connection!.Fd, (ulong)Order.Id);
    }

    private void Conclude(long now, string otherwise)
    {
        if (_status != 0 && HttpStatus.IsWell(_status))
        {
            // A socket that hands out only what has sent something does not show who has answered before it is too late.
            var isKnown = tools.Diag is null || !Order.Listener.Defers || MemberAwaits(now);
            if (isKnown)
                Finish(ProbeVerdict.Good, "");
            else
                Somebody(now);
            return;
        }
        var reason = _status == 0 ? otherwise : _status.ToString(CultureInfo.InvariantCulture);
        if (Order.Once)
            Finish(ProbeVerdict.Bad, reason);
        else
            Retry(now, reason);
    }

    // Who waits for the answer decides, by what other processes there are; the order stands.
    private void Somebody(long now)
    {
        _wasTaken = true;
        if (!_isClosedBySomebody)
            tools.Answer(new ProbeAnswer(Order.Id, ProbeVerdict.GoodOfSomebody, ""));
        _isClosedBySomebody = true;
        Retry(Pause(now));
    }

    private void Retry(long now, string reason)
    {
        if (!Order.Once && reason != _reason)
            tools.Answer(new ProbeAnswer(Order.Id, ProbeVerdict.Bad, reason));
        _reason = reason;
        Retry(Pause(now));
    }

    private void Retry(long due)
    {
        Dispose();
        _isRequested = false;
        Due = due;
    }

    private long Pause(long now)
    {
        var due = now + _retryPause;
        _retryPause = Math.Min(LongestPause, _retryPause * 3 / 2);
        return due;
    }

    private void Finish(ProbeVerdict verdict, string reason)
    {
        Dispose();
        IsOver = true;
        tools.Answer(new ProbeAnswer(Order.Id, verdict, reason));
    }
}
