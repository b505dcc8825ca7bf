using System.Globalization;
using System.Text;
using Emperor.Core.Configuration;
using Emperor.Core.Hooks;
using Emperor.Core.Programs;

namespace Emperor.Servers;

/// <summary>What must happen to a process between its start and its program.</summary>
internal sealed record ChainRequest
{
    /// <summary>The program, by its path, and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>What it may use.</summary>
    public LimitRules Limits { get; init; } = LimitRules.None;

    /// <summary>Its namespaces and hooks.</summary>
    public JailRequest Jail { get; init; } = JailRequest.None;

    /// <summary>The folder of the cgroup that it joins; null for none.</summary>
    public string? CGroup { get; init; }

    /// <summary>Who it becomes; null when it stays the emperor's user.</summary>
    public ProgramIdentity? Identity { get; init; }

    /// <summary>
    /// What its file asks for is done with no more rights than the identity's own (--emperor-tyrant): the user changes before niceness, limits and
    /// the like are set, and not after.
    /// </summary>
    public bool IsOwned { get; init; }

    /// <summary>The numbers of the capabilities that it may ever have; null for all.</summary>
    public IReadOnlyList<int>? CapabilityBounds { get; init; }

    /// <summary>Whether the emperor, which is not root, has lent capabilities to what it starts, for the change of the user.</summary>
    public bool HasLentCapabilities { get; init; }

    /// <summary>The folder that it goes to as who it is then; null when it is started there.</summary>
    public string? Folder { get; init; }

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
/// and the process's own number. Hooks run in the first one, or, where they must not have the emperor's rights, in the last.
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

