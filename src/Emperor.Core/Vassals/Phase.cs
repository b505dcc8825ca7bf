namespace Emperor.Core.Vassals;

/// <summary>Where a vassal stands. The prose is above <see cref="VassalMachine"/>.</summary>
public enum Phase
{
    /// <summary>On demand: it has no process, and gets one by the first connection to its socket.</summary>
    Waiting,

    /// <summary>It has no process, and gets one when the vassals are ready that it is to be started after.</summary>
    Held,

    /// <summary>Spawned; it does not accept requests yet.</summary>
    Starting,

    /// <summary>It accepts requests.</summary>
    Running,

    /// <summary>Told to reload; it has not said that it accepts requests again.</summary>
    Reloading,

    /// <summary>It closed its end of the channel and lives on. It is given some time to die.</summary>
    Cursed,

    /// <summary>Told to stop. It is given some time to die.</summary>
    Stopping,

    /// <summary>Sent SIGKILL; its end has not been seen yet.</summary>
    Killing,

    /// <summary>It has no process; the next is spawned at the deadline.</summary>
    Backoff,

    /// <summary>It has no process and gets none until its file changes.</summary>
    Resting,

    /// <summary>It has no process because its file is not one that could run.</summary>
    Refused,

    /// <summary>It has no process and no file: it is forgotten.</summary>
    Gone,
}

/// <summary>What follows the end of a process that was told, or made, to end.</summary>
public enum Aftermath
{
    /// <summary>A new process, after the delay that its failure earns.</summary>
    Recover,

    /// <summary>A new process at once: its file went and came back meanwhile.</summary>
    StartAnew,

    /// <summary>Nothing until the file changes; on demand, until the next connection.</summary>
    Rest,

    /// <summary>Nothing: the file is gone, or the emperor leaves.</summary>
    Forget,
}
