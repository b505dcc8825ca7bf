namespace Emperor.Output;

/// <summary>Where lines are written to, on a thread that may wait for it.</summary>
internal interface IOutputSink : IDisposable
{
    /// <summary>Writes a batch.</summary>
    /// <param name="batch">The lines.</param>
    /// <param name="lost">Told of every line that could not be written.</param>
    void Write(OutputBatch batch, Action<QueuedLine> lost);

    /// <summary>Opens its files anew. For any thread.</summary>
    void Reopen();
}
