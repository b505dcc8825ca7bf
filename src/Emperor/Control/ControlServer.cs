using System.Collections.Concurrent;
using Emperor.Core.Control;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Output;

namespace Emperor.Control;

/// <summary>
/// Overview: the control socket, on a thread of its own with an event loop of its own. It reads requests, keeps clients within their bounds
/// (how many, how long a line, how slow), and writes answers. Of vassals it knows nothing: it asks the main thread by a
/// <see cref="ControlCall"/>, one at a time for each client, and is answered by <see cref="ControlAnswer"/>s; so no client can hold up
/// more than itself, and never the main thread.
/// </summary>
internal sealed partial class ControlServer : IDisposable
{
    private const int ClientLimit = 256;

    // Those who may see nothing shall not take the places of those who may.
    private const int StrangerLimit = 32;
    private const int AcceptsATurn = 64;
    private const int EventsATurn = 256;

    // Of one client, before the others' turn: whoever sends thousands in one go holds up himself.
    private const int RequestsATurn = 16;
    private const int DefaultEvents = 20;
    private const int MostEvents = 10_000;
    private const long AcceptPause = 1_000;
    private const ulong ListenerToken = 0;
    private static readonly TimeSpan FarewellTime = TimeSpan.FromSeconds(2);

    private readonly ControlSocket _socket;
    private readonly EventFeed _events;
    private readonly uint _uid;
    private readonly Action _wakeMain;
    private readonly VassalOutput? _output;
    private readonly EmperorLog _log;
    private readonly EventLoop _loop = new();
    private readonly ConcurrentQueue<ControlCall> _calls = new();
    private readonly ConcurrentQueue<ControlAnswer> _answers = new();
    private readonly Dictionary<long, ControlConnection> _clients = [];
    private readonly HashSet<long> _unfinished = [];
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly Thread _thread;
    private long _serial;
    private long? _acceptDue;
    private volatile bool _isEnding;

    /// <summary>Starts to serve.</summary>
    /// <param name="socket">Where; it is disposed with this.</param>
    /// <param name="events">What can be followed.</param>
    /// <param name="output">What vassals print; null when it is not kept.</param>
    /// <param name="uid">The emperor's user.</param>
    /// <param name="wakeMain">Called when there are calls for the main thread.</param>
    /// <param name="log">Where faults are told.</param>
    public ControlServer(ControlSocket socket, EventFeed events, VassalOutput? output, uint uid, Action wakeMain, EmperorLog log)
    {
        _socket = socket;
        _events = events;
        _output = output;
        _uid = uid;
        _wakeMain = wakeMain;
        _log = log;
        _loop.Add(socket.Listener.Fd, ListenerToken);
        events.Wake = _loop.Wake;
        _thread = new Thread(Run) { IsBackground = true, Name = "control" };
        _thread.Start();
    }

    /// <summary>Whose vassals are, where users may see and steer their own (--emperor-tyrant); null where only masters may anything.</summary>
    public OwnerBook? Owners { get; init; }

    /// <summary>The next call for the main thread.</summary>
    public bool TryTake(out ControlCall call) => _calls.TryDequeue(out call);

    /// <summary>Answers; from the main thread.</summary>
    public void Answer(ControlAnswer answer)
    {
        _answers.Enqueue(answer);
        _loop.Wake();
    }

    /// <summary>Sends what is left, for two seconds at the most, and closes everything.</summary>
    public void Dispose()
    {
        _isEnding = true;
        _events.Wake = null;
        _lull.End();
        _loop.Wake();
        if (!_thread.Join(FarewellTime))
            return;
        _socket.Dispose();
        foreach (var client in _clients.Values)
            client.Dispose();
        _loop.Dispose();
    }

    private static long Now => Environment.TickCount64;

    private void Run()
    {
        try
        {
            Serve();
        }
        catch (Exception e)
        {
            // A fault of ours, and the command is worth less than vassals: these run on without.
            _log.Error(
                "control-fault",
                $"the control socket is not served any more, by a fault of the emperor's own, please report it: {e}"
            );
            _socket.Dispose();
            foreach (var client in _clients.Values)
                client.Dispose();
            _clients.Clear();
        }
        _lull.Die();
    }

    private void Serve()
    {
        var ready = new List<Readiness>();
        while (!_isEnding)
        {
            _loop.Wait(ready, Timeout());
            foreach (var one in ready)
            {
                if (one.Token == ListenerToken)
                    Accept();
                else if (_clients.TryGetValue((long)one.Token, out var client))
                    Hear(client, one);
            }
            GoOnWithUnfinished();
            while (_answers.TryDequeue(out var answer))
                Deliver(answer);
            TellEvents();
            TellLogs();
            DropTheLate();
            if (_acceptDue <= Now)
            {
                _acceptDue = null;
                _loop.Change(_socket.Listener.Fd, ListenerToken, read: _lullDue is null, write: false);
            }
            FallQuiet();
        }
        // Answers that were given while the end was ordered.
        while (_answers.TryDequeue(out var answer))
            Deliver(answer);
    }

    private void Accept()
    {
        for (var i = 0; i < AcceptsATurn; i++)
        {
            var stream = _socket.Listener.Accept(out var error);
            if (stream is null)
            {
                if (error == Errno.Again || error == Errno.Interrupted)
                    return;
                // No descriptor is left: they wait in the backlog meanwhile.
                _acceptDue = Now + AcceptPause;
                _loop.Change(_socket.Listener.Fd, ListenerToken, read: false, write: false);
                return;
            }
            Welcome(stream);
        }
    }

