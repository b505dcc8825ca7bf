using System.Runtime.InteropServices;
using System.Text;

namespace Emperor.Linux;

/// <summary>What to start and what it gets. Whatever is not named here it does not get.</summary>
public sealed class SpawnRequest
{
    /// <summary>The program's path; not searched for.</summary>
    public required string Program { get; init; }

    /// <summary>All arguments, the program's name first.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The whole environment, as NAME=VALUE.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>Makes the bytes of arguments and environment; UTF-8 unless somebody carries bytes in strings that are not.</summary>
    public Func<string, byte[]> Encode { get; init; } = Encoding.UTF8.GetBytes;

    /// <summary>The folder it starts in; null is ours.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>The descriptors that become its 0, 1, 2, 3 …; all others are closed.</summary>
    public required IReadOnlyList<int> Descriptors { get; init; }

    /// <summary>Its soft limit of open descriptors; null is ours.</summary>
    public ulong? SoftDescriptorLimit { get; init; }

    /// <summary>Whether it is the first process of a process namespace of its own (pid_namespaces(7)); asks for CAP_SYS_ADMIN.</summary>
    public bool NewProcessNamespace { get; init; }
}

/// <summary>
/// Overview: posix_spawn and nothing else, because fork() in a managed process is undefined and posix_spawn is 3.7 times faster besides.
/// The child leads its own session and process group, has every signal at its default and unmasked, and its parent-death signal (if a
/// program in front of it sets one) is bound to the thread that spawns: so call this on the main thread, or leave it to a
/// <see cref="Spawner"/>.
/// </summary>
public static unsafe class Spawn
{
    // sizeof posix_spawnattr_t is 336 and sizeof posix_spawn_file_actions_t 80 with glibc on 64 bit; a test asks the C compiler.
    internal const int AttributesSize = 336;
    internal const int ActionsSize = 80;
    internal const int SignalSetSize = 128;

    /// <summary>Starts a process.</summary>
    /// <returns>The process, or null and why not: the error of the program's exec() is told here too.</returns>
    public static PidRef? Start(SpawnRequest request, out Errno error)
    {
        error = Start(request, request.Descriptors, out var pid);
        return error.Number == 0 ? Refer(pid, out error) : null;
    }

    /// <summary>Starts a process with descriptors that stand in for those that the request names.</summary>
    /// <returns>Why not.</returns>
    internal static Errno Start(SpawnRequest request, IReadOnlyList<int> descriptors, out int pid)
    {
        var attributes = stackalloc byte[AttributesSize];
        var actions = stackalloc byte[ActionsSize];
        _ = Native.SpawnAttributesInit(attributes);
        _ = Native.SpawnActionsInit(actions);
        var arguments = new NativeStrings(request.Arguments, request.Encode);
        var environment = new NativeStrings(request.Environment, request.Encode);
        pid = 0;
        try
        {
            SetSignalsAndSession(attributes);
            var error = AddActions(actions, descriptors, request.WorkingDirectory);
            if (error.Number != 0)
                return error;
            var started = 0;
            var lowered = LowerDescriptorLimit(request.SoftDescriptorLimit, out var ours);
            using (var home = request.NewProcessNamespace ? ProcessNamespace.Leave(out error) : null)
            {
                if (error.Number == 0)
                    error = new Errno(
                        Native.PosixSpawn(&started, request.Program, actions, attributes, arguments.Pointer, environment.Pointer)
                    );
            }
            if (lowered)
                _ = Self.SetDescriptorLimit(ours.Soft, ours.Hard);
            pid = started;
            return error;
        }
        finally
        {
            arguments.Free();
            environment.Free();
            _ = Native.SpawnActionsDestroy(actions);
            _ = Native.SpawnAttributesDestroy(attributes);
        }
    }

