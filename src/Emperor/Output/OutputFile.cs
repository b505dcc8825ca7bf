using System.Globalization;
using Emperor.Linux;

namespace Emperor.Output;

/// <summary>
/// One vassal's log. Somebody who may write in its folder must not make a root's emperor write elsewhere, or wait: nothing but a file is
/// opened, and no link is followed.
/// </summary>
internal sealed class OutputFile(string path, uint? mode, long maxSize) : IDisposable
{
    /// <summary>How many old ones are kept, as NAME.1 to NAME.4.</summary>
    public const int Old = 4;

    // How often it is looked whether somebody else has rotated it, milliseconds.
    private const long LookInterval = 1_000;

    private SafeFd? _fd;
    private long _size;
    private long _nextLook;
    private long _nextRotation;

    /// <summary>No link may be on its way at all.</summary>
    public bool IsGuarded { get; init; }

    /// <summary>The turn in which it was last used.</summary>
    public long LastUse { get; private set; }

    /// <summary>Writes whole lines.</summary>
    /// <returns>Why they cannot be written; the next ones may be.</returns>
    public Errno Write(ReadOnlySpan<byte> lines, long turn)
    {
        LastUse = turn;
        FollowRotation();
        if (maxSize > 0 && _size > 0 && _size + lines.Length > maxSize)
            Rotate();
        if (_fd is null && Open() is { Number: not 0 } error)
            return error;
        _size += lines.Length;
        return Files.WriteAll(_fd!.Number, lines);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fd?.Dispose();
        _fd = null;
    }

    private Errno Open()
    {
        Errno error;
        _fd = IsGuarded ? GuardedFile.OpenToWrite(path, append: true, out error) : Files.OpenLog(path, follow: false, out error);
        if (_fd is null)
            return error;
        if (mode is { } bits)
            _ = Files.SetMode(_fd, bits);
        _size = FileStatus.Get(_fd.Number, out var status).Number == 0 ? status.Size : 0;
        return default;
    }

    private void FollowRotation()
    {
        var now = Environment.TickCount64;
        if (_fd is null || now < _nextLook)
            return;
        _nextLook = now + LookInterval;
        var isSame =
            FileStatus.Get(_fd.Number, out var here).Number == 0
            && FileStatus.Get(path, follow: false, out var there).Number == 0
            && here.Inode == there.Inode
            && here.Device == there.Device;
        if (isSame)
            // It may have been emptied in place.
            _size = here.Size;
        else
            Dispose();
    }

    // What cannot be renamed is written on, and tried again when as much again has been written.
    private void Rotate()
    {
        if (_size < _nextRotation)
            return;
        try
        {
            for (var i = Old - 1; i > 0; i--)
            {
                if (File.Exists(Named(i)))
                    File.Move(Named(i), Named(i + 1), overwrite: true);
            }
            File.Move(path, Named(1), overwrite: true);
            Dispose();
            _nextRotation = 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _nextRotation = _size + maxSize;
        }
    }

    private string Named(int number) => string.Create(CultureInfo.InvariantCulture, $"{path}.{number}");
}
