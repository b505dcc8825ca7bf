using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Emperor.Core.Configuration;

namespace Emperor.Core.Programs;

/// <summary>Tells whether a running process would have been started in another way by another plan.</summary>
internal static class LaunchDigest
{
    /// <summary>The SHA-256, in small hexadecimal digits, of all that a process is given when it starts.</summary>
    public static string Of(ProgramPlan plan)
    {
        // A line a thing; its length before each text, so that no two plans have one text.
        var text = new StringBuilder();
        Add(text, "exec", plan.Exec);
        Add(text, "folder", plan.Folder);
        Add(text, "user", plan.User);
        Add(text, "group", plan.Group);
        Add(text, "groups", plan.Groups);
        Add(text, "umask", plan.Umask);
        Add(text, "env", plan.Environment);
        Add(text, "env-file", plan.EnvironmentFiles);
        Add(text, "socket", [.. plan.Sockets.Select(s => s.Address)]);
        Add(text, "name", [.. plan.Sockets.Select(s => s.Name)]);
        Add(text, "reuse-port", plan.Sockets.Any(s => s.ReusePort));
        // What its environment says of the ways to talk to the emperor.
        Add(text, "ready", plan.Ready.Way);
        Add(text, "watchdog", plan.Watchdog);
        var limits = plan.Limits;
        Add(text, "memory", $"{limits.MemoryMax}/{limits.MemoryHigh}");
        Add(text, "cpu", $"{limits.CpuMax}/{limits.CpuAffinity}");
        Add(text, "tasks", limits.TasksMax);
        Add(text, "io", limits.IoWeight);
        Add(text, "files", limits.OpenFiles);
        Add(text, "as", limits.AddressSpace);
        Add(text, "nice", limits.Nice);
        Add(text, "oom", limits.OomScoreAdjust);
        Add(text, "flags", $"{limits.NoNewPrivileges}/{limits.PrivateTmp}");
        Add(text, "read-only", limits.ReadOnlyPaths);
        if (plan.Wsgi is { } wsgi)
        {
            Add(text, "wsgi", wsgi.Options);
            Add(text, "protocols", wsgi.Protocols);
        }
        return Convert.ToHexStringLower(SHA256.HashData(ConfigText.Encode(text.ToString())));
    }

    private static void Add(StringBuilder text, string name, object? value)
    {
        var shown = Convert.ToString(value, CultureInfo.InvariantCulture);
        text.Append(CultureInfo.InvariantCulture, $"{name} {(value is null ? "-" : $"{shown!.Length}:{shown}")}\n");
    }

    private static void Add(StringBuilder text, string name, IReadOnlyList<string>? values)
    {
        Add(text, name, values?.Count);
        foreach (var value in values ?? [])
            Add(text, name, value);
    }
}