    // Empty until it is written, at once. Half a minute is far more than that takes.
    private const string AwaitUsersScript = """
        n=0
        until read -r _ </proc/self/uid_map; do
            n=$((n + 1))
            [ $n -lt 3000 ] || fail "emperor-use-clone = user: the emperor has not mapped its users"
            sleep 0.01
        done

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
        var jail = request.Jail;
        var mounts = limits.PrivateTmp || limits.ReadOnlyPaths.Count > 0;
        AddJoined(chain, jail);
        AddNamespaces(chain, jail, mounts, limits.PrivateTmp ? "private-tmp" : "read-only");
        if (mounts || request.CGroup is not null || jail.FirstHooks.Length > 0)
            chain.Add("sh", "limits, hooks", "-c", OuterScript(request, mounts ? chain.Find("mount", "private-tmp, read-only") : ""), "sh");
        if (request.IsOwned)
        {
            AddUsers(chain, jail);
            AddRights(chain, request);
        }
        if (limits.Nice is { } nice && nice != request.Niceness)
            chain.Add("nice", "nice", "-n", Text(nice - request.Niceness));
        if (limits.OomScoreAdjust is { } score)
            chain.Add("choom", "oom-score-adj", "-n", Text(score), "--");
        if (limits.CpuAffinity is { } processors)
            chain.Add("taskset", "cpu-affinity", "-c", processors);
        AddResourceLimits(chain, request);
        if (!request.IsOwned)
        {
            AddUsers(chain, jail);
            AddRights(chain, request);
        }
        if (InnerScript(request) is { Length: > 0 } script)
            chain.Add("sh", "socket, umask, hooks", "-c", $"{script}exec \"$@\"", "sh");
        failure = chain.Failure;
        return failure.Length > 0 ? null : [.. chain.Words, .. request.Command];
    }

    /// <summary>A word as a shell reads it back.</summary>
    public static string Quote(string word) => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static void AddJoined(Chain chain, JailRequest jail)
    {
        if (jail.Joined == NamespaceKinds.None)
            return;
        var isUser = jail.Joined.HasFlag(NamespaceKinds.Users);
        string[] words =
        [
            $"--target={Text(jail.Beside)}",
            .. isUser ? new[] { "--user", "--preserve-credentials" } : [],
            .. jail.Joined.HasFlag(NamespaceKinds.Network) ? new[] { "--net" } : [],
            .. jail.Joined.HasFlag(NamespaceKinds.Ipc) ? new[] { "--ipc" } : [],
            .. jail.Joined.HasFlag(NamespaceKinds.HostName) ? new[] { "--uts" } : [],
            .. jail.Joined.HasFlag(NamespaceKinds.Mounts) ? new[] { "--mount" } : [],
            "--",
        ];
        chain.Add("nsenter", "emperor-use-clone", words);
    }

    // All but that of processes, which the spawn makes, and that of users.
    private static void AddNamespaces(Chain chain, JailRequest jail, bool mounts, string mountKey)
    {
        var isUser = jail.MapsItself && jail.Kinds.HasFlag(NamespaceKinds.Users);
        string[] kinds =
        [
            .. isUser ? new[] { "--user", "--map-root-user" } : [],
            .. jail.Kinds.HasFlag(NamespaceKinds.Network) ? new[] { "--net" } : [],
            .. jail.Kinds.HasFlag(NamespaceKinds.Ipc) ? new[] { "--ipc" } : [],
            .. jail.Kinds.HasFlag(NamespaceKinds.HostName) ? new[] { "--uts" } : [],
            // What it mounts stays with it, on hosts too where mounts spread to all (systemd's); what the host mounts later it sees.
            .. mounts || jail.Kinds.HasFlag(NamespaceKinds.Mounts) ? new[] { "--mount", "--propagation", "slave" } : [],
        ];
        if (kinds.Length > 0)
            chain.Add("unshare", jail.Kinds == NamespaceKinds.None ? mountKey : "emperor-use-clone", [.. kinds, "--"]);
    }

    // Its own root may change what is copied with it: mounts and names. The emperor maps its users (HookDesk), and it waits for that.
    private static void AddUsers(Chain chain, JailRequest jail)
    {
        if (jail.MapsItself || !jail.Kinds.HasFlag(NamespaceKinds.Users))
            return;
        string[] kinds =
        [
            "--user",
            .. jail.Kinds.HasFlag(NamespaceKinds.HostName) ? new[] { "--uts" } : [],
            .. jail.Kinds.HasFlag(NamespaceKinds.Mounts) ? new[] { "--mount", "--propagation", "unchanged" } : [],
        ];
        chain.Add("unshare", "emperor-use-clone", [.. kinds, "--"]);
        chain.Add("sh", "emperor-use-clone", "-c", $"{Fail}{AwaitUsersScript}exec \"$@\"", "sh");
    }

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
        if (request.CapabilityBounds is { } bounds)
            words.Add($"--bounding-set=-all,+setpcap{string.Concat(bounds.Select(b => $",+{CapabilityNames.NameOf(b)}"))}");
        if (request.HasLentCapabilities)
            words.AddRange(["--inh-caps=-all", "--ambient-caps=-all"]);
        if (request.DeathSignal)
            words.AddRange(["--pdeathsig", "KILL"]);
        if (request.Limits.NoNewPrivileges)
            words.Add("--no-new-privs");
        if (words.Count > 0)
            chain.Add(
                "setpriv",
                request.Identity is null ? "no-new-privs, emperor-cap" : "uid, gid, groups, emperor-tyrant",
                [.. words, "--"]
            );
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
        return script.Append(request.Jail.FirstHooks).Append("exec \"$@\"").ToString();
    }

    private static string InnerScript(ChainRequest request)
    {
        var script = new StringBuilder();
        if (request.TakesEnvironment)
            script.Append("unset PATH LC_ALL\n. /proc/self/fd/0 && exec </dev/null || exit 125\n");
        if (request.Folder is { } folder)
            script.Append(CultureInfo.InvariantCulture, $"cd -- {Quote(folder)} || exit 125\n");
        if (request.Umask is { } mask)
            script.Append(CultureInfo.InvariantCulture, $"umask {Convert.ToString(mask, 8).PadLeft(4, '0')}\n");
        foreach (var name in request.PidVariables)
            script.Append(CultureInfo.InvariantCulture, $"export {name}=$$\n");
        return script.Append(request.Jail.LastHooks).ToString();
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
