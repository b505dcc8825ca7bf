using System.Globalization;
using System.Text;
using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Linux;
using Emperor.Servers;

namespace Emperor.Probes;

/// <summary>What a command has come to.</summary>
/// <param name="Id">The number it was asked for with.</param>
/// <param name="Failure">Why it counts as failed, such as "exit 1: no answer"; null when it has ended with 0.</param>
internal readonly record struct CommandResult(long Id, string? Failure);

/// <summary>
/// Overview: the commands that tell whether a vassal is ready, or well. Each runs beside the loop as its vassal does (folder, user, environment), a few at a
/// time, and is killed with its session when its time is up. The last line that it prints goes into the reason when it fails. No vassal holds up another:
/// who has the fewest running is next, and what takes long gives up its place (there are never more than two a process of a vassal's). On the main thread.
/// </summary>
internal sealed class CommandProbes(EventLoop loop, ProbeWorld world) : IDisposable
{
    /// <summary>How many run at once, those not counted that take longer than <see cref="LongestTurn"/>.</summary>
    public const int MostAtOnce = 16;

    /// <summary>After so long another one may begin beside one that still runs, milliseconds.</summary>
    public const long LongestTurn = 3_000;

    private const int LongestOutput = 1024;
    private const int LongestWords = 200;

    private readonly Dictionary<long, Run> _running = [];
    private readonly LinkedList<Asked> _queue = new();
    private readonly List<CommandResult> _results = [];

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue =>
        _results.Count > 0 ? 0
        : _running.Count == 0 ? null
        : _running.Values.Min(r => _queue.Count > 0 && r.HoldsPlace ? Math.Min(r.Deadline, r.TurnEnds) : r.Deadline);

    /// <summary>How many run now.</summary>
    public int RunningNow => _running.Count;

    /// <summary>Runs a command.</summary>
    /// <param name="id">The number of the question; none that is used twice.</param>
    /// <param name="vassal">The vassal.</param>
    /// <param name="pid">Its main process.</param>
    /// <param name="plan">How that was started.</param>
    /// <param name="words">The command.</param>
    /// <param name="limit">How long it may take, milliseconds.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public void Ask(long id, string vassal, int pid, ProgramPlan plan, IReadOnlyList<string> words, long limit, long now)
    {
        _queue.AddLast(new Asked(id, vassal, pid, plan, words, limit));
        StartNext(now);
    }

    /// <summary>Forgets a question, and ends its command.</summary>
    public void Cancel(long id)
    {
        _results.RemoveAll(r => r.Id == id);
        if (_running.TryGetValue(id, out var run))
            End(run);
        for (var node = _queue.First; node is not null; node = node.Next)
        {
            if (node.Value.Id != id)
                continue;
            _queue.Remove(node);
            return;
        }
    }

    /// <summary>The loop has seen output, or the end, of one.</summary>
    public void Hear(long id)
    {
        // Both of its descriptors have its number, and after the first of them it may be gone.
        if (!_running.TryGetValue(id, out var run))
            return;
        if (run.IsTalking)
            Read(run);
        if (run.Process.HasEnded(out var status))
            Finish(run, status is { Signaled: false, Code: 0 } ? null : $"{status}{LastLine(run)}");
    }

    /// <summary>Ends those whose time is up, starts the next, and hands over the results.</summary>
    public void TakeResults(long now, List<CommandResult> results)
    {
        foreach (var run in _running.Values.Where(r => r.Deadline <= now).ToArray())
            Finish(
                run,
                string.Create(CultureInfo.InvariantCulture, $"not ended after {run.Limit / 1000.0:0.###} s, and killed{LastLine(run)}")
            );
        foreach (var run in _running.Values.Where(r => r.TurnEnds <= now))
            run.HoldsPlace = false;
        StartNext(now);
        results.AddRange(_results);
        _results.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Clear();
        foreach (var run in _running.Values.ToArray())
            End(run);
    }

