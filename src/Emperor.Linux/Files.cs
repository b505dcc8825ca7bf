using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Emperor.Linux;

/// <summary>Files and folders, where the base library loses what an emperor must know (errno, link text, a name that is not UTF-8).</summary>
public static unsafe class Files
{
    // More than a file of /proc with one value has.
    private const int ProcBytes = 4096;

    // NFS, CIFS, SMB2, 9p, FUSE, Ceph, AFS (statfs(2)): what other hosts change there raises no inotify event.
    private static readonly long[] RemoteFileSystems = [0x6969, 0xFF534D42, 0xFE534D42, 0x01021997, 0x65735546, 0x00C36400, 0x5346414F];

    /// <summary>Opens a folder to look at what is in it.</summary>
    public static SafeFd? OpenDirectory(string path, out Errno error) => Open(path, Constants.ORdOnly | Constants.ODirectory, 0, out error);

    /// <summary>Opens /dev/null for reading.</summary>
    /// <exception cref="LinuxException">There is no /dev/null or no descriptor left.</exception>
    public static SafeFd OpenNull() =>
        Open("/dev/null", Constants.ORdOnly, 0, out var error) ?? throw new LinuxException("open /dev/null", error);

    /// <summary>Opens /dev/null for reading and writing.</summary>
    /// <exception cref="LinuxException">There is no /dev/null or no descriptor left.</exception>
    internal static SafeFd OpenNullForBoth() =>
        Open("/dev/null", Constants.ORdWr, 0, out var error) ?? throw new LinuxException("open /dev/null", error);

    /// <summary>Opens a log to append to, made with mode 0640 (less the umask) if it is not there. It never waits (for a pipe's reader).</summary>
    /// <param name="path">Its path.</param>
    /// <param name="follow">Whether it may be a link, or something else than a file.</param>
    /// <param name="error">Why not, when null is returned; ELOOP for a link, EINVAL for no file.</param>
    public static SafeFd? OpenLog(string path, bool follow, out Errno error)
    {
        var flags = Constants.OWrOnly | Constants.OCreat | Constants.OAppend | Constants.ONonBlock | Constants.ONoCtty;
        var fd = Open(path, follow ? flags : flags | Constants.ONoFollow, 0x1A0, out error);
        if (fd is null)
            return null;
        error = FileStatus.Get(fd.Number, out var status);
        if (error.Number == 0 && status.Kind != FileKind.Regular && !follow)
            error = Errno.Invalid;
        if (error.Number != 0)
        {
            fd.Dispose();
            return null;
        }
        // Vassals write there too, and need not know what to do when it is full.
        _ = Native.Fcntl(fd.Number, Constants.FSetFl, Constants.OAppend);
        return fd;
    }

    /// <summary>Empties a file that is open, and writes a text to it.</summary>
    public static Errno Rewrite(SafeFd file, string text)
    {
        ArgumentNullException.ThrowIfNull(file);
        return Native.FTruncate(file.Number, 0) != 0 ? Errno.Last : WriteAt(file, Encoding.UTF8.GetBytes(text), 0);
    }

