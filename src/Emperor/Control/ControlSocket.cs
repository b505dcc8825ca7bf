using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Sockets;
using Emperor.Succession;

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

    private readonly Heirlooms? _heirlooms;

    private ControlSocket(StreamListener listener, string path, Heirlooms? heirlooms = null, ServantLegacy? legacy = null)
    {
        Listener = listener;
        Path = path;
        _heirlooms = heirlooms;
        Legacy = legacy;
    }

    /// <summary>What is left of it to the next emperor; null when the service manager hands it over to that.</summary>
    public ServantLegacy? Legacy { get; }

    /// <summary>What clients connect to.</summary>
    public StreamListener Listener { get; }

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
        socket.Address is ['/' or '@', ..] ? new ControlSocket(StreamListener.Adopt(socket.Fd), socket.Address) : null;

    /// <summary>Opens it, or goes on with that of an emperor before this one.</summary>
    /// <param name="path">Where.</param>
    /// <param name="makeFolder">Whether its folder may be made.</param>
    /// <param name="servants">What was left, and where it is kept.</param>
    /// <param name="failure">Why not, with the cure, when null is returned.</param>
    public static ControlSocket? Open(string path, bool makeFolder, Servants servants, out string failure)
    {
        failure = "";
        if (servants.TakeListener(Servants.Control, path, out var legacy) is { } left)
            return new ControlSocket(left, path, servants.Heirlooms, legacy);
        if (makeFolder && MakeFolder(System.IO.Path.GetDirectoryName(path)!) is { } folderFailure)
        {
            failure = folderFailure;
            return null;
        }
        ListenFailure refused = new(SocketFileState.Absent, Errno.NameTooLong);
        if (
            SocketName.OfUnix(path) is { } name
            && StreamListener.Listen(name, new SocketRights(Mode, null, null), out refused) is { } listener
        )
        {
            return new ControlSocket(listener, path, servants.Heirlooms, servants.Keep(Servants.Control, path, listener));
        }
        failure = refused.State switch
        {
            SocketFileState.NoSocket => $"{path} is there, and is no socket; remove it, or name another path by --emperor-control",
            SocketFileState.Live => $"{path}: another emperor listens there; give this one a path of its own by --emperor-control, or none",
            SocketFileState.Stale =>
                $"{path}, left by an emperor that is gone, cannot be removed; remove it, or name another path by --emperor-control",
            _ => $"{path}: {refused.Error}; name another path by --emperor-control, or none",
        };
        return null;
    }

    /// <summary>Closes it and removes its name, when that is still its own.</summary>
    public void Dispose()
    {
        _heirlooms?.Drop(Legacy?.Descriptor);
        Listener.Dispose();
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
}
