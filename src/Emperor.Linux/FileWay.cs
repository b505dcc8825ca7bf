using System.Text;

namespace Emperor.Linux;

/// <summary>A folder that a name was looked up in, or a symbolic link that was followed, on the way to a file.</summary>
/// <param name="Path">Its path, as it was reached.</param>
/// <param name="Status">What it is.</param>
/// <param name="Place">Where on the way it stands.</param>
public sealed record WayStep(string Path, FileStatus Status, WayPlace Place)
{
    /// <summary>How many names it has; of links alone.</summary>
    public uint Links { get; init; }

    /// <summary>Whether it is a link whose text begins where it stands, so that it leads elsewhere when it is moved.</summary>
    public bool IsRelative { get; init; }

    /// <summary>
    /// Whether users and groups of its own may write to it by an access list (acl(5)); the permission bits of its group then say no more than that
    /// somebody may. Of folders alone.
    /// </summary>
    public bool HasAccessList { get; init; }
}

/// <summary>Where on the way to a file a step stands.</summary>
public enum WayPlace
{
    /// <summary>Before its last name: the folder that it is in, or above that.</summary>
    Before,

    /// <summary>Its last name, which is a link.</summary>
    Entry,

    /// <summary>Behind that link.</summary>
    Beyond,
}

/// <summary>
/// Reads a file and tells by which way it was reached: each name is looked up by itself, from the folder that the last one has led to, and what was
/// looked at is what is read. So whatever somebody does to the way meanwhile, what is told of it and what is read belong together.
/// </summary>
public static unsafe class FileWay
{
    // As the kernel (path_resolution(7)).
    private const int MostLinks = 40;
    private const int MostSteps = 4096;
    private const int LongestLink = 4096;

    /// <summary>Reads a regular file, at most one byte more than <paramref name="limit"/>. It never waits.</summary>
    /// <param name="path">Its absolute path.</param>
    /// <param name="limit">The most that is wanted, bytes.</param>
    /// <param name="steps">Cleared, then filled with all folders but "/" and all links, in order.</param>
    /// <param name="file">What the file is; of a link that leads nowhere, nothing.</param>
    /// <param name="links">How many names it has.</param>
    /// <param name="error">Why not, when null is returned; EINVAL when it is no file.</param>
    public static byte[]? Read(string path, int limit, List<WayStep> steps, out FileStatus file, out uint links, out Errno error)
    {
        (file, links) = (default, 0);
        using var found = Walk(path, steps, out error);
        if (found is null)
            return null;
        error = FileStatus.Get(found.Number, out file, out links);
        if (error.Number == 0 && file.Kind != FileKind.Regular)
            error = Errno.Invalid;
        if (error.Number != 0)
            return null;
        // The very file that the descriptor stands for, whatever its name leads to now.
        using var open = Files.OpenToRead($"/proc/self/fd/{Self.Text(found.Number)}", out error);
        return open is null ? null : Files.ReadUpTo(open, limit + 1, (int)Math.Min(file.Size + 1, limit + 1L), out error);
    }

    private static SafeFd? Walk(string path, List<WayStep> steps, out Errno error)
    {
        steps.Clear();
        var names = new LinkedList<(string Name, WayPlace Place)>();
        foreach (var name in Parts(path))
            names.AddLast((name, WayPlace.Before));
        if (names.Last is { } last)
            last.Value = (last.Value.Name, WayPlace.Entry);
        var at = OpenAt(Constants.AtFdCwd, "/", out error);
        var (followed, reached) = (0, "");
        while (at is not null && names.First is { } next)
        {
            names.RemoveFirst();
            var (name, place) = next.Value;
            if (steps.Count >= MostSteps)
                return Fail(at, Errno.Loop, out error);
            var entry = OpenAt(at.Number, name, out error);
            if (entry is null)
                return Fail(at, error, out error);
            error = FileStatus.Get(entry.Number, out var status, out var links);
            if (status.Kind == FileKind.Link && error.Number == 0)
            {
                var text = ++followed > MostLinks ? null : Target(entry);
                steps.Add(new WayStep($"{reached}/{name}", status, place) { Links = links, IsRelative = text?.StartsWith('/') != true });
                entry.Dispose();
                if (text is null)
                    return Fail(at, Errno.Loop, out error);
                if (text.StartsWith('/'))
                {
                    at.Dispose();
                    (at, reached) = (OpenAt(Constants.AtFdCwd, "/", out error), "");
                }
                var behind = place == WayPlace.Before ? WayPlace.Before : WayPlace.Beyond;
                foreach (var part in Parts(text).Reverse())
                    names.AddFirst((part, behind));
                continue;
            }
            at.Dispose();
            if (error.Number != 0)
                return Fail(entry, error, out error);
            (at, reached) = (entry, $"{reached}/{name}");
            if (status.Kind == FileKind.Directory)
                steps.Add(
                    new WayStep(reached, status, place == WayPlace.Entry ? WayPlace.Before : place)
                    {
                        HasAccessList = HasAccessList(at, status),
                    }
                );
            else if (names.Count > 0)
                return Fail(at, Errno.NotDirectory, out error);
        }
        return at;
    }

    private static string[] Parts(string path) => [.. path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".")];

    private static SafeFd? Fail(SafeFd fd, Errno why, out Errno error)
    {
        fd.Dispose();
        error = why;
        return null;
    }

    private static SafeFd? OpenAt(int folder, string name, out Errno error)
    {
        int fd;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
            fd = Native.OpenAt(folder, text, Constants.OPath | Constants.ONoFollow | Constants.OCloExec, 0);
        error = fd < 0 ? Errno.Last : default;
        return fd < 0 ? null : new SafeFd(fd);
    }

    // Without the bit for its group no entry of a list lets anybody write.
    private static bool HasAccessList(SafeFd folder, FileStatus status)
    {
        const uint groupWrites = 0x10;
        if ((status.Mode & groupWrites) == 0)
            return false;
        // What was opened by its path only has no attributes; its name in /proc has.
        fixed (byte* path = Encoding.UTF8.GetBytes($"/proc/self/fd/{Self.Text(folder.Number)}\0"))
        fixed (byte* name = "system.posix_acl_access\0"u8)
            return Native.SysCall(Constants.SysGetXAttr, (nint)path, (nint)name, 0, 0) > 0;
    }

    // Null when it is longer than a path may be.
    private static string? Target(SafeFd link)
    {
        var buffer = stackalloc byte[LongestLink];
        byte none = 0;
        var length = Native.ReadLinkAt(link.Number, &none, buffer, LongestLink);
        return length is > 0 and < LongestLink ? Encoding.UTF8.GetString(buffer, (int)length) : null;
    }
}
