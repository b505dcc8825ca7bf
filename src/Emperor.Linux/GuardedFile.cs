using System.Text;

namespace Emperor.Linux;

/// <summary>
/// Reads and writes files with this process's rights for somebody who has fewer. Whoever may write in a folder on the way can put a link there that
/// leads to a file that only root may read. So what is not readable for him anyway is read only if no symbolic link is on its way, and the
/// file has no other name. A link of root's own in a folder that is root's alone (/var/run) is none of these.
/// </summary>
public static unsafe class GuardedFile
{
    private const uint OwnerReads = 0x100;
    private const uint GroupReads = 0x20;
    private const uint OthersRead = 0x4;
    private const uint GroupWrites = 0x10;
    private const uint OthersWrite = 0x2;
    private const int MostLinks = 8;

    // struct open_how: flags 8, mode 8, resolve 8.
    private const int HowSize = 24;

    /// <summary>Reads a regular file, at most one byte more than <paramref name="limit"/>; it never waits.</summary>
    /// <param name="path">Its absolute path.</param>
    /// <param name="limit">The most that is wanted, bytes.</param>
    /// <param name="uid">The user that it is read for.</param>
    /// <param name="gid">His group.</param>
    /// <param name="error">Why not, when null is returned; EPERM when the file is none that may be read for him.</param>
    public static byte[]? Read(string path, int limit, uint uid, uint gid, out Errno error)
    {
        var bytes = Files.ReadBounded(path, limit, out error, out var status);
        if (bytes is null || IsReadableBy(status, uid, gid))
            return bytes;
        // The same file once more, in a way that nobody can have bent.
        var how = stackalloc long[3]
        {
            Constants.ORdOnly | Constants.ONonBlock | Constants.ONoCtty | Constants.OCloExec,
            0,
            Constants.ResolveNoSymlinks,
        };
        var number = Open(WithoutRootsLinks(path), how);
        if (number < 0)
        {
            error = Errno.NotPermitted;
            return null;
        }
        using var fd = new SafeFd((int)number);
        error = FileStatus.Get(fd.Number, out status, out var links);
        if (error.Number == 0 && (status.Kind != FileKind.Regular || links != 1))
            error = Errno.NotPermitted;
        return error.Number != 0 ? null : Files.ReadUpTo(fd, limit + 1, (int)Math.Min(status.Size + 1, limit + 1L), out error);
    }

    /// <summary>
    /// Opens a file to write to, made with mode 0640 (less the umask) if it is not there, on a way that nobody can have bent: no symbolic link is on it, and
    /// the file has no other name. It never waits.
    /// </summary>
    /// <param name="path">Its absolute path.</param>
    /// <param name="append">Whether what is written goes to its end.</param>
    /// <param name="error">Why not, when null is returned; ELOOP for a link, EPERM for a file with another name, EINVAL for no file.</param>
    public static SafeFd? OpenToWrite(string path, bool append, out Errno error)
    {
        const int mode = 0x1A0;
        var flags = Constants.OWrOnly | Constants.OCreat | Constants.ONonBlock | Constants.ONoCtty | Constants.OCloExec;
        var how = stackalloc long[3] { append ? flags | Constants.OAppend : flags, mode, Constants.ResolveNoSymlinks };
        var number = Open(WithoutRootsLinks(path), how);
        error = number < 0 ? Errno.Last : default;
        if (number < 0)
            return null;
        var fd = new SafeFd((int)number);
        error = FileStatus.Get(fd.Number, out var status, out var links);
        if (error.Number == 0 && status.Kind != FileKind.Regular)
            error = Errno.Invalid;
        else if (error.Number == 0 && links != 1)
            error = Errno.NotPermitted;
        if (error.Number == 0)
            return fd;
        fd.Dispose();
        return null;
    }

    /// <summary>Opens the folder of a path, on a way that nobody can have bent, for what is made or removed there by its <see cref="Name"/>.</summary>
    /// <param name="path">The absolute path.</param>
    /// <param name="error">Why not, when null is returned; ELOOP for a link.</param>
    public static SafeFd? OpenFolder(string path, out Errno error)
    {
        var how = stackalloc long[3] { Constants.OPath | Constants.ODirectory | Constants.OCloExec, 0, Constants.ResolveNoSymlinks };
        var number = Open(Path.GetDirectoryName(WithoutRootsLinks(path)) ?? "/", how);
        error = number < 0 ? Errno.Last : default;
        return number < 0 ? null : new SafeFd((int)number);
    }

    /// <summary>The name by which what lies in an opened folder is reached, wherever the folder's own name leads to by now.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="path">A path whose last part is the name in it.</param>
    public static string Name(SafeFd folder, string path)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return $"/proc/self/fd/{Self.Text(folder.Number)}/{Path.GetFileName(path)}";
    }

    private static nint Open(string path, long* how)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(path + "\0"))
            return Native.SysCall(Constants.SysOpenAt2, Constants.AtFdCwd, (nint)text, (nint)how, HowSize);
    }

    // A link that root has made where nobody else can make one (/var/run) is no bend: it is replaced with where it leads. The last part never is.
    private static string WithoutRootsLinks(string path)
    {
        var rest = new Stack<string>(Parts(path));
        var place = "/";
        for (var links = 0; rest.Count > 0 && IsRootsAlone(place); )
        {
            var next = Path.Combine(place, rest.Pop());
            if (FileStatus.Get(next, follow: false, out var status).Number != 0 || status.Kind != FileKind.Link)
            {
                place = next;
                continue;
            }
            if (rest.Count == 0 || status.Uid != 0 || links++ == MostLinks || new FileInfo(next).LinkTarget is not { } target)
                return path;
            foreach (var part in Parts(Path.GetFullPath(target, place)))
                rest.Push(part);
            place = "/";
        }
        return Path.Combine([place, .. rest]);
    }

    private static IEnumerable<string> Parts(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse();

    private static bool IsRootsAlone(string folder) =>
        FileStatus.Get(folder, follow: false, out var status).Number == 0
        && status.Uid == 0
        && (status.Mode & (GroupWrites | OthersWrite)) == 0;

    private static bool IsReadableBy(FileStatus status, uint uid, uint gid) =>
        (status.Uid == uid && (status.Mode & OwnerReads) != 0)
        || (status.Gid == gid && (status.Mode & GroupReads) != 0)
        || (status.Mode & OthersRead) != 0;
}
