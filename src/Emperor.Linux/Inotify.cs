using System.Runtime.InteropServices;
using System.Text;

namespace Emperor.Linux;

/// <summary>One thing that inotify told.</summary>
/// <param name="Watch">The watch that saw it; -1 when <paramref name="Overflow"/>.</param>
/// <param name="Name">The entry of the watched folder that it is about; empty for the folder itself.</param>
/// <param name="Gone">The watch is no more: its folder was deleted or unmounted, and the number may be used again.</param>
/// <param name="Overflow">The kernel's queue ran over: anything may have changed.</param>
public readonly record struct InotifyEvent(int Watch, string Name, bool Gone, bool Overflow);

/// <summary>What a watch is about.</summary>
public enum InotifyWatch
{
    /// <summary>Whether a folder is moved or deleted.</summary>
    Itself,

    /// <summary>That, and which names come, go and are moved in it.</summary>
    Names,

    /// <summary>That, and what happens to the content and attributes of all that is in it.</summary>
    Entries,

    /// <summary>What happens to the content and attributes of one file.</summary>
    Content,
}

/// <summary>One inotify instance: folders, and what changes in them. Read it when <see cref="Fd"/> is readable.</summary>
public sealed unsafe class Inotify : IDisposable
{
    private readonly SafeFd _fd;
    private readonly byte[] _buffer = new byte[16 * 1024];

    private Inotify(SafeFd fd) => _fd = fd;

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Opens an instance.</summary>
    /// <returns>Null when the user's limit (fs.inotify.max_user_instances) is reached.</returns>
    public static Inotify? Create(out Errno error)
    {
        var fd = Native.InotifyInit(Constants.InCloExec | Constants.InNonBlock);
        if (fd < 0)
        {
            error = Errno.Last;
            return null;
        }
        error = default;
        return new Inotify(new SafeFd(fd));
    }

    /// <summary>Watches a path, which must be what <paramref name="what"/> is about: a folder, or a file for its content.</summary>
    /// <returns>The watch's number (the same one for the same folder or file), or -1.</returns>
    public int Watch(string path, InotifyWatch what, out Errno error)
    {
        const uint itself = Constants.InDeleteSelf | Constants.InMoveSelf | Constants.InMaskAdd;
        const uint names = Constants.InCreate | Constants.InDelete | Constants.InMovedFrom | Constants.InMovedTo;
        const uint content = Constants.InModify | Constants.InCloseWrite | Constants.InAttrib;
        var mask = what switch
        {
            InotifyWatch.Itself => itself | Constants.InOnlyDir,
            InotifyWatch.Names => itself | names | Constants.InOnlyDir,
            InotifyWatch.Entries => itself | names | content | Constants.InOnlyDir,
            _ => itself | content,
        };
        var watch = Native.InotifyAddWatch(_fd.Number, path, mask);
        error = watch < 0 ? Errno.Last : default;
        return watch;
    }

    /// <summary>Ends a watch. One that has ended by itself is fine.</summary>
    public void Unwatch(int watch) => _ = Native.InotifyRemoveWatch(_fd.Number, watch);

    /// <summary>Reads what is there, at most one buffer (some hundred events); the loop tells again if there is more.</summary>
    public void Read(List<InotifyEvent> events)
    {
        events.Clear();
        nint length;
        fixed (byte* buffer = _buffer)
            length = Native.Read(_fd.Number, buffer, (nuint)_buffer.Length);
        // struct inotify_event: wd 4, mask 4, cookie 4, len 4, name (padded with zeros).
        for (var at = 0; at < length; )
        {
            var entry = _buffer.AsSpan(at);
            var watch = MemoryMarshal.Read<int>(entry);
            var mask = MemoryMarshal.Read<uint>(entry[4..]);
            var nameLength = MemoryMarshal.Read<int>(entry[12..]);
            var name = entry.Slice(16, nameLength);
            var end = name.IndexOf((byte)0);
            events.Add(
                new InotifyEvent(
                    watch,
                    Encoding.UTF8.GetString(end < 0 ? name : name[..end]),
                    (mask & Constants.InIgnored) != 0,
                    (mask & Constants.InQOverflow) != 0
                )
            );
            at += 16 + nameLength;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();
}
