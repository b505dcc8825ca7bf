using Emperor.Core.Configuration;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using Emperor.Servers;

namespace Emperor;

// What the settings mean for those who start vassals and decide about them.
internal sealed partial class Startup
{
    private LaunchSettings Launching() =>
        new()
        {
            Program = settings.Wrapper ?? settings.BinaryPath ?? "uwsgi",
            Overrides = settings.WrapperOverrides,
            Fallbacks = settings.WrapperFallbacks,
            InheritBefore = settings.VassalInheritsBefore,
            IncludeBefore = settings.VassalIncludesBefore,
            Set = settings.VassalSets,
            Inherit = settings.VassalInherits,
            Include = settings.VassalIncludes,
            ExtraExtensions = settings.ExtraExtensions,
            WrapperAttribute = settings.WrapperAttribute,
            FolderAttribute = settings.FolderAttribute,
            DeathSignal = settings.DeathSignal,
            Tyrant = settings.Tyrant,
            Capabilities = settings.VassalCapabilities,
            Namespaces = settings.Namespaces,
            Hooks = settings.Hooks,
            CapturesOutput = settings.VassalOutput == VassalOutputMode.Capture,
        };

    private EmpirePolicy Policy() =>
        new()
        {
            ReloadsAtOnce = ReloadsAtOnce,
            Broodlord = settings.Broodlord,
            ReloadLimit = (long)settings.ReadyTimeout.TotalMilliseconds,
            Vassal = new VassalPolicy
            {
                Throttle = (long)settings.Throttle.TotalMilliseconds,
                MaxThrottle = (long)settings.MaxThrottle.TotalMilliseconds,
                Blacklist = !settings.NoBlacklist,
                RequiredHeartbeat = (long)settings.RequiredHeartbeat.TotalMilliseconds,
                CurseTolerance = (long)settings.CurseTolerance.TotalMilliseconds,
                Mercy = (long)settings.ReloadMercy.TotalMilliseconds,
                GracefulStop = settings.GracefulShutdown,
                WaitForCommand = settings.WaitForCommand && settings.CommandSocket is not null,
                WaitForCommandIgnored = settings.WaitForCommandIgnored.ToHashSet(StringComparer.Ordinal),
            },
        };
}
