using Emperor.Core.Configuration;
using Emperor.Core.Monitoring;
using Emperor.Linux;

namespace Emperor.Monitors;

/// <summary>
/// The one app of "emperor serve". With an ini file on the command line that is its file, and a change of it a reload; without, nothing ever
/// changes. Its options are read from the command line (<see cref="ProgramFiles.Serve"/>).
/// </summary>
internal sealed class ServeMonitor(ServeRequest serve, string folder, VassalNames names)
    : FileMonitor(0, serve.Name, noFollow: false, names)
{
    private FileStamp _stamp;

    /// <inheritdoc/>
    public override string WorkingFolder => folder;

    /// <inheritdoc/>
    public override string? WatchTrouble => null;

    /// <inheritdoc/>
    public override string PathOf(string vassal) => serve.File is { } file ? Path.GetFullPath(file, folder) : "the command line";

    /// <inheritdoc/>
    public override bool NeedsFollowing(FileStamp stamp) => serve.File is not null;

    /// <inheritdoc/>
    public override bool IsOurs(string vassal) => vassal == serve.Name;

    /// <inheritdoc/>
    public override bool IsStampOf(FileStamp stamp, FileStatus file) => serve.File is null || base.IsStampOf(stamp, file);

    /// <inheritdoc/>
    public override byte[]? Read(string vassal, out Errno error, out FileStatus status)
    {
        if (serve.File is not null)
            return base.Read(vassal, out error, out status);
        (error, status) = (default, default);
        return System.Text.Encoding.UTF8.GetBytes(string.Join('\0', serve.Arguments));
    }

    /// <inheritdoc/>
    public override void Follow(LinkHints hints) { }

    // A file that is taken away does not end what was asked for by hand.
    /// <inheritdoc/>
    public override FileStamp? LookAt(string vassal, List<string> troubles) => base.LookAt(vassal, troubles) ?? _stamp;

    /// <inheritdoc/>
    protected override bool ScanAll(List<SeenFile> files, List<string> troubles)
    {
        if (serve.File is not null && Look(serve.Name, PathOf(serve.Name), null, troubles) is { } seen)
            _stamp = seen;
        files.Add(new SeenFile(serve.Name, _stamp));
        return true;
    }
}
