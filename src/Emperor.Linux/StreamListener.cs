namespace Emperor.Linux;

/// <summary>Who may connect to a socket that is a file; null leaves it as the umask and the process's user make it.</summary>
/// <param name="Mode">Permission bits.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
public readonly record struct SocketRights(uint? Mode, uint? Uid, uint? Gid);

/// <summary>Why a name cannot be listened at.</summary>
/// <param name="State">
/// Who has it: <see cref="SocketFileState.Stale"/> when what was left behind cannot be removed, <see cref="SocketFileState.Absent"/> when nobody
/// has it and only the error tells.
/// </param>
/// <param name="Error">What the kernel said.</param>
public readonly record struct ListenFailure(SocketFileState State, Errno Error);

/// <summary>
/// A listening stream socket of the emperor's own: a path's, an abstract one, or TCP. It never blocks. A socket file that nobody listens on any
/// more is replaced; one that somebody does, or that is no socket, is left alone. Its own file is removed at the end, if it is still that.
/// </summary>
public sealed unsafe class StreamListener : IDisposable
{
    // The kernel bounds it by net.core.somaxconn.
    private const int Backlog = 1024;
    private const uint AllRights = 0x1FF;

    private readonly SafeFd _fd;

    private StreamListener(SafeFd fd, string? path = null, FileStatus file = default)
    {
        _fd = fd;
        Path = path;
        File = file;
        _ = Native.Fcntl(fd.Number, Constants.FSetFl, Constants.ONonBlock);
    }

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>The whole path of the file that was made for it; null when it has none.</summary>
    public string? Path { get; }

    /// <summary>That file; by its file system and number it is known whether it is still there.</summary>
    public FileStatus File { get; }

    /// <summary>Whether it was handed over by a service manager.</summary>
    public bool IsAdopted { get; private init; }

    /// <summary>Uses a socket that listens already (handed over by a service manager). At the end it is neither closed nor its file removed.</summary>
    /// <param name="fd">The socket, which stays its owner's; it is made non-blocking.</param>
    public static StreamListener Adopt(SafeFd fd)
    {
        ArgumentNullException.ThrowIfNull(fd);
        return new StreamListener(fd) { IsAdopted = true };
    }

    /// <summary>Goes on with a listener of an earlier emperor's, as its own: nothing is bound, and no file is touched.</summary>
    /// <param name="fd">Its socket, which is made non-blocking; it is closed at the end.</param>
    /// <param name="path">Its <see cref="Path"/>.</param>
    /// <param name="file">Its <see cref="File"/>.</param>
    public static StreamListener Inherit(SafeFd fd, string? path, FileStatus file)
    {
        ArgumentNullException.ThrowIfNull(fd);
        return new StreamListener(fd, path, file);
    }

    /// <summary>Listens.</summary>
    /// <param name="name">Where.</param>
    /// <param name="rights">Who may connect to a path's.</param>
    /// <param name="failure">Why not, when null is returned.</param>
    public static StreamListener? Listen(SocketName name, SocketRights rights, out ListenFailure failure)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Path is { } taken)
        {
            var state = ListeningSocket.Probe(name, out var left, out var why);
            failure = new ListenFailure(state, why);
            if (state != SocketFileState.Absent && !(state == SocketFileState.Stale && ListeningSocket.Remove(taken, left)))
                return null;
        }
        FileStatus file = default;
        var fd = ListeningSocket.Bind(name, out var error);
        // Nobody can connect before it listens, so nobody slips in before the rights are as they shall be.
        if (fd is not null && name.Path is { } path)
            error = ListeningSocket.Grant(path, null, rights.Mode ?? (AllRights & ~Self.Umask), rights.Uid, rights.Gid, out file);
        if (fd is not null && error.Number == 0)
            error = ListeningSocket.Listen(fd, Backlog);
        failure = new ListenFailure(error == Errno.AddressInUse ? SocketFileState.Live : SocketFileState.Absent, error);
        if (error.Number == 0)
            // The whole path, as the process may go to another folder before it is removed.
            return new StreamListener(fd!, name.Path is null ? null : System.IO.Path.GetFullPath(name.Path), file);
        fd?.Dispose();
        return null;
    }

    /// <summary>Takes the next client.</summary>
    /// <returns>Null when there is none now, or no descriptor is left; <paramref name="error"/> tells which.</returns>
    public StreamConnection? Accept(out Errno error)
    {
        var fd = Native.Accept(_fd.Number, null, null, Constants.SockCloExec | Constants.SockNonBlock);
        error = fd < 0 ? Errno.Last : default;
        return fd < 0 ? null : new StreamConnection(new SafeFd(fd));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (IsAdopted || _fd.IsClosed)
            return;
        // The file first, so that nobody connects to what is about to be closed.
        if (Path is not null)
            _ = ListeningSocket.Remove(Path, File);
        _fd.Dispose();
    }
}