    private void Read(Run run)
    {
        Span<byte> chunk = stackalloc byte[LongestOutput];
        var error = Files.Read(run.Output, chunk, out var count);
        if (error == Errno.Again || error == Errno.Interrupted)
            return;
        if (error.Number != 0 || count == 0)
        {
            // It has closed its output and lives on.
            run.IsTalking = false;
            loop.Remove(run.Output.Number);
            return;
        }
        // The end of it is what is kept.
        run.Text.Append(Encoding.UTF8.GetString(chunk[..count]));
        if (run.Text.Length > LongestOutput)
            run.Text.Remove(0, run.Text.Length - LongestOutput);
    }

    private static string LastLine(Run run)
    {
        var line =
            run.Text.ToString().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
        if (line.Length > LongestWords)
            line = line[..LongestWords] + "…";
        return line.Length == 0 ? "" : $": {PlainText.OneLine(line)}";
    }

    private void StartNext(long now)
    {
        while (_queue.Count > 0 && _running.Values.Count(r => r.HoldsPlace) < MostAtOnce)
        {
            var next = TakeNext();
            try
            {
                if (Start(next, now) is { } failure)
                    _results.Add(new CommandResult(next.Id, failure));
            }
            catch (LinuxException e)
            {
                _results.Add(new CommandResult(next.Id, $"cannot be started: {e.Message}"));
            }
        }
    }

    private Asked TakeNext()
    {
        var counts = _running.Values.CountBy(r => r.Vassal).ToDictionary(StringComparer.Ordinal);
        var next = _queue.MinBy(a => counts.GetValueOrDefault(a.Vassal))!;
        _queue.Remove(next);
        return next;
    }

    private string? Start(Asked asked, long now)
    {
        var (read, write) = Files.CreateOutputPipe();
        using (write)
        {
            string[] about = [$"EMPEROR_VASSAL={asked.Vassal}", string.Create(CultureInfo.InvariantCulture, $"MAINPID={asked.Pid}")];
            var launch = new ProgramLaunch
            {
                Plan = asked.Plan with { Environment = [.. asked.Plan.Environment, .. about], Sockets = [], Watchdog = null },
                Command = asked.Words,
                Hooks = world.Describe?.Invoke(asked.Vassal),
                Beside = asked.Pid,
                Output = write,
            };
            using var prepared = world.Prepare(launch, out var failure);
            if (prepared is null)
            {
                read.Dispose();
                return failure;
            }
            if (world.StartCommand(prepared.Request, out var slot, out var error) is not { } process)
            {
                read.Dispose();
                return $"cannot be started: {error}";
            }
            Watch(new Run(asked.Id, asked.Vassal, process, slot, read, asked.Limit, now));
            return null;
        }
    }

    private void Watch(Run run)
    {
        _running.Add(run.Id, run);
        try
        {
            loop.Add(run.Output.Number, Token.Make(TokenKind.ProbeCommand, run.Id));
            loop.Add(run.Process.Fd, Token.Make(TokenKind.ProbeCommand, run.Id));
        }
        catch (LinuxException)
        {
            End(run);
            throw;
        }
    }

    private void Finish(Run run, string? failure)
    {
        End(run);
        _results.Add(new CommandResult(run.Id, failure));
    }

    private void End(Run run)
    {
        _running.Remove(run.Id);
        loop.Remove(run.Output.Number);
        loop.Remove(run.Process.Fd);
        run.Output.Dispose();
        world.EndCommand(run.Process, run.GuardSlot);
    }

    private sealed record Asked(long Id, string Vassal, int Pid, ProgramPlan Plan, IReadOnlyList<string> Words, long Limit);

    private sealed class Run(long id, string vassal, PidRef process, int guardSlot, SafeFd output, long limit, long now)
    {
        internal long Id { get; } = id;
        internal string Vassal { get; } = vassal;
        internal PidRef Process { get; } = process;
        internal int GuardSlot { get; } = guardSlot;
        internal SafeFd Output { get; } = output;
        internal long Limit { get; } = limit;
        internal long Deadline { get; } = now + limit;
        internal long TurnEnds { get; } = now + LongestTurn;
        internal bool HoldsPlace { get; set; } = true;
        internal StringBuilder Text { get; } = new();
        internal bool IsTalking { get; set; } = true;
    }
}
