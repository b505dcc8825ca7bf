using Emperor.Core.Configuration;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Tyrant;

namespace Emperor;

/// <summary>What looks for vassals' files.</summary>
internal sealed partial class Startup
{
    private MonitorHub Hub(List<FileMonitor> monitors, EventLoop loop, OwnerEye? eye, Action reopen, EmperorLog log)
    {
        var manner = new FileManner
        {
            MagicExec = settings.MagicExec,
            SendsConfiguration = settings.SendsConfiguration,
            Attributes = settings.Attributes,
        };
        var interval = Math.Max(100, (long)settings.ScanInterval.TotalMilliseconds);
        var hub = new MonitorHub(monitors, loop, log, interval, manner, _inheritance.Legacy.Vassals) { OnTouched = reopen, Tyrant = eye };
        foreach (var path in settings.TouchLogReopen)
            hub.WatchTouch(Path.GetFullPath(path));
        return hub;
    }

    // Whether it would look for its vassals in the same folders wherever it stands.
    private bool HasFixedFolders => settings.Serve is null && settings.Monitors.All(MonitorFactory.IsAbsolute);

    private bool TryMakeMonitors(EmperorLog log, out List<FileMonitor> monitors)
    {
        monitors = [];
        var names = new VassalNames(settings.ExtraExtensions, settings.OnDemandExtension);
        if (settings.Serve is { } serve)
        {
            monitors.Add(new ServeMonitor(serve, Environment.CurrentDirectory, names));
            return true;
        }
        foreach (var argument in settings.Monitors)
        {
            // As uWSGI: a folder is looked for where chdir has led, a pattern where the emperor was started.
            var folders = new StartFolders(settings.WorkingDirectory, Environment.CurrentDirectory);
            if (MonitorFactory.Create(monitors.Count, argument, folders, settings.NoFollow, names, out var failure) is not { } monitor)
            {
                Fail(log, StartFailure.Configuration(failure));
                return false;
            }
            monitors.Add(monitor);
        }
        return true;
    }
}
