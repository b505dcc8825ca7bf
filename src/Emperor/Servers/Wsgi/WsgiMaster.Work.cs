using Emperor.Core.Stats;

namespace Emperor.Servers.Wsgi;

// What the workers have done, for those who ask.
internal sealed partial class WsgiMaster
{
    private readonly Dictionary<string, long> _harakiri = new(StringComparer.Ordinal);

    /// <summary>What the workers of each vassal have done.</summary>
    public Dictionary<string, WorkCounts> Work()
    {
        var work = new Dictionary<string, WorkCounts>(StringComparer.Ordinal);
        foreach (var (vassal, slots) in _slots)
        {
            var (requests, exceptions, busy) = slots.Total();
            work.Add(vassal, new WorkCounts(requests, exceptions, busy, _harakiri.GetValueOrDefault(vassal)));
        }
        return work;
    }
}
