using Emperor.Linux;

namespace Emperor.Probes;

/// <summary>What the probing thread is asked to find out: whether a process accepts from its socket, or answers over it.</summary>
/// <param name="Id">Its number, by which the answer names it.</param>
/// <param name="Pid">The vassal's process.</param>
/// <param name="Listener">The socket.</param>
/// <param name="Path">What is asked for by HTTP; null when it is enough that the connection is accepted.</param>
/// <param name="AttemptLimit">How long an answer by HTTP may take, milliseconds.</param>
/// <param name="Deadline">When to give up, monotonic milliseconds; null is never (as long as nobody withdraws the order).</param>
/// <param name="Once">Whether one answer by HTTP is enough, whatever it says; else it is repeated until it is good.</param>
internal sealed record ProbeOrder(long Id, int Pid, ListenerFacts Listener, string? Path, long AttemptLimit, long? Deadline, bool Once);

/// <summary>What an order has come to.</summary>
internal enum ProbeVerdict
{
    /// <summary>The process does what was asked.</summary>
    Good,

    /// <summary>
    /// Somebody does, and had closed the connection before it could be seen who. When the process is the only one that has the socket, it was that one.
    /// </summary>
    GoodOfSomebody,

    /// <summary>It does not, as far as one has come; the order stands unless it was for once.</summary>
    Bad,

    /// <summary>Others have taken every connection until the time was up.</summary>
    TakenByOthers,
}

/// <summary>An answer of the probing thread.</summary>
/// <param name="Id">The order's number.</param>
/// <param name="Verdict">What it has come to.</param>
/// <param name="Reason">Why, when it is <see cref="ProbeVerdict.Bad"/>: a few words, such as "500".</param>
internal readonly record struct ProbeAnswer(long Id, ProbeVerdict Verdict, string Reason);
