using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>
/// Overview: starts processes from a thread that has a table of descriptors of its own, nearly empty. At every fork, posix_spawn's too, the
/// kernel copies the table of the thread that asks, and the child closes it again: 0.09 ms for every thousand open descriptors, which with
/// 8,000 of them is more than the rest of a start (0.56 ms against 1.30, Linux 6.18). This thread has a dozen, whatever the emperor holds; it
/// is sent (SCM_RIGHTS) what the child is to get, spawns, and closes it.
/// <para>
/// Whoever asks waits for the answer, as with <see cref="Spawn"/>. Where the kernel refuses a table of one's own (close_range(2) with
/// CLOSE_RANGE_UNSHARE: Linux 5.9) it spawns as <see cref="Spawn"/> does. The thread lives as long as the process, for the sake of a
/// parent-death signal.
/// </para>
/// </summary>
public sealed unsafe class Spawner
{
    private const int MaxDescriptors = 64;
    private const int StackSize = 256 * 1024;

    // struct cmsghdr: cmsg_len at 0, cmsg_level at 8, cmsg_type at 12, data from 16.
    internal const int ControlHeaderSize = 16;
    private const int ControlSize = ControlHeaderSize + (MaxDescriptors * sizeof(int));

    private readonly int _ours;
    private readonly int _theirs;
    private SpawnRequest? _request;
    private int _pid;
    private Errno _error;

    /// <summary>Starts the thread.</summary>
    public Spawner()
    {
        var pair = stackalloc int[2];
        if (Native.SocketPair(Constants.AfUnix, Constants.SockSeqPacket | Constants.SockCloExec, 0, pair) < 0)
            return;
        (_ours, _theirs) = (pair[0], pair[1]);
        new Thread(Work, StackSize) { IsBackground = true, Name = "spawner" }.Start();
        // Its own end of the pair stays open in its own table only; until then it is shared.
        HasOwnTable = Await();
        _ = Native.Close(_theirs);
        if (!HasOwnTable)
            _ = Native.Close(_ours);
    }

    /// <summary>Whether its starts cost the same however many descriptors are open.</summary>
    public bool HasOwnTable { get; }

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

    private void Work()
    {
        var own = TakeOwnTable();
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

    // What is open in this process now must not be held open here, a log that is deleted or the write end of a pipe.
    private bool TakeOwnTable()
    {
        if (Native.CloseRange((uint)_theirs + 1, uint.MaxValue, Constants.CloseRangeUnshare) != 0)
            return false;
        if (_theirs > 3)
            _ = Native.CloseRange(3, (uint)_theirs - 1, 0);
        using var nothing = Files.OpenNull();
        for (var i = 0; i < 3; i++)
            _ = Native.Dup2(nothing.Number, i);
        return true;
    }

    // One byte; false when it says so, or the other end is gone.
    private bool Await()
    {
        byte answer = 0;
        while (Native.Receive(_ours, &answer, 1, 0) < 0)
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
        while (Native.SendMessage(_ours, &message, Constants.MsgNoSignal) < 0)
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
