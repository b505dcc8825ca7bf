using Emperor.Core.Configuration;

namespace Emperor.Core.Programs;

/// <summary>A key of the section [emperor].</summary>
/// <param name="Name">Its name: uWSGI's where that has one for the same thing, else systemd's.</param>
/// <param name="Repeats">It may stand more than once, and adds up.</param>
/// <param name="NotForUwsgi">Why it cannot stand beside a section [uwsgi], and what to do; null when it can.</param>
internal sealed record ProgramKey(string Name, bool Repeats = false, string? NotForUwsgi = null);

/// <summary>The keys of the section [emperor].</summary>
internal static class ProgramKeys
{
    private const string UwsgisOwn = "uwsgi, which the section [uwsgi] makes of this vassal, has that option itself; move it to [uwsgi]";
    private const string ByChannel = "a uwsgi vassal is told over its channel; remove it";
    private const string ByCode = "a uwsgi vassal says by its exit code whether it is started again; remove it";
    private const string ByOption = "which uwsgi vassals are on demand is said by the emperor's --emperor-on-demand-…; remove it";

    public static IReadOnlyList<ProgramKey> All { get; } =
    [
        new("exec", NotForUwsgi: "the section [uwsgi] makes this vassal a uwsgi; remove one of the two"),
        new("chdir", NotForUwsgi: UwsgisOwn),
        new("uid", NotForUwsgi: UwsgisOwn),
        new("gid", NotForUwsgi: UwsgisOwn),
        new("groups", NotForUwsgi: "uwsgi has add-gid for it; use that in [uwsgi]"),
        new("umask", NotForUwsgi: UwsgisOwn),
        new("env", Repeats: true, NotForUwsgi: UwsgisOwn),
        new("env-file", Repeats: true, NotForUwsgi: "uwsgi has env and for-readline for it; use these in [uwsgi]"),
        new("socket", Repeats: true, NotForUwsgi: UwsgisOwn),
        new("chmod-socket", NotForUwsgi: UwsgisOwn),
        new("chown-socket", NotForUwsgi: UwsgisOwn),
        new("listen", NotForUwsgi: UwsgisOwn),
        new("reuse-port", NotForUwsgi: UwsgisOwn),
        new("processes", NotForUwsgi: UwsgisOwn),
        new("stop-signal", NotForUwsgi: ByChannel),
        new("server"),
        new("stop-timeout"),
        new("reload", NotForUwsgi: ByChannel),
        new("ready"),
        new("ready-timeout"),
        new("restart", NotForUwsgi: ByCode),
        new("success-exit-status", NotForUwsgi: ByCode),
        new("on-demand", NotForUwsgi: ByOption),
        new("idle", NotForUwsgi: UwsgisOwn),
        new("health"),
        new("health-interval"),
        new("health-timeout"),
        new("health-failures"),
        new("watchdog", NotForUwsgi: "uwsgi sends no WATCHDOG=1; remove it, or use health"),
        new("memory-max"),
        new("memory-high"),
        new("cpu-max"),
        new("tasks-max"),
        new("io-weight"),
        new("limit-nofile"),
        new("limit-as"),
        new("nice"),
        new("oom-score-adj"),
        new("cpu-affinity"),
        new("no-new-privs"),
        new("private-tmp"),
        new("read-only", Repeats: true),
        new("after", Repeats: true),
    ];

    // What others call the same, without signs and capitals.
    private static readonly Dictionary<string, string> OtherNames = new(StringComparer.Ordinal)
    {
        ["command"] = "exec",
        ["cmd"] = "exec",
        ["execstart"] = "exec",
        ["cwd"] = "chdir",
        ["directory"] = "chdir",
        ["workingdirectory"] = "chdir",
        ["user"] = "uid",
        ["group"] = "gid",
        ["addgid"] = "groups",
        ["supplementarygroups"] = "groups",
        ["environment"] = "env",
        ["environmentfile"] = "env-file",
        ["listenstream"] = "socket",
        ["socketmode"] = "chmod-socket",
        ["socketowner"] = "chown-socket",
        ["backlog"] = "listen",
        ["workers"] = "processes",
        ["numprocs"] = "processes",
        ["killsignal"] = "stop-signal",
        ["stopsignal"] = "stop-signal",
        ["stopwaitsecs"] = "stop-timeout",
        ["timeoutstopsec"] = "stop-timeout",
        ["timeoutstartsec"] = "ready-timeout",
        ["autorestart"] = "restart",
        ["exitcodes"] = "success-exit-status",
        ["watchdogsec"] = "watchdog",
        ["cpuquota"] = "cpu-max",
        ["taskmax"] = "tasks-max",
        ["limitnproc"] = "tasks-max",
        ["nonewprivileges"] = "no-new-privs",
        ["oomscoreadjust"] = "oom-score-adj",
        ["readonlypaths"] = "read-only",
        ["depends"] = "after",
        ["dependson"] = "after",
    };

    private static readonly Dictionary<string, ProgramKey> ByName = All.ToDictionary(key => key.Name, StringComparer.Ordinal);

    /// <summary>The key of exactly this name, or null.</summary>
    public static ProgramKey? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Whether no placeholder may have this name: it is a key, or stands for a descriptor in exec.</summary>
    public static bool IsTaken(string name) => ByName.ContainsKey(name) || name == "fd" || name.StartsWith("fd:", StringComparison.Ordinal);

    /// <summary>Whether a word steers the reading, and is no key: conditions, loops, includes, placeholders.</summary>
    public static bool IsForReader(string name) =>
        name is "ini" or "include" or "set" or "set-placeholder" or "set-ph" or "end" or "ifenv" or "ifexists" or "ifplugin" or "ifdir"
        || name is "for" or "endfor" or "endif"
        || name.StartsWith("for-", StringComparison.Ordinal)
        || name.StartsWith("if-", StringComparison.Ordinal)
        || name is "end-for" or "end-if";

    /// <summary>The key that others call so, or spell so; null when there is none.</summary>
    public static string? Meant(string word)
    {
        var plain = Plain(word);
        return OtherNames.GetValueOrDefault(plain) ?? All.FirstOrDefault(key => Plain(key.Name) == plain)?.Name;
    }

    /// <summary>The key that a word is most like; null when none is near.</summary>
    public static string? Nearest(string word)
    {
        string? nearest = null;
        var limit = EditDistance.Tolerance(word);
        foreach (var key in All)
        {
            var distance = EditDistance.Between(word, key.Name, limit);
            if (distance > limit || (distance == limit && nearest is not null))
                continue;
            (nearest, limit) = (key.Name, distance);
        }
        return nearest;
    }

    private static string Plain(string word) =>
        word.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
}
