using Emperor.Linux;

namespace Emperor.Monitors;

/// <summary>Where relative paths start.</summary>
/// <param name="OfPatterns">The folder that the emperor was started in.</param>
/// <param name="OfFolders">The one that --chdir has led to.</param>
internal sealed record StartFolders(string OfPatterns, string OfFolders);

/// <summary>
/// Makes the monitor that an --emperor asks for: dir://FOLDER, glob://PATTERN, a pattern, a file, or else a folder, which need not be there
/// yet (uWSGI takes a missing folder for a pattern and never sees it).
/// </summary>
internal static class MonitorFactory
{
    private const string FolderScheme = "dir://";
    private const string PatternScheme = "glob://";

    /// <summary>Whether what was asked for is the same wherever the emperor stands.</summary>
    public static bool IsAbsolute(string argument) =>
        argument.StartsWith('/')
        || argument.StartsWith($"{FolderScheme}/", StringComparison.Ordinal)
        || argument.StartsWith($"{PatternScheme}/", StringComparison.Ordinal);

    /// <summary>Makes one.</summary>
    /// <param name="index">Its place on the command line.</param>
    /// <param name="argument">What was asked for.</param>
    /// <param name="folders">Where relative paths start.</param>
    /// <param name="noFollow">--emperor-nofollow.</param>
    /// <param name="names">Which names are vassals'.</param>
    /// <param name="failure">Why not, when null is returned.</param>
    public static FileMonitor? Create(
        int index,
        string argument,
        StartFolders folders,
        bool noFollow,
        VassalNames names,
        out string failure
    )
    {
        failure = "";
        if (argument.StartsWith(FolderScheme, StringComparison.Ordinal))
            return Folder(argument[FolderScheme.Length..]);
        if (argument.StartsWith(PatternScheme, StringComparison.Ordinal))
            return Pattern(argument[PatternScheme.Length..]);
        if (argument.Trim('/').Length == 0)
        {
            failure = $"emperor = {argument}: no folder and no pattern; such as emperor = /etc/uwsgi/vassals";
            return null;
        }
        if (argument.Contains("://", StringComparison.Ordinal))
        {
            failure = $"emperor = {argument}: there is no such monitor; use a folder, dir://FOLDER, a pattern or glob://PATTERN";
            return null;
        }
        var path = Absolute(argument, folders.OfFolders);
        if (FileStatus.Get(path, follow: true, out var status).Number == 0)
            return status.Kind == FileKind.Directory ? Folder(argument) : Pattern(argument);
        return GlobMonitor.IsPattern(argument) || names.IsVassal(argument) ? Pattern(argument) : Folder(argument);

        static string Absolute(string p, string start) => p.StartsWith('/') ? p : $"{start}/{p}";

        FolderMonitor Folder(string p)
        {
            var folder = Path.TrimEndingDirectorySeparator(Absolute(p, folders.OfFolders));
            return new FolderMonitor(index, argument, folder, noFollow, names);
        }

        GlobMonitor Pattern(string p) => new(index, argument, p, folders.OfPatterns, noFollow, names);
    }
}
