using System.Globalization;

namespace Emperor.Core.Sockets;

/// <summary>A descriptor that the service manager says it has handed over.</summary>
/// <param name="Fd">Its number.</param>
/// <param name="Name">Its name (FileDescriptorName= of a .socket unit).</param>
public readonly record struct HandedOver(int Fd, string Name);

/// <summary>Reads what a service manager tells of the sockets that it has bound before (sd_listen_fds(3)).</summary>
public static class ListenFds
{
    /// <summary>The variables of the protocol; no child of ours may believe that they are meant for it.</summary>
    public static IReadOnlyList<string> Variables { get; } = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"];

    // SD_LISTEN_FDS_START
    private const int First = 3;

    // All that a service manager can tell the names of, in one variable.
    private const int Most = 65_536;

    // What sd_listen_fds_with_names(3) calls those without a name.
    private const string Nameless = "unknown";

    /// <summary>The descriptors that are meant for this process.</summary>
    /// <param name="environment">Where the variables are.</param>
    /// <param name="pid">This process's number, as LISTEN_PID must say it.</param>
    /// <param name="problem">What is wrong with them, for a warning; null when nothing is, or they are not for us.</param>
    public static IReadOnlyList<HandedOver> Read(IReadOnlyDictionary<string, string> environment, int pid, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(environment);
        problem = null;
        // It may have been meant for a process from which we came.
        if (!IsNumber(environment, "LISTEN_PID", out var addressee) || addressee != pid)
            return [];
        if (!IsNumber(environment, "LISTEN_FDS", out var count) || count > Most)
        {
            problem =
                $"LISTEN_FDS is \"{environment.GetValueOrDefault("LISTEN_FDS")}\", not a number from 0 to {Most}; no socket is taken over";
            return [];
        }
        var names = environment.GetValueOrDefault("LISTEN_FDNAMES")?.Split(':');
        if (names is not null && names.Length != count)
            problem = $"LISTEN_FDNAMES has {names.Length} names for {count} sockets; those without one are called {Nameless}";
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new HandedOver(First + i, i < names?.Length && names[i].Length > 0 ? names[i] : Nameless)),
        ];
    }

    /// <summary>
    /// A name without what systemd adds when nobody has chosen one: FileDescriptorName= is the unit's name by default, such as shop.socket.
    /// </summary>
    public static string Plain(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        const string unit = ".socket";
        return name.Length > unit.Length && name.EndsWith(unit, StringComparison.Ordinal) ? name[..^unit.Length] : name;
    }

    private static bool IsNumber(IReadOnlyDictionary<string, string> environment, string name, out int number)
    {
        number = 0;
        return environment.TryGetValue(name, out var text)
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
