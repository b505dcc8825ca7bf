using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

/// <summary>What the exit codes of the built-in server's workers mean (WORKER.md, "Messages").</summary>
public static class WorkerEnd
{
    /// <summary>A limit of its own is reached.</summary>
    public const int Limit = 17;

    /// <summary>The app could not be loaded.</summary>
    public const int NoApp = 22;

    /// <summary>The configuration is refused.</summary>
    public const int Refused = 78;

    /// <summary>The end of a process, in words that say what its exit code means.</summary>
    /// <param name="end">The end.</param>
    /// <param name="plan">What it was started with.</param>
    public static ProcessEnd Named(ProcessEnd end, ProgramPlan plan)
    {
        ArgumentNullException.ThrowIfNull(end);
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Wsgi is null || end.Signaled)
            return end;
        var meaning = end.Code switch
        {
            Limit => "a limit of its own is reached",
            NoApp => "its app cannot be loaded",
            Refused => "it cannot follow its configuration",
            _ => null,
        };
        return meaning is null ? end : end with { Words = $"{end.Words}: {meaning}" };
    }
}
