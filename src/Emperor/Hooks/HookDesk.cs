using System.Globalization;
using Emperor.Core.Configuration;
using Emperor.Core.Hooks;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Processes;
using Emperor.Servers;
using Serilog.Events;

namespace Emperor.Hooks;

/// <summary>
/// Overview: the hooks that run beside the vassals, as the emperor's user: as-emperor when a process of a vassal has been started,
/// --vassals-stop-hook when one has ended, and those of the emperor itself. uWSGI waits for each of them with all that it has to do. Here each is a process of
/// its own that the loop watches: those of one vassal run one after another, those of different vassals side by side. A vassal is not
/// started again before the hook of its end is done. A hook that takes too long is killed with its process group. On the main thread only.
/// </summary>
internal sealed class HookDesk(
    HookSettings hooks,
    IReadOnlyDictionary<string, string> environment,
    EventLoop loop,
    ProcessKeeper processes,
    ChainTools tools,
    EmperorLog log,
    bool isSuccessor
) : IDisposable
{
    /// <summary>How many run at once; at the end of the emperor that is how many vassals' hooks run side by side.</summary>
    private const int MostAtOnce = 512;
    private const int ChunkSize = 4096;
    private const int LastChunks = 16;

    // All numbers but the last one, which no user has.
    private const string MapUsersScript = """
        n=0
        while [ "/proc/$1/ns/user" -ef /proc/self/ns/user ]; do
            n=$((n + 1))
            if [ $n -lt 300 ]; then sleep 0.01; else sleep 0.2; fi
        done
        echo 0 0 4294967295 >"/proc/$1/gid_map" && echo 0 0 4294967295 >"/proc/$1/uid_map"
        """;

    private readonly long _limit = (long)hooks.Limit.TotalMilliseconds;
    private readonly Dictionary<string, Queue<HookRound>> _rounds = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _waiting = new();
    private readonly Dictionary<long, HookRun> _running = [];
    private readonly SafeFd _null = Files.OpenNull();
    private readonly byte[] _chunk = new byte[ChunkSize];
    private long _lastId;

    /// <summary>Whether the emperor maps the users of vassals' namespaces (--emperor-use-clone user).</summary>
    public bool MapsUsers { get; init; }

    /// <summary>What is known of a vassal, for its hooks.</summary>
    public required Func<string, HookContext> Describe { get; init; }

    /// <summary>Whether any is running or waiting.</summary>
    public bool IsBusy => _rounds.Count > 0;

    /// <summary>Whether the hooks of the emperor's start are done, and have not failed: only then there may be vassals.</summary>
    public bool IsOpen { get; private set; } = hooks.EmperorStart.Count == 0 || isSuccessor;

    /// <summary>Whether a hook of the emperor's start has failed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>When the first of those that run has run out of its time, monotonic milliseconds; null when none runs.</summary>
    public long? NextDue => _running.Values.Where(r => !r.Round.IsQuiet).Min(r => (long?)r.Started) + _limit;

    /// <summary>Runs the hooks of the emperor's start.</summary>
    public void Open()
    {
        if (!IsOpen)
            Add("", OfEmperor(hooks.EmperorStart, ended => (IsOpen, HasFailed) = (ended, !ended), endsWithFailure: true));
    }

    /// <summary>Runs hooks of the emperor as a vassal of another emperor: hook-emperor-stop, -reload or -lost.</summary>
    public void OfLord(IReadOnlyList<HookAction> actions)
    {
        if (actions.Count > 0)
            Add("", OfEmperor(actions, null, endsWithFailure: false));
    }

    /// <summary>A process of a vassal has been started.</summary>
    public void Started(string vassal, int pid)
    {
        if (MapsUsers)
            // Not behind its hooks: it waits for this, which ends with it.
            Add(MapKey(vassal, pid), new HookRound(vassal, [MapUsers(pid)], "/") { IsQuiet = true });
        if (hooks.AsEmperor.Count > 0)
            Add(vassal, OfVassal(vassal, pid, hooks.AsEmperor, isEnd: false));
    }

    /// <summary>A process of a vassal has ended.</summary>
    public void Ended(string vassal, int pid)
    {
        if (MapsUsers && _running.Values.FirstOrDefault(r => r.Key == MapKey(vassal, pid)) is { } map)
        {
            Stop(map);
            Finish(map.Key, map.Round);
        }
        if (hooks.AfterVassal.Count > 0)
            Add(vassal, OfVassal(vassal, pid, hooks.AfterVassal, isEnd: true));
    }

    /// <summary>Whether a hook of the end of a process of a vassal's is not done.</summary>
    public bool IsEnding(string vassal) => _rounds.TryGetValue(vassal, out var rounds) && rounds.Any(r => r.IsEnd);

    /// <summary>The loop has seen output, or the end, of one.</summary>
    public void Hear(long id)
    {
        // Both of its descriptors have its number, and after the first of them it may be gone.
        if (!_running.TryGetValue(id, out var run))
            return;
        Read(run);
        if (!run.Process.HasEnded(out var status))
            return;
        // Its last words, which are no more than what a pipe holds.
        for (var i = 0; i < LastChunks; i++)
            Read(run);
        Release(run);
        var isGood = status is { Signaled: false, Code: 0 };
        Tell(run, $"ended with {status} after {Seconds(Environment.TickCount64 - run.Started)}", isGood);
        Next(run.Key, run.Round, isGood);
    }

    /// <summary>Ends those whose time is up.</summary>
    public void Turn(long now)
    {
        foreach (var run in _running.Values.Where(r => !r.Round.IsQuiet && r.Started + _limit <= now).ToArray())
        {
            Read(run);
            Stop(run);
            Tell(run, $"has not ended after {Seconds(_limit)}, and was killed", isGood: false);
            Next(run.Key, run.Round, isGood: false);
        }
    }

    /// <summary>Ends all of them: the emperor waits no longer.</summary>
    public void Abandon()
    {
        foreach (var run in _running.Values.ToArray())
        {
            Stop(run);
            Tell(run, "was killed, because the emperor waits no longer", isGood: false);
        }
        var left = _rounds.Values.SelectMany(r => r).ToArray();
        _rounds.Clear();
        _waiting.Clear();
        foreach (var round in left)
            round.Done?.Invoke(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var run in _running.Values.ToArray())
            Stop(run);
        _null.Dispose();
    }

    private HookRound OfVassal(string vassal, int pid, IReadOnlyList<HookAction> actions, bool isEnd)
    {
        var context = Describe(vassal);
        return new HookRound(vassal, actions, context.Folder)
        {
            Context = context,
            Pid = pid,
            IsEnd = isEnd,
        };
    }

    private static HookRound OfEmperor(IReadOnlyList<HookAction> actions, Action<bool>? done, bool endsWithFailure) =>
        new(null, actions, Environment.CurrentDirectory) { Done = done, EndsWithFailure = endsWithFailure };

    private static HookAction MapUsers(int pid) =>
        new("emperor-use-clone = user", "", HookVerb.Script, [MapUsersScript, pid.ToString(CultureInfo.InvariantCulture)]);

    private static string MapKey(string vassal, int pid) => string.Create(CultureInfo.InvariantCulture, $"{vassal}\0{pid}");

    private void Add(string key, HookRound round)
    {
        if (!_rounds.TryGetValue(key, out var rounds))
            _rounds[key] = rounds = new Queue<HookRound>();
        rounds.Enqueue(round);
        if (rounds.Count == 1)
            Begin(key);
    }

    private void Begin(string key)
    {
        if (_running.Count < MostAtOnce)
            StepOn(key, _rounds[key].Peek());
        else
            _waiting.AddLast(key);
    }

    // Does what the emperor does itself, up to the next process or the end.
    private void StepOn(string key, HookRound round)
    {
        while (round.Actions.TryDequeue(out var action))
        {
            if (TryStart(key, round, action) is not { } failure)
                return;
            if (failure.Length == 0)
                continue;
            Say(round, $"{action.Name} {failure}", isGood: false);
            if (!Goes(round, isGood: false))
                break;
        }
        Finish(key, round);
    }

    private void Finish(string key, HookRound round)
    {
        var rounds = _rounds[key];
        _ = rounds.Dequeue();
        if (rounds.Count == 0)
            _rounds.Remove(key);
        round.Done?.Invoke(!round.HasFailed);
        if (rounds.Count > 0)
            Begin(key);
    }

    private void Next(string key, HookRound round, bool isGood)
    {
        if (Goes(round, isGood))
            StepOn(key, round);
        else
            Finish(key, round);
        while (_running.Count < MostAtOnce && _waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            StepOn(first.Value, _rounds[first.Value].Peek());
        }
    }

    private static bool Goes(HookRound round, bool isGood)
    {
        round.HasFailed |= !isGood;
        return isGood || !round.EndsWithFailure;
    }

    // Null when a process does it, empty when it is done, else why not.
    private string? TryStart(string key, HookRound round, HookAction action)
    {
        switch (action.Verb)
        {
            case HookVerb.ChangeDirectory:
                var folder = Path.GetFullPath(action.Arguments[0], round.Folder);
                if (!Directory.Exists(folder))
                    return $"leads to no folder ({folder})";
                round.Folder = folder;
                return "";
            case HookVerb.SetVariable:
                round.Set(action.Arguments[0]);
                return "";
            case HookVerb.Print:
                Say(round, action.Arguments[0], isGood: true);
                return "";
            default:
                try
                {
                    return Start(key, round, action);
                }
                catch (LinuxException e)
                {
                    return $"cannot be started: {e.Message}";
                }
        }
    }

    private string? Start(string key, HookRound round, HookAction action)
    {
        var missing = "";
        string Find(string name)
        {
            var path = tools.Find(name);
            missing = path is null ? name : missing;
            return path ?? name;
        }
        var words = HookScripts.Command(action, round.Context ?? new HookContext("", round.Folder, null, null), Find);
        if (missing.Length > 0 || words is null)
            return $"needs {missing}, which is not installed";
        var (read, write) = Files.CreateOutputPipe();
        using (write)
        {
            var process = processes.StartHelper(
                new SpawnRequest
                {
                    Program = words[0],
                    Arguments = words,
                    Environment = round.Environment(environment),
                    Encode = ConfigText.Encode,
                    WorkingDirectory = Directory.Exists(round.Folder) ? round.Folder : "/",
                    Descriptors = [_null.Number, write.Number, write.Number],
                },
                out var slot,
                out var error
            );
            if (process is null)
            {
                read.Dispose();
                return $"cannot be started: {error}";
            }
            Watch(new HookRun(++_lastId, key, round, action, process, slot, read, Environment.TickCount64));
            return null;
        }
    }

    private void Watch(HookRun run)
    {
        _running.Add(run.Id, run);
        try
        {
            loop.Add(run.Output.Number, Token.Make(TokenKind.Hook, run.Id));
            loop.Add(run.Process.Fd, Token.Make(TokenKind.Hook, run.Id));
        }
        catch (LinuxException)
        {
            Stop(run);
            throw;
        }
    }

    private void Read(HookRun run)
    {
        if (!run.IsTalking)
            return;
        var error = Files.Read(run.Output, _chunk, out var count);
        if (error == Errno.Again || error == Errno.Interrupted)
            return;
        if (error.Number == 0 && count > 0)
        {
            foreach (var line in run.Lines.Take(_chunk, count))
                Say(run.Round, $"{run.Action.Name}: {line}", isGood: true);
            return;
        }
        // It has closed its output, and may live on.
        run.IsTalking = false;
        loop.Remove(run.Output.Number);
    }

    private void Stop(HookRun run)
    {
        Forget(run);
        processes.EndHelper(run.Process, run.GuardSlot);
    }

    // What it has started in the background lives on, as with uWSGI, until the emperor leaves.
    private void Release(HookRun run)
    {
        Forget(run);
        processes.ReleaseHelper(run.Process, run.GuardSlot);
    }

    private void Forget(HookRun run)
    {
        _running.Remove(run.Id);
        if (run.IsTalking)
            loop.Remove(run.Output.Number);
        loop.Remove(run.Process.Fd);
        run.Output.Dispose();
    }

    private void Tell(HookRun run, string words, bool isGood)
    {
        if (run.Lines.End() is { } last)
            Say(run.Round, $"{run.Action.Name}: {last}", isGood: true);
        if (!isGood || !run.Round.IsQuiet)
            Say(run.Round, $"{run.Action.Name} {words}", isGood);
    }

    private void Say(HookRound round, string text, bool isGood)
    {
        var level = isGood ? LogEventLevel.Information : LogEventLevel.Warning;
        var word = isGood ? "hook" : "hook-failed";
        if (round.Vassal is { } vassal)
            log.Vassal(level, word, vassal, text);
        else
            log.Say(level, word, text);
    }

    private static string Seconds(long milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.##} s");
}
