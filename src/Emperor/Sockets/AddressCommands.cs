using Emperor.Core.Configuration;
using Emperor.Core.Sockets;
using Emperor.Linux;
using Emperor.Processes;

namespace Emperor.Sockets;

/// <summary>What a command has said about a vassal's socket.</summary>
/// <param name="Vassal">The vassal.</param>
/// <param name="Address">What it printed; empty when nothing.</param>
/// <param name="Failure">Why there is no answer; null when there is one.</param>
internal sealed record CommandAnswer(string Vassal, string Address, string? Failure);

/// <summary>
/// Overview: --emperor-on-demand-exec. The command runs beside the loop, a few at a time, for each vassal that is new or has changed; what it prints
/// until it ends is its answer. It has a time limit and a limit of bytes, and is killed with its session at either.
///
/// <para>uWSGI puts the vassal's name into the command line for the shell to read; here it is the shell's $1 behind it, which is the same
/// word for every name, and never a command.</para>
/// </summary>
internal sealed class AddressCommands(string command, string[] environment, EventLoop loop, ProcessKeeper processes) : IDisposable
{
    /// <summary>How long a command may take, milliseconds.</summary>
    public const long Patience = 10_000;

    private const int MostAtOnce = 8;
    private const string Shell = "/bin/sh";

    private readonly Dictionary<long, Run> _running = [];
    private readonly LinkedList<(string Vassal, string Folder)> _queue = new();
    private readonly List<CommandAnswer> _answers = [];
    private readonly SafeFd _null = Files.OpenNull();
    private long _lastId;

    /// <summary>Whether an answer is still to come.</summary>
    public bool IsBusy => _running.Count + _queue.Count + _answers.Count > 0;

    /// <summary>When the first of those that run has run out of its time, monotonic milliseconds; null when none runs.</summary>
    public long? NextDue =>
        _answers.Count > 0 ? 0
        : _running.Count == 0 ? null
        : _running.Values.Min(r => r.Deadline);

    /// <summary>Asks about a vassal. An earlier question about it is forgotten.</summary>
    public void Ask(string vassal, string folder, long now)
    {
        Cancel(vassal);
        _queue.AddLast((vassal, folder));
        StartNext(now);
    }

    /// <summary>Forgets a question.</summary>
    public void Cancel(string vassal)
    {
        _answers.RemoveAll(a => a.Vassal == vassal);
        for (var node = _queue.First; node is not null; node = node.Next)
        {
            if (node.Value.Vassal != vassal)
                continue;
            _queue.Remove(node);
            break;
        }
        if (_running.Values.FirstOrDefault(r => r.Vassal == vassal) is { } run)
            End(run);
    }

    /// <summary>The loop has seen output, or the end, of one.</summary>
    public void Hear(long id)
    {
        // Both of its descriptors have its number, and after the first of them it may be gone.
        if (!_running.TryGetValue(id, out var run))
            return;
        var count = Files.ReadUntilClosed(run.Output, run.Buffer.AsSpan(run.Length), 0);
        run.Length += count;
        if (run.Length > OnDemandRules.LongestAnswer)
            Answer(run, $"it prints more than {OnDemandRules.LongestAnswer} bytes; let it print an address and end");
        else if (run.Process.HasEnded(out var status))
            Answer(run, Complaint(run, status));
        else if (count == 0)
            // It has closed its output and lives on.
            loop.Remove(run.Output.Number);
    }

    /// <summary>Ends those whose time is up, starts the next, and hands over what has been answered.</summary>
    public void TakeAnswers(long now, List<CommandAnswer> answers)
    {
        foreach (var run in _running.Values.Where(r => r.Deadline <= now).ToArray())
            Answer(run, $"it has not ended after {Patience / 1000} s and was killed; let it print an address and end");
        StartNext(now);
        answers.AddRange(_answers);
        _answers.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Clear();
        foreach (var run in _running.Values.ToArray())
            End(run);
        _null.Dispose();
    }

    // Beyond 125 the shell tells that it could not run it, or which signal ended it (POSIX, Exit Status for Commands). A code below is an answer:
    // grep has one for finding nothing.
    private static string? Complaint(Run run, ExitStatus status) =>
        status.Signaled ? $"it was ended by {status}"
        : status.Code > 125 && run.Length == 0 ? $"it could not be run to its end ({status}); correct --emperor-on-demand-exec"
        : null;

    private void StartNext(long now)
    {
        while (_running.Count < MostAtOnce && _queue.First is { } next)
        {
            _queue.RemoveFirst();
            try
            {
                Start(next.Value.Vassal, next.Value.Folder, now);
            }
            catch (LinuxException e)
            {
                _answers.Add(new CommandAnswer(next.Value.Vassal, "", e.Message));
            }
        }
    }

    private void Start(string vassal, string folder, long now)
    {
        var (read, write) = Files.CreatePipe();
        using (write)
        {
            var process = processes.StartHelper(
                new SpawnRequest
                {
                    Program = Shell,
                    Arguments = ["sh", "-c", $"{command} \"$1\"", "sh", vassal],
                    Environment = environment,
                    Encode = ConfigText.Encode,
                    WorkingDirectory = folder,
                    Descriptors = [_null.Number, write.Number, 2],
                },
                out var slot,
                out var error
            );
            if (process is null)
            {
                read.Dispose();
                _answers.Add(new CommandAnswer(vassal, "", $"{Shell} cannot be started: {error}"));
                return;
            }
            var run = new Run(++_lastId, vassal, process, slot, read, now + Patience);
            _running.Add(run.Id, run);
            try
            {
                loop.Add(read.Number, Token.Make(TokenKind.AddressCommand, run.Id));
                loop.Add(process.Fd, Token.Make(TokenKind.AddressCommand, run.Id));
            }
            catch (LinuxException)
            {
                End(run);
                throw;
            }
        }
    }

    private void Answer(Run run, string? failure)
    {
        End(run);
        _answers.Add(new CommandAnswer(run.Vassal, failure is null ? OnDemandRules.Answer(run.Buffer.AsSpan(0, run.Length)) : "", failure));
    }

    private void End(Run run)
    {
        _running.Remove(run.Id);
        loop.Remove(run.Output.Number);
        loop.Remove(run.Process.Fd);
        run.Output.Dispose();
        processes.EndHelper(run.Process, run.GuardSlot);
    }

    private sealed class Run(long id, string vassal, PidRef process, int guardSlot, SafeFd output, long deadline)
    {
        internal long Id { get; } = id;
        internal string Vassal { get; } = vassal;
        internal PidRef Process { get; } = process;
        internal int GuardSlot { get; } = guardSlot;
        internal SafeFd Output { get; } = output;
        internal long Deadline { get; } = deadline;
        internal byte[] Buffer { get; } = new byte[OnDemandRules.LongestAnswer + 1];
        internal int Length { get; set; }
    }
}
