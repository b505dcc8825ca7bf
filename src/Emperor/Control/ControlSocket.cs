using Emperor.Linux;
using Emperor.Sockets;

namespace Emperor.Control;

/// <summary>
/// Where the control socket is, and how it comes to be there: nothing is taken from an emperor that lives, and what a dead one has left is
/// replaced.
/// </summary>
internal sealed class ControlSocket : IDisposable
{
    /// <summary>The value of --emperor-control that means no socket.</summary>
    public const string None = "none";

    private const string SystemFolder = "/run/emperor";
    private const string FileName = "control.sock";

    // Anybody may connect, because anybody may be told what is his, and SO_PEERCRED says who he is. What he gets is decided by that.
    private const uint Mode = 0x1B6;

    // S_IFMT and S_IFSOCK of stat(2).
    private const uint TypeMask = 0xF000;
    private const uint SocketType = 0xC000;

    private readonly ulong? _inode;

    private ControlSocket(UnixListener listener, string path, ulong? inode)
    {
        Listener = listener;
        Path = path;
        _inode = inode;
    }

    /// <summary>What clients connect to.</summary>
    public UnixListener Listener { get; }

    /// <summary>Whether the service manager has handed it over.</summary>
    public bool IsInherited => _inode is null;

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>Where it is when nobody says otherwise; null when there is no place for it.</summary>
    /// <param name="isRoot">Whether the emperor (or whoever looks for it) is root.</param>
    /// <param name="runtimeFolder">XDG_RUNTIME_DIR.</param>
    public static string? DefaultPath(bool isRoot, string? runtimeFolder) =>
        isRoot ? $"{SystemFolder}/{FileName}"
        : string.IsNullOrEmpty(runtimeFolder) ? null
        : $"{runtimeFolder}/emperor/{FileName}";

    /// <summary>Uses one that the service manager has handed over, which is not closed and whose file is not removed.</summary>
    /// <returns>Null when it is no unix socket: over another nobody could be known.</returns>
    public static ControlSocket? Adopt(InheritedSocket socket) =>
        socket.Address is ['/' or '@', ..] ? new ControlSocket(UnixListener.Adopt(socket.Fd), socket.Address, null) : null;

    /// <summary>Opens it.</summary>
    /// <param name="path">Where.</param>
    /// <param name="makeFolder">Whether its folder may be made.</param>
    /// <param name="failure">Why not, with the cure, when null is returned.</param>
    public static ControlSocket? Open(string path, bool makeFolder, out string failure)
    {
        if (makeFolder && MakeFolder(System.IO.Path.GetDirectoryName(path)!) is { } folderFailure)
        {
            failure = folderFailure;
            return null;
        }
        var listener = UnixListener.Listen(path, Mode, out var error);
        if (listener is null && error == Errno.AddressInUse)
        {
            if (WhyNotReplaced(path) is { } reason)
            {
                failure = reason;
                return null;
            }
            listener = UnixListener.Listen(path, Mode, out error);
        }
        if (listener is null)
        {
            failure = $"{path}: {error}; name another path by --emperor-control, or none";
            return null;
        }
        failure = "";
        _ = FileStatus.Get(path, follow: false, out var status);
        return new ControlSocket(listener, path, status.Inode);
    }

    /// <summary>Closes it and removes its name, when that is still its own.</summary>
    public void Dispose()
    {
        if (Listener.IsClosed)
            return;
        Listener.Dispose();
        if (_inode is null)
            return;
        if (FileStatus.Get(Path, follow: false, out var status).Number != 0 || status.Inode != _inode)
            return;
        _ = TryDelete(Path);
    }

    private static string? MakeFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{folder} cannot be made: {e.Message}";
        }
    }

    // Something of that name is there: a socket that nobody listens on any more goes, and nothing else does.
    private static string? WhyNotReplaced(string path)
    {
        if (FileStatus.Get(path, follow: false, out var status).Number == 0 && (status.Mode & TypeMask) != SocketType)
            return $"{path} is there, and is no socket; remove it, or name another path by --emperor-control";
        using var other = UnixStream.Connect(path, out var error);
        if (other is not null || error == Errno.Again)
            return $"{path}: another emperor listens there; give this one a path of its own by --emperor-control, or none";
        if (error != Errno.ConnectionRefused)
            return $"{path}: {error}; remove it, or name another path by --emperor-control";
        return TryDelete(path);
    }

    private static string? TryDelete(string path)
    {
        try
        {
            File.Delete(path);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{path}, left by an emperor that is gone, cannot be removed: {e.Message}";
        }
    }
}
