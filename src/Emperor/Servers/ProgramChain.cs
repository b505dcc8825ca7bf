using System.Globalization;
using System.Text;
using Emperor.Core.Programs;

namespace Emperor.Servers;

/// <summary>What must happen to a process between its start and its program.</summary>
internal sealed record ChainRequest
{
    /// <summary>The program, by its path, and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>What it may use.</summary>
    public LimitRules Limits { get; init; } = LimitRules.None;

    /// <summary>The folder of the cgroup that it joins; null for none.</summary>
    public string? CGroup { get; init; }

    /// <summary>Who it becomes; null when it stays the emperor's user.</summary>
    public ProgramIdentity? Identity { get; init; }

    /// <summary>Its file mode creation mask; null is the emperor's.</summary>
    public int? Umask { get; init; }

    /// <summary>The variables that tell it its own process number (LISTEN_PID, WATCHDOG_PID).</summary>
    public IReadOnlyList<string> PidVariables { get; init; } = [];

    /// <summary>Its standard input is a script that sets its environment, and is to be replaced with /dev/null.</summary>
    public bool TakesEnvironment { get; init; }

    /// <summary>It gets a SIGKILL when the emperor ends (--emperor-death-signal).</summary>
    public bool DeathSignal { get; init; }

    /// <summary>The emperor's own niceness, which it starts with.</summary>
    public int Niceness { get; init; }

    /// <summary>The most processes of its user (RLIMIT_NPROC), where that stands for tasks-max; null for no limit.</summary>
    public long? UserTasks { get; init; }
}

/// <summary>
/// Overview: what must happen between the start of a process and its program is done by standard programs of util-linux and coreutils that
/// execute one another and at last the program, all in the same process; each is there only when it is asked for. The order is that of rights:
/// what only root may do comes before the user changes (mounts, cgroup, a better niceness), and what takes rights away last. The shell is used
/// twice: for what has to be written to a file or mounted, with the emperor's rights; and, as the last one, for the environment, the umask
/// and the process's own number.
/// </summary>
internal static class ProgramChain
{
    // What a program of the chain that could not do its part exits with; the reason stands in the vassal's output.
    private const string Fail = "fail() { echo \"emperor: $1\" >&2; exit 125; }\n";

    // $p is the path. Bound with all below it, every mount there is made read-only; not those that the kernel itself fills.
    private const string ReadOnlyScript = """
        $mount --rbind "$p" "$p" || fail "read-only = $p: it cannot be bound"
        while read -r _ _ _ _ at _; do
            at=$(printf '%b' "$at")
            case $at in "$p" | "${p%/}"/*) ;; *) continue ;; esac
            case $at in /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) [ "$p" = "$at" ] || continue ;; esac
            $mount -o remount,bind,ro "$at" || fail "read-only = $p: $at cannot be made read-only"
        done <<END
        $(cat /proc/self/mountinfo)
        END

        """;

    private const string TmpScript = """
        for at in /tmp /var/tmp; do
            [ ! -d $at ] || $mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs $at || fail "private-tmp: nothing can be mounted at $at"
        done

        """;

    /// <summary>All words, the first a program's path; those of the command alone when nothing is asked for.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="find">Finds a program's path by its name; null when it is not installed.</param>
    /// <param name="failure">When null is returned: what is missing, and what mends it.</param>
    public static IReadOnlyList<string>? Words(ChainRequest request, Func<string, string?> find, out string failure)
    {
        var chain = new Chain(find);
        var limits = request.Limits;
        var mounts = limits.PrivateTmp || limits.ReadOnlyPaths.Count > 0;
        if (mounts)
            chain.Add("unshare", limits.PrivateTmp ? "private-tmp" : "read-only", "--mount", "--propagation", "slave", "--");
        if (mounts || request.CGroup is not null)
            chain.Add("sh", "limits", "-c", OuterScript(request, mounts ? chain.Find("mount", "private-tmp, read-only") : ""), "sh");
        if (limits.Nice is { } nice && nice != request.Niceness)
            chain.Add("nice", "nice", "-n", Text(nice - request.Niceness));
        if (limits.OomScoreAdjust is { } score)
            chain.Add("choom", "oom-score-adj", "-n", Text(score), "--");
        if (limits.CpuAffinity is { } processors)
            chain.Add("taskset", "cpu-affinity", "-c", processors);
        AddResourceLimits(chain, request);
        AddRights(chain, request);
        if (request.TakesEnvironment || request.PidVariables.Count > 0 || request.Umask is not null)
            chain.Add("sh", "socket, umask", "-c", InnerScript(request), "sh");
        failure = chain.Failure;
        return failure.Length > 0 ? null : [.. chain.Words, .. request.Command];
    }

