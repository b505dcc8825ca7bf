using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>One descriptor that has something to say.</summary>
/// <param name="Token">The number it was added with.</param>
/// <param name="Readable">There is something to read, or the other end is gone.</param>
/// <param name="HungUp">The other end is gone (what it sent before may still be read).</param>
public readonly record struct Readiness(ulong Token, bool Readable, bool HungUp)
{
    /// <summary>There is room to write.</summary>
    public bool Writable { get; init; }
}

/// <summary>
/// Overview: epoll, and an eventfd by which other threads interrupt the wait. One thread waits; every other thread only calls
/// <see cref="Wake"/>, <see cref="Add"/> and <see cref="AddOnce"/>. Level-triggered: what was not read is told again, so a turn may read as little as it likes.
/// </summary>
public sealed unsafe class EventLoop : IDisposable
{
    // epoll_event is packed on x86-64 and nowhere else (epoll.h).
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = EventSize - 8;
    private const int Capacity = 512;
    private const ulong WakeToken = ulong.MaxValue;
    private const uint Once = Constants.EpollIn | Constants.EpollRdHup | Constants.EpollOneShot;

    private readonly SafeFd _epoll;
    private readonly SafeFd _wake;
    private readonly byte[] _buffer = new byte[Capacity * 16];
    private int _wakeAsked;

    /// <summary>Whether the last wait could not tell all that was ready.</summary>
    public bool HasMore { get; private set; }

    /// <summary>Opens the kernel's queue.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public EventLoop()
    {
        var epoll = Native.EpollCreate(Constants.EpollCloExec);
        if (epoll < 0)
            throw new LinuxException("epoll_create1", Errno.Last);
        _epoll = new SafeFd(epoll);
        var wake = Native.EventFd(0, Constants.EfdCloExec | Constants.EfdNonBlock);
        if (wake < 0)
            throw new LinuxException("eventfd", Errno.Last);
        _wake = new SafeFd(wake);
        Add(wake, WakeToken);
    }

    /// <summary>Listens to a descriptor until it is removed or closed.</summary>
    /// <exception cref="LinuxException">The kernel refuses it.</exception>
    public void Add(int fd, ulong token) => Control(Constants.EpollCtlAdd, fd, token, Constants.EpollIn | Constants.EpollRdHup);

    /// <summary>Listens to a descriptor until it is told once; then <see cref="Rearm"/> listens again.</summary>
    /// <exception cref="LinuxException">The kernel refuses it.</exception>
    public void AddOnce(int fd, ulong token) => Control(Constants.EpollCtlAdd, fd, token, Once);

    /// <summary>Listens again, until it is told once, to a descriptor that was added so.</summary>
    /// <exception cref="LinuxException">The kernel refuses it.</exception>
    public void Rearm(int fd, ulong token) => Control(Constants.EpollCtlMod, fd, token, Once);

    /// <summary>Hears only the end of a descriptor that talks too much, or (<paramref name="muted"/> false) everything again.</summary>
    public void Mute(int fd, ulong token, bool muted) =>
        Control(Constants.EpollCtlMod, fd, token, muted ? 0 : Constants.EpollIn | Constants.EpollRdHup);

    /// <summary>Hears from now on when there is something to read, or room to write, or only of the end of a descriptor.</summary>
    public void Change(int fd, ulong token, bool read, bool write) =>
        Control(Constants.EpollCtlMod, fd, token, (read ? Constants.EpollIn | Constants.EpollRdHup : 0) | (write ? Constants.EpollOut : 0));

    /// <summary>Stops listening. A descriptor that is not listened to is fine.</summary>
    public void Remove(int fd)
    {
        fixed (byte* nothing = _buffer)
            _ = Native.EpollControl(_epoll.Number, Constants.EpollCtlDel, fd, nothing);
    }

    /// <summary>
    /// Ends the wait of the loop's thread, now or at its next start. For any thread; many calls before a turn cost one, and those after the loop's end
    /// do nothing.
    /// </summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _wakeAsked, 1) != 0)
            return;
        var isHeld = false;
        try
        {
            // Held, it is not closed meanwhile: its number could be another descriptor's by then.
            _wake.DangerousAddRef(ref isHeld);
            var one = 1UL;
            _ = Native.Write(_wake.Number, (byte*)&one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // Some threads outlive the loop, as one does that reads in another process's memory: nobody waits there any more.
        }
        finally
        {
            if (isHeld)
                _wake.DangerousRelease();
        }
    }

    /// <summary>Waits until something is ready, somebody calls <see cref="Wake"/>, or time is up.</summary>
    /// <param name="ready">Cleared, then filled with at most 512 entries.</param>
    /// <param name="timeout">Milliseconds; -1 waits for ever.</param>
    public void Wait(List<Readiness> ready, int timeout)
    {
        ready.Clear();
        HasMore = false;
        fixed (byte* buffer = _buffer)
        {
            var count = Await(buffer, timeout);
            HasMore = count == Capacity;
            for (var i = 0; i < count; i++)
            {
                var entry = buffer + (i * EventSize);
                var events = *(uint*)entry;
                var token = *(ulong*)(entry + DataOffset);
                if (token == WakeToken)
                {
                    ulong discarded;
                    // After the read: a wake before this has posted what this turn will find, and one after it writes again. The other way round, the
                    // read could swallow a new wake, and none would ever be written again.
                    _ = Native.Read(_wake.Number, (byte*)&discarded, sizeof(ulong));
                    _ = Interlocked.Exchange(ref _wakeAsked, 0);
                    continue;
                }
                var hungUp = (events & (Constants.EpollHup | Constants.EpollErr | Constants.EpollRdHup)) != 0;
                var writable = (events & Constants.EpollOut) != 0;
                ready.Add(new Readiness(token, hungUp || (events & Constants.EpollIn) != 0, hungUp) { Writable = writable });
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _wake.Dispose();
        _epoll.Dispose();
    }

    // A signal does not end it: the runtime takes signals in on a thread of its own, and whoever obeys one calls Wake. Besides, SIGCONT and a debugger
    // interrupt this call too, and say nothing.
    private int Await(byte* buffer, int timeout)
    {
        var end = timeout > 0 ? Environment.TickCount64 + timeout : 0;
        while (true)
        {
            var count = Native.EpollWait(_epoll.Number, buffer, Capacity, timeout);
            if (count >= 0)
                return count;
            var error = Errno.Last;
            if (error != Errno.Interrupted)
                throw new LinuxException("epoll_wait", error);
            if (timeout > 0)
                timeout = (int)Math.Max(0, end - Environment.TickCount64);
        }
    }

    private void Control(int operation, int fd, ulong token, uint events)
    {
        Span<byte> change = stackalloc byte[16];
        MemoryMarshal.Write(change, events);
        MemoryMarshal.Write(change[DataOffset..], token);
        fixed (byte* pointer = change)
        {
            if (Native.EpollControl(_epoll.Number, operation, fd, pointer) < 0)
                throw new LinuxException("epoll_ctl", Errno.Last);
        }
    }
}
