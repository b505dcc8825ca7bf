namespace Emperor.Output;

/// <summary>The thread that writes what vassals print. It may wait for a disk, a pipe or the journal; nobody waits for it.</summary>
internal sealed class OutputWriter
{
    private const int StackSize = 256 * 1024;

    private readonly OutputQueue _queue;
    private readonly IOutputSink _sink;
    private readonly Thread _thread;

    /// <summary>Starts it.</summary>
    public OutputWriter(OutputQueue queue, IOutputSink sink)
    {
        _queue = queue;
        _sink = sink;
        _thread = new Thread(Run, StackSize) { IsBackground = true, Name = "output-writer" };
        _thread.Start();
    }

    /// <summary>Waits until all is written, but not longer than that.</summary>
    public void Finish(TimeSpan limit)
    {
        _queue.Complete();
        if (_thread.Join(limit))
            _sink.Dispose();
    }

    private void Run()
    {
        var batch = new OutputBatch();
        while (_queue.Take(ref batch))
            _sink.Write(batch, Lose);
    }

    private void Lose(QueuedLine line) => _queue.CountLost(line.Source, Math.Max(1, line.Lost));
}
