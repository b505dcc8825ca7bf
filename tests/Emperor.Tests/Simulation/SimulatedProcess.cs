using Emperor.Core.Monitoring;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>One process of the simulated kernel, and what the invariants want to know of it.</summary>
internal sealed class SimulatedProcess(string vassal, int incarnation, int pid, Character character)
{
    public string Vassal { get; } = vassal;
    public int Incarnation { get; } = incarnation;
    public int Pid { get; } = pid;
    public Character Character { get; set; } = character;

    /// <summary>Counts changes of its mind: what it meant to do before the last one it does not do.</summary>
    public int Mind { get; set; }

    /// <summary>How it has ended; null while it lives.</summary>
    public ProcessEnd? End { get; set; }

    /// <summary>Whether the kernel tells that it has ended.</summary>
    public bool IsEndVisible { get; set; }

    /// <summary>Whether its end is open.</summary>
    public bool IsChannelOpen { get; set; } = true;

    /// <summary>Whether the emperor has been told that it is not.</summary>
    public bool IsHangupTold { get; set; }

    /// <summary>What it has said and the emperor has not heard yet.</summary>
    public List<byte> Said { get; } = [];

    /// <summary>The file that it has read last.</summary>
    public FileStamp? Read { get; set; }

    /// <summary>A reload that it was told and has not obeyed.</summary>
    public bool HasUnreadReload { get; set; }

    /// <summary>It accepts connections.</summary>
    public bool IsServing { get; set; }

    /// <summary>It was told to stop.</summary>
    public bool IsToldToStop { get; set; }

    /// <summary>When its tolerance is over; null when it may live for ever.</summary>
    public long? MayLiveUntil { get; set; }

    /// <summary>When the next heartbeat is overdue; null before the first.</summary>
    public long? HeartbeatDue { get; set; }

    /// <summary>It was sent SIGKILL.</summary>
    public bool IsKilled { get; set; }

    /// <summary>How often it was buried.</summary>
    public int Burials { get; set; }

    public override string ToString() => $"{Vassal}#{Incarnation}";
}
