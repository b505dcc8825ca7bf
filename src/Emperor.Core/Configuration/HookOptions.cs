namespace Emperor.Core.Configuration;

/// <summary>The options of hooks, as a part of <see cref="SupportedOptions"/>.</summary>
internal static class HookOptions
{
    public static readonly SupportedOption[] All =
    [
        new(OptionGroup.Hooks, "vassals-start-hook", "PROGRAM", "run with the vassal's name before each start of a vassal, in its process"),
        new(OptionGroup.Hooks, "vassals-stop-hook", "PROGRAM", "run with the vassal's name after each end of a vassal"),
        new(
            OptionGroup.Hooks,
            "exec-as-vassal",
            "COMMAND",
            "run in the vassal's process before its program; a failure ends it; repeatable"
        ),
        new(OptionGroup.Hooks, "exec-as-emperor", "COMMAND", "run as the emperor when a vassal has been started; repeatable"),
        new(
            OptionGroup.Hooks,
            "hook-as-vassal",
            "ACTION:ARGUMENT",
            "the same as exec-as-vassal with an action: exec, mount, umount, hostname, cd, putenv, write, mkdir, ...; repeatable"
        ),
        new(OptionGroup.Hooks, "hook-as-emperor", "ACTION:ARGUMENT", "the same as exec-as-emperor with an action; repeatable"),
        new(
            OptionGroup.Hooks,
            "mount-as-vassal",
            "TYPE WHAT WHERE",
            "mount in the vassal's process before its program, with flags and data behind; repeatable"
        ),
        new(OptionGroup.Hooks, "umount-as-vassal", "WHERE", "unmount there, with flags (force, detach, rec) behind; repeatable"),
        new(
            OptionGroup.Hooks,
            "mount-as-emperor",
            "TYPE WHAT WHERE",
            "mount where the emperor is when a vassal has been started; repeatable"
        ),
        new(OptionGroup.Hooks, "umount-as-emperor", "WHERE", "unmount there; repeatable"),
        new(
            OptionGroup.Hooks,
            "hook-emperor-start",
            "ACTION:ARGUMENT",
            "before the first vassal; when it fails, the emperor does not start; repeatable"
        ),
        new(OptionGroup.Hooks, "hook-emperor-stop", "ACTION:ARGUMENT", "when the emperor's own emperor tells it to stop; repeatable"),
        new(OptionGroup.Hooks, "hook-emperor-reload", "ACTION:ARGUMENT", "when that tells it to reload; repeatable"),
        new(OptionGroup.Hooks, "hook-emperor-lost", "ACTION:ARGUMENT", "when that is gone; repeatable"),
        new(OptionGroup.Hooks, "emperor-hook-timeout", "SECONDS", "how long each of these may take before it is killed (60)")
        {
            Own = true,
        },
    ];
}