    /// <summary>A word as a shell reads it back.</summary>
    public static string Quote(string word) => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static void AddResourceLimits(Chain chain, ChainRequest request)
    {
        var words = new List<string>();
        if (request.Limits.OpenFiles is { } files)
            words.Add($"--nofile={Text(files)}:{Text(files)}");
        if (request.Limits.AddressSpace is { } bytes)
            words.Add($"--as={Text(bytes)}:{Text(bytes)}");
        if (request.UserTasks is { } tasks)
            words.Add($"--nproc={Text(tasks)}:{Text(tasks)}");
        if (words.Count > 0)
            chain.Add("prlimit", "limit-nofile, limit-as, tasks-max", [.. words]);
    }

    private static void AddRights(Chain chain, ChainRequest request)
    {
        var words = new List<string>();
        if (request.Identity is { } identity)
        {
            if (identity.User is { } user)
                words.Add($"--reuid={Text(user.Uid)}");
            if (identity.Group is { } group)
                words.Add($"--regid={Text(group)}");
            words.Add(
                identity.Groups is { Count: > 0 } groups ? $"--groups={string.Join(',', groups.Select(g => Text(g)))}"
                : identity.Groups is not null || (identity.User is not null && !identity.IsKnown) ? "--clear-groups"
                : identity.User is not null ? "--init-groups"
                : "--keep-groups"
            );
        }
        if (request.DeathSignal)
            words.AddRange(["--pdeathsig", "KILL"]);
        if (request.Limits.NoNewPrivileges)
            words.Add("--no-new-privs");
        if (words.Count > 0)
            chain.Add("setpriv", request.Identity is null ? "no-new-privs" : "uid, gid, groups", [.. words, "--"]);
    }

    private static string OuterScript(ChainRequest request, string mount)
    {
        var script = new StringBuilder(Fail);
        if (request.CGroup is { } group)
            script.Append(
                CultureInfo.InvariantCulture,
                $"echo 0 >{Quote($"{group}/cgroup.procs")} || fail 'its cgroup cannot be joined'\n"
            );
        if (mount.Length > 0)
            script.Append(CultureInfo.InvariantCulture, $"mount={Quote(mount)}\n");
        foreach (var path in request.Limits.ReadOnlyPaths)
            script.Append(CultureInfo.InvariantCulture, $"p={Quote(path)}\n").Append(ReadOnlyScript);
        if (request.Limits.PrivateTmp)
            script.Append(TmpScript);
        return script.Append("exec \"$@\"").ToString();
    }

    private static string InnerScript(ChainRequest request)
    {
        var script = new StringBuilder();
        if (request.TakesEnvironment)
            script.Append("unset PATH LC_ALL\n. /proc/self/fd/0 && exec </dev/null || exit 125\n");
        if (request.Umask is { } mask)
            script.Append(CultureInfo.InvariantCulture, $"umask {Convert.ToString(mask, 8).PadLeft(4, '0')}\n");
        foreach (var name in request.PidVariables)
            script.Append(CultureInfo.InvariantCulture, $"export {name}=$$\n");
        return script.Append("exec \"$@\"").ToString();
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed class Chain(Func<string, string?> find)
    {
        internal List<string> Words { get; } = [];

        internal string Failure { get; private set; } = "";

        internal void Add(string program, string key, params string[] words) => Words.AddRange([Find(program, key), .. words]);

        internal string Find(string program, string key)
        {
            if (find(program) is { } path)
                return path;
            var package =
                program is "nice" ? "coreutils"
                : program is "mount" or "sh" ? "mount, dash"
                : "util-linux";
            Failure = $"{program} is not installed, which {key} asks for; install it (package {package}), or take that out of the file";
            return program;
        }
    }
}
