using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Processes;
using Emperor.Succession;
using Serilog.Events;

namespace Emperor.Probes;

/// <summary>
/// Overview: the NOTIFY_SOCKETs of vassals (sd_notify(3)), one for each process. A process's messages come by a socket of its own, so what it says
/// is never taken for another's, and one that floods fills its own queue only.
///
/// <para>The sockets have abstract names (unix(7)), which no folder has to be there for, of which nothing is left behind, and which a chroot does
/// not hide. They hold in one network namespace: a vassal that leaves the emperor's cannot notify. Such names can be seen by everybody
/// (/proc/net/unix), so they are no secret, and anybody may send: whether a message is believed is decided by its sender alone, whose number the
/// kernel vouches for. It must be of the process's tree: its session or a descendant of it, in its control group, an orphan that is known as its
/// own, or carry its mark. To read the mark takes another thread (it lies in the memory of a process that nobody has to trust); until it has
/// answered, or a second is over, what came after waits, so that the order stays. A sender that has ended before it could be looked at is not
/// believed: one that is started only to notify shall wait until it has been heard, as systemd-notify does.</para>
///
/// <para>On the main thread.</para>
/// </summary>
internal sealed class NotifySockets(EventLoop loop, ProbeWorld world, EmperorLog log, Heirlooms heirlooms, Action<string, VassalEvent> tell)
    : IDisposable
{
    // So much is heard in one turn, and in one second; nobody has that much to say.
    private const int MessagesATurn = 16;
    private const int MessagesASecond = 256;
    private const long MarkPatience = 1_000;

    private readonly Dictionary<long, Ear> _byId = [];
    private readonly Dictionary<(string Vassal, int Incarnation), Ear> _byProcess = [];
    private readonly Dictionary<string, List<Ear>> _byVassal = new(StringComparer.Ordinal);
    private readonly List<Ear> _waiting = [];
    private readonly MarkReader _marks = new(Kindred.MarkVariable, loop.Wake);
    private readonly byte[] _buffer = new byte[NotificationText.LongestMessage + 1];
    private long _lastId;

    /// <summary>When the first that is not heard now shall be heard again, monotonic milliseconds; null when all are heard.</summary>
    public long? NextDue => _waiting.Count == 0 ? null : _waiting.Min(e => e.MutedUntil);

    /// <summary>Whether a process gets such a socket: every program (it may have something to say), and a uwsgi vassal that must be heard.</summary>
    public static bool Wants(ProgramPlan plan) =>
        plan is { IsProgram: true, Wsgi: null } || plan.Ready.Way == ReadyWay.Notify || plan.Watchdog is not null;

    /// <summary>Makes the socket of a process that is about to be started.</summary>
    /// <returns>The value of NOTIFY_SOCKET.</returns>
    /// <exception cref="LinuxException">No descriptor, or no room in epoll, is left.</exception>
    public string Open(string vassal, int incarnation)
    {
        Close(vassal, incarnation);
        var ear = new Ear(++_lastId, vassal, incarnation, NotifySocket.Open());
        try
        {
            loop.Add(ear.Socket.Fd, Token.Make(TokenKind.Notify, ear.Id));
        }
        catch (LinuxException)
        {
            ear.Socket.Dispose();
            throw;
        }
        ear.Heirloom = heirlooms.Keep("notify", ear.Socket.Fd);
        Add(ear);
        return ear.Socket.Name;
    }

    /// <summary>The sockets of a vassal's processes, as they pass on.</summary>
    public IReadOnlyList<EarLegacy> LegacyOf(string vassal) =>
        _byVassal.TryGetValue(vassal, out var ears) ? [.. ears.Select(e => new EarLegacy(e.Incarnation, e.Socket.Name, e.Heirloom))] : [];

    /// <summary>Takes over the sockets of a vassal's processes. Without its own a process is not heard any more; its next start has one.</summary>
    public void Inherit(string vassal, IReadOnlyList<EarLegacy> ears)
    {
        foreach (var legacy in ears)
        {
            if (heirlooms.Take(legacy.Descriptor) is not { } fd)
                continue;
            var ear = new Ear(++_lastId, vassal, legacy.Incarnation, NotifySocket.Adopt(fd, legacy.Name)) { Heirloom = legacy.Descriptor };
            loop.Add(ear.Socket.Fd, Token.Make(TokenKind.Notify, ear.Id));
            Add(ear);
        }
    }

    /// <summary>The loop has seen a message.</summary>
    public void Hear(long id, long now)
    {
        if (_byId.TryGetValue(id, out var ear) && ear.MutedUntil is null)
            Hear(ear, now);
    }

    /// <summary>Takes in whose mark is whose, and hears again those that were not heard.</summary>
    public void Turn(long now)
    {
        while (_marks.TryTake(out var process, out var mark))
        {
            var asked = _waiting.FirstOrDefault(e => e.Asked?.Process == process);
            process.Dispose();
            if (asked?.Asked is not { } question)
                continue;
            asked.Asked = null;
            if (mark == world.Find(asked.Vassal, asked.Incarnation)?.Mark)
                Believe(asked, question.Message);
            else
                Refuse(asked, question.Sender, "is none of its processes");
            asked.MutedUntil = now;
        }
        foreach (var ear in _waiting.Where(e => e.MutedUntil <= now).ToArray())
        {
            // Nobody waits longer for a mark; whoever answers now is not listened to.
            if (ear.Asked is { } question)
                Refuse(ear, question.Sender, "does not show whose it is");
            ear.Asked = null;
            ear.MutedUntil = null;
            _waiting.Remove(ear);
            loop.Mute(ear.Socket.Fd, Token.Make(TokenKind.Notify, ear.Id), muted: false);
        }
    }

    /// <summary>Hears the last words of a process that is about to be reaped, and closes its socket.</summary>
    public void HearLast(string vassal, int incarnation, long now)
    {
        if (_byProcess.TryGetValue((vassal, incarnation), out var ear) && ear.MutedUntil is null)
            Hear(ear, now);
        Close(vassal, incarnation);
    }

    /// <summary>Closes the socket of a process that was not started, or is gone.</summary>
    public void Close(string vassal, int incarnation)
    {
        if (!_byProcess.Remove((vassal, incarnation), out var ear))
            return;
        _byId.Remove(ear.Id);
        if (_byVassal.TryGetValue(vassal, out var ears) && ears.Remove(ear) && ears.Count == 0)
            _byVassal.Remove(vassal);
        _waiting.Remove(ear);
        loop.Remove(ear.Socket.Fd);
        heirlooms.Drop(ear.Heirloom);
        ear.Socket.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var ear in _byId.Values)
            ear.Socket.Dispose();
        _byId.Clear();
        _marks.Dispose();
    }

    private void Add(Ear ear)
    {
        _byId.Add(ear.Id, ear);
        _byProcess.Add((ear.Vassal, ear.Incarnation), ear);
        if (!_byVassal.TryGetValue(ear.Vassal, out var ears))
            _byVassal[ear.Vassal] = ears = [];
        ears.Add(ear);
    }

    private void Hear(Ear ear, long now)
    {
        for (var i = 0; i < MessagesATurn; i++)
        {
            var reception = ear.Socket.Receive(_buffer, out var length, out var sender);
            if (reception == Reception.Nothing)
                return;
            if (ear.TalksTooMuch(now, MessagesASecond))
            {
                Complain(ear, "notify-flood", "its NOTIFY_SOCKET is flooded with messages; a few of each second are heard");
                Mute(ear, ((now / 1000) + 1) * 1000);
                return;
            }
            if (reception == Reception.Message && length <= NotificationText.LongestMessage)
                Judge(ear, _buffer.AsSpan(0, length), sender, now);
            else
                Complain(
                    ear,
                    "notify-unusable",
                    $"a message to its NOTIFY_SOCKET is not heard: it has more than {NotificationText.LongestMessage} bytes"
                );
            if (ear.MutedUntil is not null)
                return;
        }
    }

    private void Judge(Ear ear, ReadOnlySpan<byte> text, Sender sender, long now)
    {
        if (world.Find(ear.Vassal, ear.Incarnation) is not { } target || NotificationText.Parse(text) is not { } message)
            return;
        if (ear.IsRefused(sender.Pid, now))
            return;
        switch (Kin.Judge(sender.Pid, target, world.OwnerOf))
        {
            case Kinship.Own:
                Believe(ear, message);
                break;
            case Kinship.Gone:
                Refuse(ear, sender, "had ended before it could be seen whose it is; let it wait for its answer, as systemd-notify does");
                break;
            case Kinship.Unknown when IsSameUser(sender, target) && PidRef.Open(sender.Pid, out _) is { } process:
                ear.Asked = (process, message, sender);
                _marks.Ask(process);
                Mute(ear, now + MarkPatience);
                break;
            default:
                Refuse(ear, sender, "is none of its processes");
                break;
        }
        if (ear.RefusedPid == sender.Pid)
            ear.RefusedUntil = now + MarkPatience;
    }

    // An orphan that has taken another user's rights is known by its session, its parent, or to the Kindred, or not at all: strangers shall not
    // make the emperor read memory that they have prepared for that.
    private static bool IsSameUser(Sender sender, ProbeTarget target) =>
        FileStatus.Get($"/proc/{target.Pid}", follow: false, out var status).Number == 0 && status.Uid == sender.Uid;

    private void Believe(Ear ear, Notification message)
    {
        if (message.MainPid is { } pid && !IsOwn(ear, pid))
        {
            Complain(
                ear,
                "notify-mainpid",
                $"it names process {pid} as its main one (MAINPID), which is none of its processes; that is not heard"
            );
            message = message with { MainPid = null };
            if (message == new Notification())
                return;
        }
        tell(ear.Vassal, new VassalEvent.Notified(ear.Incarnation, message));
    }

    private bool IsOwn(Ear ear, int pid) =>
        world.Find(ear.Vassal, ear.Incarnation) is { } target && Kin.Judge(pid, target, world.OwnerOf) == Kinship.Own;

    private void Refuse(Ear ear, Sender sender, string why)
    {
        ear.RefusedPid = sender.Pid;
        Complain(
            ear,
            "notify-stranger",
            $"a message to its NOTIFY_SOCKET is not believed: process {sender.Pid} of user {sender.Uid} {why}"
        );
    }

    private void Mute(Ear ear, long until)
    {
        ear.MutedUntil = until;
        _waiting.Add(ear);
        loop.Mute(ear.Socket.Fd, Token.Make(TokenKind.Notify, ear.Id), muted: true);
    }

    // Once for each process and kind of complaint.
    private void Complain(Ear ear, string @event, string text)
    {
        if (ear.Complaints.Add(@event))
            log.Vassal(LogEventLevel.Warning, @event, ear.Vassal, text);
    }

    private sealed class Ear(long id, string vassal, int incarnation, NotifySocket socket)
    {
        private long _second;
        private int _count;

        internal long Id { get; } = id;
        internal string Vassal { get; } = vassal;
        internal int Incarnation { get; } = incarnation;
        internal NotifySocket Socket { get; } = socket;
        internal string Heirloom { get; set; } = "";
        internal HashSet<string> Complaints { get; } = [];
        internal (PidRef Process, Notification Message, Sender Sender)? Asked { get; set; }
        internal long? MutedUntil { get; set; }
        internal int RefusedPid { get; set; }
        internal long RefusedUntil { get; set; }

        internal bool IsRefused(int pid, long now) => pid == RefusedPid && now < RefusedUntil;

        internal bool TalksTooMuch(long now, int most)
        {
            if (now / 1000 != _second)
                (_second, _count) = (now / 1000, 0);
            return ++_count > most;
        }
    }
}
