using Emperor.Core.Succession;
using Emperor.Linux;

namespace Emperor.Succession;

/// <summary>
/// Overview: the sockets on which an emperor before this one has answered. Whoever opens one asks here first: the one that was left is gone on with when it has
/// the same role and address, so that nobody who connects is refused. Else it is closed, as its emperor would have at its end, and the new one is bound.
/// Those of .socket units are not among them.
/// </summary>
/// <param name="left">What was left.</param>
/// <param name="heirlooms">Where the descriptors are.</param>
internal sealed class Servants(IReadOnlyList<ServantLegacy> left, Heirlooms heirlooms)
{
    /// <summary>The role of the control socket.</summary>
    public const string Control = "control";

    /// <summary>That of the stats socket.</summary>
    public const string Stats = "stats";

    /// <summary>That of the metrics socket.</summary>
    public const string Metrics = "metrics";

    /// <summary>That of the command socket.</summary>
    public const string Command = "command";

    private readonly List<ServantLegacy> _left = [.. left];

    /// <summary>Where the descriptors are, and where new ones are kept.</summary>
    public Heirlooms Heirlooms => heirlooms;

    /// <summary>Takes the one that was left, and closes what would be in the way of a new one.</summary>
    /// <param name="role">What it is for.</param>
    /// <param name="address">Where it is asked for.</param>
    /// <param name="legacy">It, as it was left.</param>
    /// <returns>Null when there is none, or it is lost: a new one is to be bound.</returns>
    public SafeFd? Take(string role, string address, out ServantLegacy? legacy)
    {
        var wanted = _left.Find(s => s.Role == role && s.Address == address);
        var fd = heirlooms.Take(wanted?.Descriptor);
        legacy = fd is null ? null : wanted;
        if (legacy is not null)
            _left.Remove(legacy);
        foreach (var other in _left.FindAll(s => s.Role == role || s.Address == address || s.Path == address))
            Close(other);
        return fd;
    }

    /// <summary>The same for one that listens.</summary>
    public StreamListener? TakeListener(string role, string address, out ServantLegacy? legacy) =>
        Take(role, address, out legacy) is { } fd ? StreamListener.Inherit(fd, legacy!.Path, FileOf(legacy)) : null;

    /// <summary>Keeps a listener that has been bound now.</summary>
    /// <param name="role">What it is for.</param>
    /// <param name="address">Where it was asked for.</param>
    /// <param name="listener">The listener, which stays its owner's.</param>
    /// <returns>What is left of it to the next emperor.</returns>
    public ServantLegacy Keep(string role, string address, StreamListener listener) =>
        Keep(role, address, listener.Fd, listener.Path, listener.File);

    /// <summary>Keeps a socket that has been bound now.</summary>
    /// <param name="role">What it is for.</param>
    /// <param name="address">Where it was asked for.</param>
    /// <param name="fd">Its descriptor, which stays its owner's.</param>
    /// <param name="path">The whole path of the file that was made for it; null when it has none.</param>
    /// <param name="file">That file.</param>
    /// <returns>What is left of it to the next emperor.</returns>
    public ServantLegacy Keep(string role, string address, int fd, string? path, FileStatus file) =>
        new(role, address, heirlooms.Keep(role, fd))
        {
            Path = path,
            Device = file.Device,
            Inode = file.Inode,
        };

    /// <summary>The file of one that was left, as far as it is known.</summary>
    public static FileStatus FileOf(ServantLegacy legacy) => new(FileKind.Other, legacy.Device, legacy.Inode, 0, 0, 0, 0, 0);

    /// <summary>When all are open that are asked for: closes what is left, and removes its files.</summary>
    public void CloseRest()
    {
        while (_left is [var first, ..])
            Close(first);
    }

    private void Close(ServantLegacy servant)
    {
        _left.Remove(servant);
        RemoveFile(servant);
        using var fd = heirlooms.Take(servant.Descriptor);
        heirlooms.Drop(servant.Descriptor);
    }

    // First, so that nobody connects to what is about to be closed.
    private static void RemoveFile(ServantLegacy servant)
    {
        if (servant.Path is { } path)
            _ = ListeningSocket.Remove(path, FileOf(servant));
    }
}