    /// <summary>A reference to a child that has just been started.</summary>
    /// <returns>Null when no descriptor is left for it: then it is killed, because a process that cannot be watched must not live.</returns>
    internal static PidRef? Refer(int pid, out Errno error)
    {
        var process = PidRef.Open(pid, out error);
        if (process is not null)
            return process;
        _ = Native.Kill(-pid, Signals.Kill);
        _ = Children.Reap(pid);
        return null;
    }

    /// <summary>Executes a program in this very process, with its arguments and environment; the descriptors stay as they are.</summary>
    /// <returns>Why not.</returns>
    public static Errno Replace(SpawnRequest request)
    {
        var arguments = new NativeStrings(request.Arguments, request.Encode);
        var environment = new NativeStrings(request.Environment, request.Encode);
        _ = Native.ExecVe(request.Program, arguments.Pointer, environment.Pointer);
        var error = Errno.Last;
        arguments.Free();
        environment.Free();
        return error;
    }

    private static void SetSignalsAndSession(byte* attributes)
    {
        var set = stackalloc byte[SignalSetSize];
        _ = Native.SigFillSet(set);
        _ = Native.SpawnAttributesSetDefaultSignals(attributes, set);
        _ = Native.SigEmptySet(set);
        _ = Native.SpawnAttributesSetSignalMask(attributes, set);
        _ = Native.SpawnAttributesSetFlags(attributes, Constants.SpawnSetSid | Constants.SpawnSetSigDef | Constants.SpawnSetSigMask);
    }

    private static Errno AddActions(byte* actions, IReadOnlyList<int> descriptors, string? folder)
    {
        var error = 0;
        var sources = descriptors.ToArray();
        // One that is still wanted when its number has been given to another is put out of the way first.
        var spare = sources.Length;
        for (var i = 0; i < sources.Length && error == 0; i++)
        {
            if (sources[i] >= i)
                continue;
            while (descriptors.Contains(spare))
                spare++;
            error = Native.SpawnActionsAddDup2(actions, sources[i], spare);
            sources[i] = spare++;
        }
        for (var i = 0; i < sources.Length && error == 0; i++)
            error = Native.SpawnActionsAddDup2(actions, sources[i], i);
        if (error == 0)
            error = Native.SpawnActionsAddCloseFrom(actions, descriptors.Count);
        if (error == 0 && folder is not null)
            error = Native.SpawnActionsAddChangeDirectory(actions, folder);
        return new Errno(error);
    }

    // The runtime raises our own soft limit at start; a child gets what it would have got from a shell. Lowered for the moment of the
    // spawn only: there is no other way to hand a limit to a child before its first instruction without a program in between.
    private static bool LowerDescriptorLimit(ulong? soft, out (ulong Soft, ulong Hard) ours)
    {
        ours = Self.DescriptorLimit();
        return soft is { } wanted && wanted < ours.Soft && Self.SetDescriptorLimit(wanted, ours.Hard).Number == 0;
    }

    /// <summary>A null-terminated array of C strings in one block of native memory.</summary>
    private readonly ref struct NativeStrings
    {
        internal NativeStrings(IReadOnlyList<string> strings, Func<string, byte[]> encode)
        {
            var encoded = new byte[strings.Count][];
            var size = (nuint)(strings.Count + 1) * (nuint)sizeof(byte*);
            for (var i = 0; i < encoded.Length; i++)
            {
                encoded[i] = encode(strings[i]);
                size += (nuint)encoded[i].Length + 1;
            }
            Pointer = (byte**)NativeMemory.Alloc(size);
            var next = (byte*)(Pointer + strings.Count + 1);
            for (var i = 0; i < encoded.Length; i++)
            {
                Pointer[i] = next;
                encoded[i].CopyTo(new Span<byte>(next, encoded[i].Length));
                next[encoded[i].Length] = 0;
                next += encoded[i].Length + 1;
            }
            Pointer[strings.Count] = null;
        }

        internal byte** Pointer { get; }

        internal void Free() => NativeMemory.Free(Pointer);
    }
}
