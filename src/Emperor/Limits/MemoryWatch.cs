using System.Globalization;
using Emperor.Linux;
using Emperor.Logging;
using Serilog.Events;

namespace Emperor.Limits;

/// <summary>
/// Overview: tells at once that the kernel has killed a process of a vassal's for want of memory. Of a worker, whose master starts the next one, nobody
/// else would say a word. The kernel counts in memory.events of each group, and tells inotify when it does; one instance serves all groups, and is made
/// for the first one that has such a file. Where there is none, it is told when the vassal's process itself has ended.
/// </summary>
internal sealed class MemoryWatch(EventLoop loop, EmperorLog log) : IDisposable
{
    private readonly Dictionary<int, (string Vassal, VassalCGroup Group)> _byWatch = [];
    private readonly Dictionary<VassalCGroup, int> _byGroup = [];
    private readonly List<InotifyEvent> _events = [];
    private Inotify? _inotify;

    /// <summary>Watches a group.</summary>
    public void Watch(string vassal, VassalCGroup group)
    {
        if (!group.CountsKills || (_inotify ??= Open()) is not { } inotify)
            return;
        var watch = inotify.Watch($"{group.Folder}/{VassalCGroup.MemoryEvents}", InotifyWatch.Content, out _);
        if (watch < 0)
            return;
        _byWatch[watch] = (vassal, group);
        _byGroup[group] = watch;
    }

    /// <summary>Watches it no more.</summary>
    public void Unwatch(VassalCGroup group)
    {
        if (!_byGroup.Remove(group, out var watch))
            return;
        _byWatch.Remove(watch);
        _inotify!.Unwatch(watch);
    }

    /// <summary>The loop has seen that something was counted.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    public void Hear(long now)
    {
        _inotify?.Read(_events);
        foreach (var group in _events.Exists(e => e.Overflow) ? _byWatch.Keys : _events.Select(e => e.Watch).Distinct())
        {
            if (!_byWatch.TryGetValue(group, out var watched) || watched.Group.TakeKills(now) is not (> 0 and var count))
                continue;
            var which =
                count == 1 ? "one of its processes was" : string.Create(CultureInfo.InvariantCulture, $"{count} of its processes were");
            log.Vassal(LogEventLevel.Warning, "oom", watched.Vassal, $"{which} killed by the kernel: {watched.Group.MemoryWords}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_inotify is { } inotify)
            loop.Remove(inotify.Fd);
        _inotify?.Dispose();
    }

    // Null when no instance (fs.inotify.max_user_instances) or no room in epoll is left.
    private Inotify? Open()
    {
        var inotify = Inotify.Create(out _);
        if (inotify is null)
            return null;
        try
        {
            loop.Add(inotify.Fd, Token.Make(TokenKind.Memory, 0));
            return inotify;
        }
        catch (LinuxException)
        {
            inotify.Dispose();
            return null;
        }
    }
}
