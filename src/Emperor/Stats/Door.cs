using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Succession;

namespace Emperor.Stats;

/// <summary>Where clients come to.</summary>
/// <param name="Listener">What they connect to.</param>
/// <param name="Service">What they get there.</param>
/// <param name="Legacy">What is left of it to the next emperor; null when the service manager hands it over to that.</param>
internal sealed record Door(StreamListener Listener, Service Service, ServantLegacy? Legacy = null)
{
    /// <summary>Closes it.</summary>
    /// <param name="heirlooms">Where it is kept.</param>
    public void Close(Heirlooms heirlooms)
    {
        heirlooms.Drop(Legacy?.Descriptor);
        Listener.Dispose();
    }
}
