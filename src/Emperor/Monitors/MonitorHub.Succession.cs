using Emperor.Core.Monitoring;
using Emperor.Core.Succession;

namespace Emperor.Monitors;

// How what is known of files passes from one emperor to the next.
internal sealed partial class MonitorHub
{
    /// <summary>A vassal's file as it was last acted on; null when it has none, or none that was acted on.</summary>
    public FileLegacy? LegacyOf(string vassal) =>
        _census.ToldOf(vassal) is not var (monitor, stamp)
            ? null
            : new FileLegacy(_monitors[monitor].Argument, stamp)
            {
                Owner = _ownerOf.GetValueOrDefault(vassal),
                IsExecuted = _executed.Contains(vassal),
                Unreadable = _unreadable.GetValueOrDefault(vassal),
            };

    private Census Inherit(IReadOnlyList<VassalLegacy> legacy)
    {
        var files = new List<(string Name, int Monitor, FileStamp Stamp)>();
        foreach (var vassal in legacy)
        {
            if (vassal.File is not { } file)
                continue;
            // A file of an --emperor that is no more is the first one's, which does not find it: so it is gone.
            var monitor = _monitors.FirstOrDefault(m => m.Argument == file.Monitor)?.Index ?? 0;
            files.Add((vassal.Name, monitor, file.Stamp));
            _monitorOf[vassal.Name] = monitor;
            if (file.Owner is { } owner)
                _ownerOf[vassal.Name] = owner;
            if (file.IsExecuted)
                _executed.Add(vassal.Name);
            if (file.Unreadable is { } reason)
                _unreadable[vassal.Name] = reason;
        }
        return new Census(files);
    }
}