    /// <summary>Writes a small file, which must be none or a regular one: no link is followed, no pipe waited for.</summary>
    public static Errno WriteSmall(string path, string text)
    {
        var flags = Constants.OWrOnly | Constants.OCreat | Constants.ONonBlock | Constants.ONoCtty | Constants.ONoFollow;
        using var fd = Open(path, flags, 0x1B6, out var error);
        if (fd is null)
            return error;
        error = FileStatus.Get(fd.Number, out var status);
        if (error.Number == 0 && status.Kind != FileKind.Regular)
            error = Errno.Invalid;
        if (error.Number == 0 && Native.FTruncate(fd.Number, 0) != 0)
            error = Errno.Last;
        return error.Number != 0 ? error : WriteAll(fd.Number, Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Makes <paramref name="to"/> a second name of <paramref name="from"/>, without close-on-exec.</summary>
    public static Errno Duplicate(int from, int to) => Native.Dup2(from, to) < 0 ? Errno.Last : default;

    /// <summary>
    /// Gives a descriptor a second number, at or above <paramref name="lowest"/>, that is not close-on-exec: the program that this one becomes
    /// (execve(2)) has it under that number.
    /// </summary>
    /// <exception cref="LinuxException">It is not open, or no number is left there.</exception>
    public static int DuplicateAbove(int fd, int lowest)
    {
        var number = Native.Fcntl(fd, Constants.FDupFd, lowest);
        return number < 0 ? throw new LinuxException($"fcntl F_DUPFD from {lowest}", Errno.Last) : number;
    }

    /// <summary>Gives a descriptor another number, at or above <paramref name="lowest"/>, in the place of its own, which is closed.</summary>
    /// <exception cref="LinuxException">It is not open, or no number is left there; it has its own number still.</exception>
    public static SafeFd MoveAbove(SafeFd fd, int lowest)
    {
        ArgumentNullException.ThrowIfNull(fd);
        var number = Native.Fcntl(fd.Number, Constants.FDupFdCloExec, lowest);
        if (number < 0)
            throw new LinuxException($"fcntl F_DUPFD_CLOEXEC from {lowest}", Errno.Last);
        fd.Dispose();
        return new SafeFd(number);
    }

    /// <summary>The highest number of an open descriptor.</summary>
    public static int HighestOpen() =>
        Directory.EnumerateFileSystemEntries("/proc/self/fd").Max(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture));

    /// <summary>Whether a descriptor has something to read, or its end to tell, now.</summary>
    internal static bool IsReadable(int fd)
    {
        // struct pollfd: fd 4, events 2 (POLLIN 1), revents 2 (a pipe's end is POLLHUP alone, 0x10).
        var poll = stackalloc int[2] { fd, 1 };
        return Native.Poll((byte*)poll, 1, 0) > 0 && ((poll[1] >> 16) & 0x11) != 0;
    }

    /// <summary>A file that has no name and lives in memory.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static SafeFd CreateMemoryFile(string name)
    {
        var fd = Native.MemFdCreate(name, Constants.MfdCloExec);
        return fd < 0 ? throw new LinuxException("memfd_create", Errno.Last) : new SafeFd(fd);
    }

    /// <summary>A file in memory, full of zeros, whose size nobody can change, whoever is given it.</summary>
    /// <exception cref="LinuxException">No descriptor, or no memory, is left.</exception>
    public static SafeFd CreateMemoryFile(string name, long size)
    {
        var number = Native.MemFdCreate(name, Constants.MfdCloExec | Constants.MfdAllowSealing);
        if (number < 0)
            throw new LinuxException("memfd_create", Errno.Last);
        var file = new SafeFd(number);
        var error = WriteAt(file, [0], size - 1);
        if (
            error.Number == 0
            && Native.Fcntl(number, Constants.FAddSeals, Constants.FSealSeal | Constants.FSealShrink | Constants.FSealGrow) != 0
        )
            error = Errno.Last;
        if (error.Number == 0)
            return file;
        file.Dispose();
        throw new LinuxException("write to a memory file", error);
    }

    /// <summary>A file in memory that nobody can change any more, whoever is given it.</summary>
    /// <exception cref="LinuxException">No descriptor, or no memory, is left.</exception>
    public static SafeFd CreateSealedFile(string name, ReadOnlySpan<byte> content)
    {
        var number = Native.MemFdCreate(name, Constants.MfdCloExec | Constants.MfdAllowSealing);
        if (number < 0)
            throw new LinuxException("memfd_create", Errno.Last);
        var file = new SafeFd(number);
        var error = WriteAll(number, content);
        const int All = Constants.FSealSeal | Constants.FSealShrink | Constants.FSealGrow | Constants.FSealWrite;
        if (error.Number == 0 && Native.Fcntl(number, Constants.FAddSeals, All) != 0)
            error = Errno.Last;
        if (error.Number == 0)
            return file;
        file.Dispose();
        throw new LinuxException("write to a memory file", error);
    }

    /// <summary>Reads at a place of a file; fewer bytes at its end.</summary>
    public static Errno ReadAt(SafeFd file, Span<byte> buffer, long offset, out int count)
    {
        nint length;
        fixed (byte* pointer = buffer)
            length = Native.PRead(file.Number, pointer, (nuint)buffer.Length, offset);
        var error = length < 0 ? Errno.Last : default;
        count = (int)Math.Max(0, length);
        return error;
    }

    /// <summary>Writes at a place of a file.</summary>
    public static Errno WriteAt(SafeFd file, ReadOnlySpan<byte> data, long offset)
    {
        fixed (byte* pointer = data)
            return Native.PWrite(file.Number, pointer, (nuint)data.Length, offset) < 0 ? Errno.Last : default;
    }

    /// <summary>Writes all of it to a descriptor, however many calls that takes.</summary>
    public static Errno WriteAll(int fd, ReadOnlySpan<byte> data)
    {
        fixed (byte* pointer = data)
        {
            for (var done = 0; done < data.Length; )
            {
                var count = Native.Write(fd, pointer + done, (nuint)(data.Length - done));
                if (count < 0)
                {
                    var error = Errno.Last;
                    if (error == Errno.Interrupted)
                        continue;
                    return error;
                }
                done += (int)count;
            }
        }
        return default;
    }

    /// <summary>
    /// Reads a regular file, at most one byte more than <paramref name="limit"/>. Whatever the path leads to by now, this neither blocks nor
    /// starts anything.
    /// </summary>
    /// <returns>Null when it cannot be read, or is no file (EINVAL).</returns>
    public static byte[]? ReadBounded(string path, int limit, out Errno error) => ReadBounded(path, limit, out error, out _);

    /// <summary>The same, and what the file was when its reading began.</summary>
    public static byte[]? ReadBounded(string path, int limit, out Errno error, out FileStatus status)
    {
        status = default;
        using var fd = Open(path, Constants.ORdOnly | Constants.ONonBlock | Constants.ONoCtty, 0, out error);
        if (fd is null)
            return null;
        error = FileStatus.Get(fd.Number, out status);
        if (error.Number == 0 && status.Kind != FileKind.Regular)
            error = Errno.Invalid;
        if (error.Number != 0)
            return null;
        // Of a file of /proc nobody knows the size, and some give all that they have to the first call.
        var first = status.Size == 0 ? ProcBytes : status.Size + 1;
        return ReadUpTo(fd, limit + 1, (int)Math.Min(first, limit + 1L), out error);
    }

    /// <summary>Reads the beginning of a file of /proc, whose size nobody knows before.</summary>
    public static byte[]? ReadHead(string path, int limit, out Errno error)
    {
        using var fd = Open(path, Constants.ORdOnly, 0, out error);
        return fd is null ? null : ReadUpTo(fd, limit, Math.Min(limit, ProcBytes), out error);
    }

    /// <summary>
    /// Reads what comes on a descriptor until its other end closes, the buffer is full, or time is up. The time begins anew with each piece that comes, and
    /// with a signal.
    /// </summary>
    public static int ReadUntilClosed(SafeFd fd, Span<byte> buffer, int timeoutMilliseconds)
    {
        var length = 0;
        // struct pollfd: fd 4, events 2 (POLLIN 1), revents 2.
        var poll = stackalloc int[2];
        fixed (byte* pointer = buffer)
        {
            while (length < buffer.Length)
            {
                poll[0] = fd.Number;
                poll[1] = 1;
                nint count = Native.Poll((byte*)poll, 1, timeoutMilliseconds);
                if (count > 0)
                    count = Native.Read(fd.Number, pointer + length, (nuint)(buffer.Length - length));
                if (count < 0 && Errno.Last == Errno.Interrupted)
                    continue;
                if (count <= 0)
                    break;
                length += (int)count;
            }
        }
        return length;
    }

    /// <summary>Sets the permission bits of an open file.</summary>
    public static Errno SetMode(SafeFd file, uint mode) => Native.FChMod(file.Number, mode) == 0 ? default : Errno.Last;

    /// <summary>Sets the permission bits of what a path leads to.</summary>
    public static Errno SetMode(string path, uint mode) => Native.ChMod(path, mode) == 0 ? default : Errno.Last;

    /// <summary>Whether a descriptor is a socket.</summary>
    public static bool IsSocket(int fd)
    {
        const uint typeMask = 0xF000;
        const uint socketType = 0xC000;
        return FileStatus.Get(fd, out var status).Number == 0 && (status.Mode & typeMask) == socketType;
    }

    /// <summary>Whether a descriptor is open.</summary>
    public static bool IsOpen(int fd) => Native.Fcntl(fd, Constants.FGetFd, 0) >= 0;

    /// <summary>
    /// Whether a descriptor is one that was there before this program was executed: what is close-on-exec was opened by this process itself.
    /// </summary>
    public static bool IsInherited(int fd) =>
        Native.Fcntl(fd, Constants.FGetFd, 0) is var flags and >= 0 && (flags & Constants.FdCloExec) == 0;

    /// <summary>Makes an inherited descriptor our own, so that no child gets it.</summary>
    public static SafeFd TakeOver(int fd)
    {
        _ = Native.Fcntl(fd, Constants.FSetFd, Constants.FdCloExec);
        return new SafeFd(fd);
    }

    /// <summary>Closes a descriptor that nobody owns (<see cref="DuplicateAbove"/>).</summary>
    public static void CloseNumber(int fd) => _ = Native.Close(fd);

    /// <summary>Lets the program that this one is about to become have a descriptor (execve(2)).</summary>
    public static void Bequeath(int fd) => _ = Native.Fcntl(fd, Constants.FSetFd, 0);

    /// <summary>A pipe: the end to read and the end to write.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static (SafeFd Read, SafeFd Write) CreatePipe()
    {
        var pair = stackalloc int[2];
        if (Native.Pipe2(pair, Constants.OCloExec) < 0)
            throw new LinuxException("pipe2", Errno.Last);
        return (new SafeFd(pair[0]), new SafeFd(pair[1]));
    }

    /// <summary>A pipe whose end to read never blocks, whatever those do who hold the end to write, which does.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static (SafeFd Read, SafeFd Write) CreateOutputPipe()
    {
        var (read, write) = CreatePipe();
        // Not by pipe2: programs do not expect of their standard output that it refuses what they write.
        _ = Native.Fcntl(read.Number, Constants.FSetFl, Constants.ONonBlock);
        return (read, write);
    }

    /// <summary>Reads what is there. Nothing read and no error is the end; EAGAIN is nothing now.</summary>
    public static Errno Read(SafeFd fd, Span<byte> buffer, out int count)
    {
        count = 0;
        nint length;
        fixed (byte* pointer = buffer)
            length = Native.Read(fd.Number, pointer, (nuint)buffer.Length);
        if (length < 0)
            return Errno.Last;
        count = (int)length;
        return default;
    }

    /// <summary>The text of a symbolic link.</summary>
    /// <returns>Null when it is no link or cannot be read; <paramref name="error"/> tells (EINVAL: no link).</returns>
    public static string? ReadLink(string path, out Errno error)
    {
        var buffer = stackalloc byte[4096];
        var length = Native.ReadLinkAt(Constants.AtFdCwd, path, buffer, 4096);
        if (length < 0)
        {
            error = Errno.Last;
            return null;
        }
        error = default;
        return Encoding.UTF8.GetString(buffer, (int)length);
    }

    /// <summary>Where a path leads when every link on it is followed, as the kernel names it; null when it leads nowhere.</summary>
    public static string? Target(string path)
    {
        using var fd = Open(path, Constants.OPath, 0, out _);
        return fd is null ? null : ReadLink($"/proc/self/fd/{Self.Text(fd.Number)}", out _);
    }

    /// <summary>Whether this process (with its effective rights) may execute the file.</summary>
    public static bool IsExecutable(string path) =>
        FileStatus.Get(path, follow: true, out var status).Number == 0
        && status.Kind == FileKind.Regular
        && Native.FAccessAt(Constants.AtFdCwd, path, Constants.XOk, Constants.AtEAccess) == 0;

    /// <summary>Whether a name fits a shell pattern (fnmatch(3); a leading dot must be matched by a dot).</summary>
    public static bool Matches(string pattern, string name) =>
        Native.FnMatch(pattern, name, Constants.FnmPathname | Constants.FnmPeriod) == 0;

    /// <summary>
    /// Whether a folder lies on a file system that other hosts change too, so that the kernel here is not told of every change.
    /// </summary>
    public static bool IsRemote(string path)
    {
        var buffer = stackalloc byte[512];
        return Native.StatFs(path, buffer) == 0 && RemoteFileSystems.Contains(*(long*)buffer & 0xFFFFFFFF);
    }

    /// <summary>The names in a folder, without "." and "..". A name that is not UTF-8 is told with U+FFFD in it and cannot be opened.</summary>
    public static Errno List(SafeFd directory, List<string> names)
    {
        names.Clear();
        const int size = 32 * 1024;
        var buffer = stackalloc byte[size];
        while (true)
        {
            var length = Native.GetDents(directory.Number, buffer, size);
            if (length < 0)
                return Errno.Last;
            if (length == 0)
                return default;
            // struct linux_dirent64: d_ino 8, d_off 8, d_reclen 2, d_type 1, d_name.
            for (var at = 0; at < length; )
            {
                var entry = buffer + at;
                var recordLength = BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(entry + 16, 2));
                var name = System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
                at += recordLength;
                if (name is [(byte)'.'] or [(byte)'.', (byte)'.'])
                    continue;
                names.Add(Encoding.UTF8.GetString(name));
            }
        }
    }

    internal static byte[]? ReadUpTo(SafeFd fd, int limit, int first, out Errno error)
    {
        error = default;
        var buffer = new byte[first];
        var length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length >= limit)
                    return buffer;
                Array.Resize(ref buffer, Math.Min(limit, buffer.Length * 2));
            }
            nint count;
            fixed (byte* pointer = buffer)
                count = Native.Read(fd.Number, pointer + length, (nuint)(buffer.Length - length));
            if (count < 0)
            {
                error = Errno.Last;
                return null;
            }
            if (count == 0)
                return buffer[..length];
            length += (int)count;
        }
    }

    internal static SafeFd? OpenToRead(string path, out Errno error) =>
        Open(path, Constants.ORdOnly | Constants.ONonBlock | Constants.ONoCtty, 0, out error);

    private static SafeFd? Open(string path, int flags, uint mode, out Errno error)
    {
        var fd = Native.Open(path, flags | Constants.OCloExec, mode);
        if (fd < 0)
        {
            error = Errno.Last;
            return null;
        }
        error = default;
        return new SafeFd(fd);
    }
}
