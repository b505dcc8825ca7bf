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
    private readonly Lock _lock = new();

    private LogFile(string path) => _path = path;

    /// <summary>Opens the file and puts it in the place of standard output and error.</summary>
    /// <param name="path">Absolute: the working folder may change.</param>
    /// <param name="error">Why not, when null is returned.</param>
    public static LogFile? Open(string path, out Errno error)
    {
        var file = new LogFile(path);
        error = file.Reopen();
        return error.Number == 0 ? file : null;
    }

    /// <summary>Opens the file anew. What the old one was stays in use when that fails.</summary>
    public Errno Reopen()
    {
        lock (_lock)
        {
            using var fd = Files.OpenLog(_path, out var error);
            if (fd is null)
                return error;
            error = Files.Duplicate(fd.Number, StandardOutput);
            return error.Number != 0 ? error : Files.Duplicate(fd.Number, StandardError);
        }
    }

    /// <summary>Opens the file anew if another, or none, has its name by now.</summary>
    public void FollowRotation()
    {
        var named = FileStatus.Get(_path, follow: true, out var there);
        if (FileStatus.Get(StandardError, out var here).Number != 0)
            return;
        if (named == Errno.NoEntry || (named.Number == 0 && (there.Inode != here.Inode || there.Device != here.Device)))
            _ = Reopen();
    }
}
