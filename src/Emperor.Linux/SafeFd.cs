using Microsoft.Win32.SafeHandles;

namespace Emperor.Linux;

/// <summary>A descriptor that this process owns, closed exactly once. All are close-on-exec: a child gets only what it is handed.</summary>
public sealed class SafeFd : SafeHandleMinusOneIsInvalid
{
    /// <summary>Takes over an open descriptor.</summary>
    public SafeFd(int fd)
        : base(ownsHandle: true)
    {
        SetHandle(fd);
    }

    /// <summary>The number, valid while this object is not disposed.</summary>
    public int Number => (int)DangerousGetHandle();

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Native.Close((int)handle) == 0;
}
