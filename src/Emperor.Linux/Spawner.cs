using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>
/// Overview: starts processes from a thread that has a table of descriptors of its own, with what was open when it was made. At every fork, posix_spawn's too, the
/// kernel copies the table of the thread that asks, and the child closes it again: 0.09 ms for every thousand open descriptors, which with
/// 8,000 of them is more than the rest of a start (0.56 ms against 1.30, Linux 6.18). This thread has few, whatever the emperor opens later;
/// it is sent (SCM_RIGHTS) what the child is to get, spawns, and closes it. So make it first of all, before a log is opened that will be
/// rotated away.
/// <para>
/// What is open then must stay open, for the runtime: it maps executable memory from a descriptor of its own. (Where other descriptors are open that
/// this table must not hold open, they have numbers from one on that is told, above all of the runtime's.) And no signal may be delivered
/// to this thread, because the runtime's handler writes to a pipe by its number.
/// </para>
/// <para>
/// Whoever asks waits for the answer, as with <see cref="Spawn"/>. Where the kernel refuses a table of one's own (close_range(2) with
/// CLOSE_RANGE_UNSHARE: Linux 5.9) it spawns as <see cref="Spawn"/> does. It is not
/// for programs with a parent-death signal, which would get it when this thread ends.
/// </para>
/// </summary>
public sealed unsafe class Spawner : IDisposable
{
    private const int MaxDescriptors = 64;
    private const int StackSize = 256 * 1024;
    private const int FirstRealTimeSignal = 32;
    private const int LastSignal = 64;

    // struct cmsghdr: cmsg_len at 0, cmsg_level at 8, cmsg_type at 12, data from 16.
    internal const int ControlHeaderSize = 16;
    private const int ControlSize = ControlHeaderSize + (MaxDescriptors * sizeof(int));

    private readonly SafeFd? _ours;
    private readonly int _theirs;
    private readonly Thread? _thread;
    private SpawnRequest? _request;
    private int _pid;
    private Errno _error;

    /// <summary>Starts the thread.</summary>
    /// <param name="unwanted">A descriptor that it closes in its own table, because somebody waits for its end; null for none.</param>
    /// <param name="first">Its table has none from this number on; null when it is to have all that are open now.</param>
    public Spawner(SafeFd? unwanted = null, int? first = null)
    {
        var pair = stackalloc int[2];
        if (Native.SocketPair(Constants.AfUnix, Constants.SockSeqPacket | Constants.SockCloExec, 0, pair) < 0)
            return;
        (_ours, _theirs) = (new SafeFd(pair[0]), pair[1]);
        var excluded = unwanted?.Number;
        var end = first ?? Files.HighestOpen() + 1;
        _thread = new Thread(() => Work(excluded, end), StackSize) { IsBackground = true, Name = "spawner" };
        _thread.Start();
        // Its own end of the pair stays open in its own table only; until then it is shared.
        HasOwnTable = Await();
        _ = Native.Close(_theirs);
    }

    /// <summary>Whether its starts cost the same however many descriptors are open.</summary>
    public bool HasOwnTable { get; private set; }

    /// <summary>From now on each start is made by the thread that asks for it, which has rights that this one has not.</summary>
    public void Retire() => HasOwnTable = false;

    /// <summary>Starts a process, as <see cref="Spawn.Start(SpawnRequest, out Errno)"/>. For one thread.</summary>
    public PidRef? Start(SpawnRequest request, out Errno error)
    {
        if (!HasOwnTable || request.Descriptors.Count > MaxDescriptors)
            return Spawn.Start(request, out error);
        _request = request;
        error = Hand(request.Descriptors);
        if (error.Number != 0)
            return null;
        if (!Await())
            throw new LinuxException("recv from the spawner", Errno.Last);
        error = _error;
        return error.Number == 0 ? Spawn.Refer(_pid, out error) : null;
    }

    /// <summary>
    /// Ends the thread and waits for it. Without this the runtime would wait a second at the end of the process: a thread of its own ends when
    /// a pipe is closed, and this one's table holds it open.
    /// </summary>
    public void Dispose()
    {
        _ours?.Dispose();
        _thread?.Join();
    }

