using System.Collections.Concurrent;
using Emperor.Linux;

namespace Emperor.Processes;

/// <summary>
/// Reads marks out of the environments of processes, on a thread of its own: an environment lies in the memory of a process that nobody has
/// to trust, which may make it endless, or make the reader wait for ever. Whoever asks gets the answer later, or never.
/// </summary>
internal sealed class MarkReader(string variable, Action answered) : IDisposable
{
    private const int Limit = 4096;

    private readonly BlockingCollection<PidRef> _questions = new(Limit);
    private readonly ConcurrentQueue<(PidRef Process, string? Mark)> _answers = new();
    private Thread? _thread;

    /// <summary>Asks for the mark of a process. When too many wait already, there will be no answer.</summary>
    public void Ask(PidRef process)
    {
        if (_thread is null)
        {
            _thread = new Thread(Read) { IsBackground = true, Name = "marks" };
            _thread.Start();
        }
        _ = _questions.TryAdd(process);
    }

    /// <summary>The next answer: the mark's value, or null when the process has none.</summary>
    public bool TryTake(out PidRef process, out string? mark)
    {
        var taken = _answers.TryDequeue(out var answer);
        (process, mark) = answer;
        return taken;
    }

    /// <summary>Ends the thread, unless it waits for a process that makes it wait.</summary>
    public void Dispose() => _questions.CompleteAdding();

    private void Read()
    {
        foreach (var process in _questions.GetConsumingEnumerable())
        {
            _answers.Enqueue((process, ProcFs.EnvironmentVariable(process.Pid, variable)));
            answered();
        }
    }
}
