using System.Collections;
using System.Runtime.InteropServices;

namespace Emperor.Benchmarks;

/// <summary>
/// A program started in a session of its own, with its output in a file. By posix_spawn rather than System.Diagnostics.Process: the time
/// of the exec, the pid and the session are exact, and no shell stands between.
/// </summary>
internal sealed unsafe class LaunchedProcess
{
    private int? status;

    private LaunchedProcess(int pid, long startedAt)
    {
        Pid = pid;
        StartedAt = startedAt;
    }

    public int Pid { get; }

    /// <summary>Taken right before the spawn.</summary>
    public long StartedAt { get; }

    /// <summary>Null while it runs; then words such as "exit code 1" or "signal 9".</summary>
    public string? Ending
    {
        get
        {
            if (status is null && Native.WaitPid(Pid, out var ended, Native.WaitNoHang) == Pid)
                status = ended;
            return status switch
            {
                null => null,
                { } s when (s & 0x7f) == 0 => $"exit code {(s >> 8) & 0xff}",
                { } s => $"signal {s & 0x7f}",
            };
        }
    }

    public void Signal(int signal)
    {
        // Not reaped means that the pid is still ours.
        if (Ending is null)
            _ = Native.Kill(Pid, signal);
    }

    public static LaunchedProcess Start(
        string program,
        IReadOnlyList<string> arguments,
        string log,
        IReadOnlyDictionary<string, string> extra
    )
    {
        var actions = stackalloc byte[Native.OpaqueBytes];
        var attributes = stackalloc byte[Native.OpaqueBytes];
        var signals = stackalloc byte[Native.OpaqueBytes];
        var argv = Strings([program, .. arguments]);
        var environment = Strings(Environment(extra));
        Check(Native.ActionsInit(actions), "posix_spawn_file_actions_init");
        Check(Native.AttributesInit(attributes), "posix_spawnattr_init");
        try
        {
            Check(Native.ActionsAddOpen(actions, 0, "/dev/null", 0, 0), "addopen");
            Check(Native.ActionsAddOpen(actions, 1, log, Native.OpenWriteOnly | Native.OpenCreate | Native.OpenAppend, 0x1a4), "addopen");
            Check(Native.ActionsAddDup2(actions, 1, 2), "adddup2");
            // The runtime ignores SIGPIPE and a shell in the background SIGINT: neither is to be passed on.
            _ = Native.SignalSetFill(signals);
            Check(Native.AttributesSetSignalDefault(attributes, signals), "setsigdefault");
            _ = Native.SignalSetEmpty(signals);
            Check(Native.AttributesSetSignalMask(attributes, signals), "setsigmask");
            Check(
                Native.AttributesSetFlags(attributes, Native.SpawnSetSignalDefault | Native.SpawnSetSignalMask | Native.SpawnSetSession),
                "setflags"
            );
            var startedAt = Clock.Now;
            Check(Native.Spawn(out var pid, program, actions, attributes, argv, environment), $"starting {program}");
            return new LaunchedProcess(pid, startedAt);
        }
        finally
        {
            _ = Native.ActionsDestroy(actions);
            _ = Native.AttributesDestroy(attributes);
            Free(argv);
            Free(environment);
        }
    }

    /// <summary>The harness's environment without what would make an emperor or a vassal behave otherwise.</summary>
    private static IEnumerable<string> Environment(IReadOnlyDictionary<string, string> extra)
    {
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (!name.StartsWith("UWSGI_", StringComparison.Ordinal) && name is not "NOTIFY_SOCKET" && !extra.ContainsKey(name))
                yield return $"{name}={variable.Value}";
        }
        foreach (var (name, value) in extra)
            yield return $"{name}={value}";
    }

    private static byte** Strings(IEnumerable<string> values)
    {
        string[] list = [.. values];
        var block = (byte**)NativeMemory.AllocZeroed((nuint)(list.Length + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < list.Length; i++)
            block[i] = (byte*)Marshal.StringToCoTaskMemUTF8(list[i]);
        return block;
    }

    private static void Free(byte** strings)
    {
        for (var i = 0; strings[i] != null; i++)
            Marshal.FreeCoTaskMem((nint)strings[i]);
        NativeMemory.Free(strings);
    }

    private static void Check(int error, string what)
    {
        if (error != 0)
            throw new BenchmarkException($"{what}: {Marshal.GetPInvokeErrorMessage(error)}");
    }
}