    private void Work(int? unwanted, int end)
    {
        BlockSignals();
        var own = TakeOwnTable(unwanted, end);
        var answer = (byte)(own ? 1 : 0);
        _ = Native.Send(_theirs, &answer, 1, Constants.MsgNoSignal);
        if (!own)
            return;
        var descriptors = new List<int>(MaxDescriptors);
        while (TakeDescriptors(descriptors))
        {
            // Fewer have come when there was no room for them.
            var request = _request!;
            _error = descriptors.Count == request.Descriptors.Count ? Spawn.Start(request, descriptors, out _pid) : Errno.TooManyFiles;
            foreach (var fd in descriptors)
                _ = Native.Close(fd);
            answer = 1;
            _ = Native.Send(_theirs, &answer, 1, Constants.MsgNoSignal);
        }
    }

    private bool TakeOwnTable(int? unwanted, int end)
    {
        // Copies what is below, and no more. Its own end of the pair may be anywhere there: numbers are used again, and not only in order.
        if (Native.CloseRange((uint)end, uint.MaxValue, Constants.CloseRangeUnshare) != 0)
            return false;
        _ = Native.Close(_ours!.Number);
        if (unwanted is { } fd)
            _ = Native.Close(fd);
        return true;
    }

    // All that are sent to the process; not faults of the thread itself, nor those (32 and above) by which the runtime stops it.
    private static void BlockSignals()
    {
        var set = stackalloc byte[Spawn.SignalSetSize];
        _ = Native.SigFillSet(set);
        foreach (var signal in Signals.Faults)
            _ = Native.SigDelSet(set, signal);
        for (var signal = FirstRealTimeSignal; signal <= LastSignal; signal++)
            _ = Native.SigDelSet(set, signal);
        _ = Native.ThreadSignalMask(Constants.SigBlock, set, null);
    }

    // One byte; false when it says so, or the other end is gone.
    private bool Await()
    {
        byte answer = 0;
        while (Native.Receive(_ours!.Number, &answer, 1, 0) < 0)
        {
            if (Errno.Last != Errno.Interrupted)
                return false;
        }
        return answer == 1;
    }

    private Errno Hand(IReadOnlyList<int> descriptors)
    {
        var control = stackalloc byte[ControlSize];
        *(nuint*)control = (nuint)(ControlHeaderSize + (descriptors.Count * sizeof(int)));
        *(int*)(control + 8) = Constants.SolSocket;
        *(int*)(control + 12) = Constants.ScmRights;
        for (var i = 0; i < descriptors.Count; i++)
            ((int*)(control + ControlHeaderSize))[i] = descriptors[i];
        byte content = 1;
        var piece = new MessageHeader.Piece { Base = &content, Length = 1 };
        var message = new MessageHeader
        {
            Pieces = &piece,
            PieceCount = 1,
            Control = control,
            ControlLength = *(nuint*)control,
        };
        while (Native.SendMessage(_ours!.Number, &message, Constants.MsgNoSignal) < 0)
        {
            var error = Errno.Last;
            if (error != Errno.Interrupted)
                return error;
        }
        return default;
    }

    private bool TakeDescriptors(List<int> descriptors)
    {
        descriptors.Clear();
        var control = stackalloc byte[ControlSize];
        byte content;
        var piece = new MessageHeader.Piece { Base = &content, Length = 1 };
        var message = new MessageHeader
        {
            Pieces = &piece,
            PieceCount = 1,
            Control = control,
            ControlLength = ControlSize,
        };
        nint length;
        do length = Native.ReceiveMessage(_theirs, &message, Constants.MsgCMsgCloExec);
        while (length < 0 && Errno.Last == Errno.Interrupted);
        if (length <= 0)
            return false;
        if (message.ControlLength < ControlHeaderSize)
            return true;
        var count = ((int)*(nuint*)control - ControlHeaderSize) / sizeof(int);
        for (var i = 0; i < count; i++)
            descriptors.Add(((int*)(control + ControlHeaderSize))[i]);
        return true;
    }
}
