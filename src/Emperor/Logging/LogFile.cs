using Emperor.Linux;

namespace Emperor.Logging;

/// <summary>
/// The file of --logto and --daemonize. As in uWSGI it takes the place of standard output and error, so what vassals print goes there too.
/// When it has been renamed or removed (logrotate), a new one is opened under its name: by itself, before the next line, and on request.
/// </summary>
internal sealed class LogFile
{
    private const int StandardOutput = 1;
    private const int StandardError = 2;

    private readonly string _path;
    private readonly uint? _mode;
    private readonly bool _isLink;
    private readonly Lock _lock = new();

    private LogFile(string path, uint? mode)
    {
        _path = path;
        _mode = mode;
        _isLink = FileStatus.Get(path, follow: false, out var status).Number == 0 && status.Kind == FileKind.Link;
    }

    /// <summary>Opens the file and puts it in the place of standard output and error. It may be a device or a pipe, such as /dev/stdout.</summary>
    /// <param name="path">Absolute: the working folder may change.</param>
    /// <param name="mode">Its permission bits; null for the usual ones.</param>
    /// <param name="error">Why not, when null is returned.</param>
    public static LogFile? Open(string path, uint? mode, out Errno error)
    {
        var file = new LogFile(path, mode);
        error = file.Open(follow: true);
        return error.Number == 0 ? file : null;
    }

    /// <summary>
    /// Opens the file anew. What the old one was stays in use when that fails. Somebody who may write in the log's folder must not make a
    /// root's emperor write elsewhere or wait: a link is followed only if it was one from the start, and nothing but a file is opened.
    /// </summary>
    public Errno Reopen() => Open(_isLink);

    /// <summary>Opens the file anew if another, or none, has its name by now.</summary>
    /// <returns>Why that was due and failed; no error otherwise.</returns>
    public Errno FollowRotation()
    {
        if (FileStatus.Get(StandardError, out var here).Number != 0 || here.Kind != FileKind.Regular)
            return default;
        var named = FileStatus.Get(_path, follow: true, out var there);
        var isRotated = named == Errno.NoEntry || (named.Number == 0 && (there.Inode != here.Inode || there.Device != here.Device));
        return isRotated ? Reopen() : default;
    }

    private Errno Open(bool follow)
    {
        lock (_lock)
        {
            using var fd = Files.OpenLog(_path, follow, out var error);
            if (fd is null)
                return error;
            if (_mode is { } mode)
                _ = Files.SetMode(fd, mode);
            error = Files.Duplicate(fd.Number, StandardOutput);
            return error.Number != 0 ? error : Files.Duplicate(fd.Number, StandardError);
        }
    }
}
