using Emperor.Core.Configuration;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Monitors;

namespace Emperor;

/// <summary>What can be seen, before anything is done, of whether an emperor could start with its settings.</summary>
internal sealed partial class Startup
{
    /// <summary>Why an emperor could not start with these settings, as far as it can be seen without doing anything.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="leaves">
    /// What the emperor leaves that would become this one in the same process, with the rights that it has now; null where one starts that has all of its own.
    /// </param>
    /// <returns>A sentence; null when nothing speaks against it.</returns>
    public static string? WhyNot(EmperorSettings settings, EmpireLegacy? leaves = null)
    {
        var folder = settings.WorkingDirectory;
        return WhyNotFolder("chdir", settings.ChangeDirectory, ref folder)
            ?? WhyNotUser(settings, isLeap: leaves is not null)
            ?? WhyNotFolder("chdir2", settings.ChangeDirectoryLater, ref folder)
            ?? WhyNotMonitors(settings, folder)
            ?? (leaves is null ? null : WhyNotWritten(settings, leaves));
    }

    private static string? WhyNotFolder(string option, string? path, ref string folder)
    {
        if (path is null)
            return null;
        folder = Path.GetFullPath(path, folder);
        return Directory.Exists(folder) ? null : $"{option} = {path}: there is no such folder, or the emperor's user may not enter it";
    }

    private static string? WhyNotUser(EmperorSettings settings, bool isLeap)
    {
        Errno error = default;
        var user = settings.User is { } u ? Find(u, out error) : null;
        if (settings.User is not null && user is null && error.Number == 0)
            return NoUser(settings.User);
        var group = settings.Group switch
        {
            null => user?.Gid,
            { Id: { } id } => (uint?)id,
            var g => Accounts.GroupByName(g.Text, out error),
        };
        if (settings.Group is not null && group is null && error.Number == 0)
            return NoGroup(settings.Group);
        // It would lose rights with which its vassals were started, and never get them back.
        if (isLeap && Self.IsRoot && (user is { Uid: not 0 } || (group is not null and not 0)))
            return $"uid = {settings.User?.Text ?? "0"}, gid = {settings.Group?.Text ?? "0"}: the emperor runs as root, and becomes another user only by a restart";
        return null;
    }

    private static string? WhyNotMonitors(EmperorSettings settings, string folder)
    {
        var names = new VassalNames(settings.ExtraExtensions, settings.OnDemandExtension);
        var folders = new StartFolders(settings.WorkingDirectory, folder);
        foreach (var argument in settings.Monitors)
        {
            if (MonitorFactory.Create(0, argument, folders, settings.NoFollow, names, out var failure) is null)
                return failure;
        }
        return null;
    }

    // What was open stays so, whatever the rights to open it are by now.
    private static string? WhyNotWritten(EmperorSettings settings, EmpireLegacy leaves)
    {
        var log = settings.Daemonize ?? settings.DaemonizeLater ?? settings.LogTo ?? settings.LogToLater;
        if (!string.IsNullOrEmpty(log) && Path.GetFullPath(log, settings.WorkingDirectory) is var path && path != leaves.Log?.Path)
        {
            if (log.Contains(':', StringComparison.Ordinal))
                return NoUdp(log);
            if (!Self.MayWrite(Path.GetDirectoryName(path) ?? "/"))
                return $"logto = {log}: the emperor's user may not write there, or there is no such folder";
        }
        if (settings.VassalLogDirectory is { } directory)
        {
            var existing = Path.GetFullPath(directory, settings.WorkingDirectory);
            while (!Path.Exists(existing) && Path.GetDirectoryName(existing) is { } above)
                existing = above;
            if (!Directory.Exists(existing))
                return $"vassal-log-dir = {directory}: {existing} is no folder; name another";
            if (!Self.MayWrite(existing))
                return $"vassal-log-dir = {directory}: the emperor's user may not write there; give him the folder, or name another";
        }
        if (settings.MaxOpenFiles is { } files && !Self.IsRoot && Self.DescriptorLimit().Hard < (ulong)files)
            return $"max-fd = {files}: the emperor has no right any more to have more than {Self.DescriptorLimit().Hard}; that takes a restart";
        return null;
    }

    private static string NoUser(AccountReference user) => $"uid = {user.Text}: there is no such user; make it, or name another";

    private static string NoGroup(AccountReference group) => $"gid = {group.Text}: there is no such group; make it, or name another";

    private static string NoUdp(string path) => $"logto = {path}: logging to a UDP address is not supported; name a file";
}
