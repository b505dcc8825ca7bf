using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>An error number of the kernel (errno.h), with its words.</summary>
/// <param name="Number">The number; 0 is no error.</param>
public readonly record struct Errno(int Number)
{
    /// <summary>Operation not permitted.</summary>
    public static readonly Errno NotPermitted = new(1);

    /// <summary>No such file or directory.</summary>
    public static readonly Errno NoEntry = new(2);

    /// <summary>No such process.</summary>
    public static readonly Errno NoProcess = new(3);

    /// <summary>A signal came first.</summary>
    public static readonly Errno Interrupted = new(4);

    /// <summary>No child to wait for.</summary>
    public static readonly Errno NoChild = new(10);

    /// <summary>Input or output failed.</summary>
    public static readonly Errno InputOutput = new(5);

    /// <summary>Nothing to read, or no room to write, now; not possible now.</summary>
    public static readonly Errno Again = new(11);

    /// <summary>Permission denied.</summary>
    public static readonly Errno Access = new(13);

    /// <summary>It is in use.</summary>
    public static readonly Errno Busy = new(16);

    /// <summary>It is there already.</summary>
    public static readonly Errno Exists = new(17);

    /// <summary>Not a directory.</summary>
    public static readonly Errno NotDirectory = new(20);

    /// <summary>Not of the kind that is asked for.</summary>
    public static readonly Errno Invalid = new(22);

    /// <summary>Too many symbolic links on the way.</summary>
    public static readonly Errno Loop = new(40);

    /// <summary>A limit on descriptors or inotify instances of this user or process is reached.</summary>
    public static readonly Errno TooManyFiles = new(24);

    /// <summary>Given up (ECANCELED).</summary>
    public static readonly Errno Cancelled = new(125);

    /// <summary>No space, or no inotify watch, left.</summary>
    public static readonly Errno NoSpace = new(28);

    /// <summary>The other end is closed.</summary>
    public static readonly Errno BrokenPipe = new(32);

    /// <summary>A message that is longer than may be (EMSGSIZE).</summary>
    public static readonly Errno MessageTooLong = new(90);

    /// <summary>A name that is longer than its place.</summary>
    public static readonly Errno NameTooLong = new(36);

    /// <summary>The socket is of another type.</summary>
    public static readonly Errno WrongProtocolType = new(91);

    /// <summary>A link where none may be, or too many of them.</summary>
    public static readonly Errno TooManyLinks = new(40);

    /// <summary>Somebody else has this address.</summary>
    public static readonly Errno AddressInUse = new(98);

    /// <summary>The other end was closed before it had read all.</summary>
    public static readonly Errno ConnectionReset = new(104);

    /// <summary>Nobody listens there.</summary>
    public static readonly Errno ConnectionRefused = new(111);

    /// <summary>It goes on by itself (a connection that is being made).</summary>
    public static readonly Errno InProgress = new(115);

    /// <summary>The last error of the calling thread; valid on the statement after the call only.</summary>
    internal static Errno Last => new(Marshal.GetLastPInvokeError());

    /// <summary>The kernel's words for it, such as "No such file or directory".</summary>
    public string Message => Marshal.GetPInvokeErrorMessage(Number);

    /// <inheritdoc/>
    public override string ToString() => $"{Message} (errno {Number})";
}

/// <summary>A system call failed in a way that its caller cannot go on from.</summary>
public sealed class LinuxException : Win32Exception
{
    /// <summary>Makes one for <paramref name="what"/>, which failed with <paramref name="error"/>.</summary>
    public LinuxException(string what, Errno error)
        : base(error.Number, $"{what}: {error}")
    {
        Error = error;
    }

    /// <summary>The kernel's error.</summary>
    public Errno Error { get; }
}
