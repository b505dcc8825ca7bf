using System.Globalization;

namespace Emperor.Core.Configuration;

/// <summary>The capabilities of the kernel (linux/capability.h), which uWSGI names without CAP_ and in small letters (core/utils.c, uwsgi_cap).</summary>
public static class CapabilityNames
{
    // In the order of their numbers, from 0.
    private static readonly string[] Names =
    [
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
    ];

    /// <summary>The number of a name, with or without CAP_, or of a number; null for what is neither.</summary>
    public static int? NumberOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return number < Names.Length ? number : null;
        var name = text.StartsWith("cap_", StringComparison.OrdinalIgnoreCase) ? text[4..] : text;
        var index = Array.FindIndex(Names, n => string.Equals(n, name, StringComparison.OrdinalIgnoreCase));
        return index < 0 ? null : index;
    }

    /// <summary>The name of a number.</summary>
    public static string NameOf(int number) => Names[number];
}
