using System.Runtime.InteropServices;

namespace Emperor.EndToEnd.Support;

/// <summary>What the base library has no call for.</summary>
internal static unsafe partial class Native
{
    public const int Hangup = 1;
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int User1 = 10;
    public const int Terminate = 15;
    public const int Stop = 19;
    public const int Continue = 18;
    public const int Urgent = 23;

    private const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const long Now = 0x3fffffff;
    private const ulong Detach = 2;
    private const string C = "libc";

    public static bool IsRoot => GetEuid() == 0;

    [LibraryImport(C, EntryPoint = "kill", SetLastError = true)]
    public static partial int Signal(int pid, int signal);

    [LibraryImport(C, EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);

    [LibraryImport(C, EntryPoint = "chmod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeMode(string path, uint mode);

    [LibraryImport(C, EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeOwner(string path, uint uid, uint gid);

    /// <summary>Writes an empty or small file whose name need not be text.</summary>
    public static void CreateRaw(ReadOnlySpan<byte> path)
    {
        Span<byte> name = stackalloc byte[path.Length + 1];
        path.CopyTo(name);
        name[path.Length] = 0;
        fixed (byte* pointer = name)
        {
            var fd = Create(pointer, 0x1B4);
            Check(fd, "creat");
            ReadOnlySpan<byte> text = "[uwsgi]\nmaster = true\n"u8;
            fixed (byte* bytes = text)
                Check((int)Write(fd, bytes, (nuint)text.Length), "write");
            _ = Close(fd);
        }
    }

    /// <summary>Empties a file in place.</summary>
    public static void Truncate(string path) => Check(Truncate(path, 0), "truncate");

    /// <summary>Sets the modification time of a link itself, to this moment unless another is given, as touch --no-dereference does.</summary>
    public static void TouchLink(string path, DateTimeOffset? time = null)
    {
        var times = stackalloc long[4] { 0, Now, time?.ToUnixTimeSeconds() ?? 0, time is null ? Now : 0 };
        Check(SetTimes(AtFdCwd, path, times, AtSymlinkNoFollow), "utimensat");
    }

    public static void MountMemory(string folder, string options) => Check(Mount("tmpfs", folder, "tmpfs", 0, options), "mount");

    public static void Unmount(string folder) => Check(Unmount(folder, (int)Detach), "umount2");

    public static void Check(int result, string call)
    {
        if (result < 0)
            throw new InvalidOperationException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport(C, EntryPoint = "geteuid")]
    private static partial uint GetEuid();

    [LibraryImport(C, EntryPoint = "creat", SetLastError = true)]
    private static partial int Create(byte* path, uint mode);

    [LibraryImport(C, EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int fd, byte* data, nuint length);

    [LibraryImport(C, EntryPoint = "close")]
    private static partial int Close(int fd);

    [LibraryImport(C, EntryPoint = "truncate", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Truncate(string path, long length);

    [LibraryImport(C, EntryPoint = "utimensat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetTimes(int folder, string path, long* times, int flags);

    [LibraryImport(C, EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, ulong flags, string data);

    [LibraryImport(C, EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
