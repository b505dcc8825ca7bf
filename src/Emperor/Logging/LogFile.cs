using Emperor.Core.Succession;
using Emperor.Linux;

namespace Emperor.Logging;

/// <summary>
/// The file of --logto and --daemonize. As in uWSGI it takes the place of standard output and error, so what vassals print goes there too.
/// When it has been renamed or removed (logrotate), a new one is opened under its name: by itself, before the next line, and on request.
/// So it passes on to the program that this one becomes: standard output and error stay what they are over execve(2), and it need not be opened again,
/// which the rights that are left might not allow.
/// </summary>
internal sealed class LogFile
{
    private const int StandardOutput = 1;
    private const int StandardError = 2;

    private readonly string _path;
    private readonly uint? _mode;
    private readonly bool _isLink;
    private readonly int _output;
    private readonly int _errors;
    private readonly Lock _lock = new();

    private LogFile(LogLegacy legacy, uint? mode, int output, int errors)
    {
        (_path, _isLink) = legacy;
        _mode = mode;
        _output = output;
        _errors = errors;
    }

    /// <summary>What the next emperor must know of it.</summary>
    public LogLegacy Legacy => new(_path, _isLink);

    /// <summary>Opens the file and puts it in the place of standard output and error. It may be a device or a pipe, such as /dev/stdout.</summary>
    /// <param name="path">Absolute: the working folder may change.</param>
    /// <param name="mode">Its permission bits; null for the usual ones.</param>
    /// <param name="error">Why not, when null is returned.</param>
    /// <param name="output">The descriptor in the place of standard output.</param>
    /// <param name="errors">The descriptor in the place of standard error.</param>
    public static LogFile? Open(string path, uint? mode, out Errno error, int output = StandardOutput, int errors = StandardError)
    {
        var isLink = FileStatus.Get(path, follow: false, out var status).Number == 0 && status.Kind == FileKind.Link;
        var file = new LogFile(new LogLegacy(path, isLink), mode, output, errors);
        error = file.Open(follow: true);
        return error.Number == 0 ? file : null;
    }

    /// <summary>
    /// Goes on with the file that the program which this one was before has put in the place of standard output and error. When the settings name another
    /// by now, that is opened, and what is there stays in use if it cannot be.
    /// </summary>
    /// <param name="former">What is there; null when it is no log file.</param>
    /// <param name="path">The one that the settings name, absolute; null for none.</param>
    /// <param name="mode">Its permission bits; null for the usual ones.</param>
    /// <param name="error">Why the one that the settings name is not in use, if it is not.</param>
    /// <param name="output">The descriptor in the place of standard output.</param>
    /// <param name="errors">The descriptor in the place of standard error.</param>
    /// <returns>Null when there was none and there is none.</returns>
    public static LogFile? Adopt(
        LogLegacy? former,
        string? path,
        uint? mode,
        out Errno error,
        int output = StandardOutput,
        int errors = StandardError
    )
    {
        error = default;
        var changed = path is not null && path != former?.Path ? Open(path, mode, out error, output, errors) : null;
        return changed ?? (former is null ? null : new LogFile(former, mode, output, errors));
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
        if (FileStatus.Get(_errors, out var here).Number != 0 || here.Kind != FileKind.Regular)
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
            error = Files.Duplicate(fd.Number, _output);
            return error.Number != 0 ? error : Files.Duplicate(fd.Number, _errors);
        }
    }
}