    private void Welcome(StreamConnection stream)
    {
        if (stream.Peer() is not { } peer)
        {
            stream.Dispose();
            return;
        }
        var client = new ControlConnection(++_serial, stream, new Peer(peer.Pid, peer.Uid, peer.Gid), Now);
        var isMaster = Access.IsMaster(peer.Uid, _uid);
        var strangers = isMaster ? 0 : _clients.Values.Count(c => !Access.IsMaster(c.Peer.Uid, _uid));
        if (_clients.Count >= ClientLimit || strangers >= StrangerLimit)
        {
            client.Say(ControlReply.Failed(null, "too-many", $"{_clients.Count} clients are connected; try again later"), Now);
            _ = client.Send(Now);
            client.Dispose();
            return;
        }
        try
        {
            _loop.Add(stream.Fd, (ulong)client.Serial);
            _clients.Add(client.Serial, client);
        }
        catch (LinuxException)
        {
            client.Dispose();
        }
    }

    private void Hear(ControlConnection client, Readiness ready)
    {
        if (ready.Writable && !client.Send(Now))
        {
            Drop(client);
            return;
        }
        // Only the end is told of a busy one: the other side is closed altogether.
        if (ready.HungUp && (client.IsBusy || client.IsInputClosed) && !ready.Writable)
        {
            Drop(client);
            return;
        }
        if (ready.Readable && !client.IsBusy && !client.HasOutput && !client.IsInputClosed && !_unfinished.Contains(client.Serial))
            client.Receive(_buffer, Now);
        GoOn(client);
    }

    // Works through what it has sent, as far as it takes the answers, and sets what is heard of it next.
    private void GoOn(ControlConnection client)
    {
        _unfinished.Remove(client.Serial);
        for (var i = 0; !client.IsBusy && !client.HasOutput && !client.IsLeaving; i++)
        {
            if (i == RequestsATurn)
            {
                _unfinished.Add(client.Serial);
                _loop.Wake();
                break;
            }
            if (!client.TryTake(out var request, out var refusal, Now))
                break;
            if (refusal is not null)
                client.Say(refusal, Now);
            else if (request is not null)
                Work(client, request);
            if (client.HasOutput && !client.Send(Now))
            {
                Drop(client);
                return;
            }
        }
        var isUnfinished = _unfinished.Contains(client.Serial);
        if (!client.HasOutput && !isUnfinished && (client.IsLeaving || (client.IsInputClosed && !client.IsBusy)))
            Drop(client);
        else
            _loop.Change(
                client.Stream.Fd,
                (ulong)client.Serial,
                read: !client.IsBusy && !client.HasOutput && !client.IsInputClosed && !isUnfinished,
                write: client.HasOutput
            );
    }

    private void GoOnWithUnfinished()
    {
        foreach (var serial in _unfinished.ToArray())
        {
            if (_clients.TryGetValue(serial, out var client))
                GoOn(client);
        }
    }

    private void Work(ControlConnection client, ControlRequest request)
    {
        var isMaster = Access.IsMaster(client.Peer.Uid, _uid);
        if (!isMaster && (Owners is null || request.Verb == ControlProtocol.Upgrade))
        {
            var who = _uid == 0 ? "root" : $"root and user {_uid}";
            client.Say(
                ControlReply.Failed(
                    request.Id,
                    "forbidden",
                    Owners is null
                        ? $"user {client.Peer.Uid} may neither see nor steer vassals here, only {who} may"
                        : $"user {client.Peer.Uid} may not upgrade the emperor, only {who} may"
                ),
                Now
            );
            return;
        }
        client.IsBusy = true;
        client.Asked = request;
        // Whoever may not see everything is told by the main thread what is his.
        if (request.Verb == "events" && isMaster)
        {
            BeginEvents(client, request);
            return;
        }
        _calls.Enqueue(new ControlCall(client.Serial, request, client.Peer.Uid));
        _wakeMain();
    }

    private void Deliver(ControlAnswer answer)
    {
        if (!_clients.TryGetValue(answer.Client, out var client))
            return;
        if (answer.Logs is { } wanted)
        {
            BeginLogs(client, wanted);
            return;
        }
        if (answer.Events is { } events)
        {
            client.EventsOf = [.. events.Vassals];
            BeginEvents(client, events.Request);
            return;
        }
        var reply = Make(answer);
        client.IsBusy = reply.More;
        client.Say(reply, Now);
        if (client.Send(Now))
            GoOn(client);
        else
            Drop(client);
    }

    private ControlReply Make(ControlAnswer answer)
    {
        try
        {
            return answer.Make!(_events.Take());
        }
        catch (Exception e)
        {
            _log.Error("control-fault", $"an answer could not be made, by a fault of the emperor's own, please report it: {e}");
            return ControlReply.Faulty(null, e);
        }
    }

    private void DropTheLate()
    {
        var now = Now;
        foreach (var client in _clients.Values.Where(c => c.Deadline <= now).ToArray())
        {
            if (client is { HasOutput: false, IsMidLine: true })
            {
                client.Say(ControlReply.Failed(null, "too-slow", "a request's line was not finished in 10 s"), now);
                _ = client.Send(now);
            }
            Drop(client);
        }
    }

    private void Drop(ControlConnection client)
    {
        _loop.Remove(client.Stream.Fd);
        _clients.Remove(client.Serial);
        _unfinished.Remove(client.Serial);
        client.Dispose();
        if (!client.IsBusy)
            return;
        _calls.Enqueue(new ControlCall(client.Serial, null, client.Peer.Uid));
        _wakeMain();
    }

    private int Timeout()
    {
        var next = Math.Min(_acceptDue ?? long.MaxValue, NextLookForQuiet);
        foreach (var client in _clients.Values)
            next = Math.Min(next, client.Deadline ?? long.MaxValue);
        return next == long.MaxValue ? -1 : (int)Math.Clamp(next - Now, 0, int.MaxValue);
    }
}
