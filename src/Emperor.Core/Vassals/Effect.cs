using Emperor.Core.Programs;
using Emperor.Core.Sockets;

namespace Emperor.Core.Vassals;

/// <summary>How much a note matters.</summary>
public enum NoteLevel
{
    /// <summary>For those who look for a fault.</summary>
    Debug,

    /// <summary>The ordinary life of a vassal.</summary>
    Information,

    /// <summary>Somebody should look at it.</summary>
    Warning,

    /// <summary>Something does not run that should.</summary>
    Error,
}

/// <summary>Something to be done in the world for a vassal. The daemon does it; what comes of it comes back as a <see cref="VassalEvent"/>.</summary>
/// <param name="Vassal">Its name.</param>
/// <param name="Incarnation">The process that it is about.</param>
public abstract record Effect(string Vassal, int Incarnation)
{
    /// <summary>Make a channel and a process.</summary>
    public sealed record Spawn(string Vassal, int Incarnation) : Effect(Vassal, Incarnation)
    {
        /// <summary>How it is supervised; null when its file does not tell.</summary>
        public ProgramPlan? Plan { get; init; }
    }

    /// <summary>Send a byte (<see cref="Protocol.EmperorMessage"/>).</summary>
    public sealed record Send(string Vassal, int Incarnation, byte Message) : Effect(Vassal, Incarnation);

    /// <summary>SIGKILL the process and all that came of it.</summary>
    public sealed record Kill(string Vassal, int Incarnation) : Effect(Vassal, Incarnation);

    /// <summary>The process has ended: end what is left of its tree, close its channel.</summary>
    public sealed record Bury(string Vassal, int Incarnation) : Effect(Vassal, Incarnation);

    /// <summary>
    /// Have its on-demand socket: bind it when it is not bound to that address yet, and give it the mode and owner that are asked for. The answer
    /// is <see cref="VassalEvent.Listening"/> or <see cref="VassalEvent.ListenFailed"/>.
    /// </summary>
    /// <param name="Vassal">Its name.</param>
    /// <param name="Incarnation">Its last process.</param>
    /// <param name="Socket">The socket.</param>
    /// <param name="Await">Whether a connection shall be told, once (<see cref="VassalEvent.Knocked"/>); connections wait in it in any case.</param>
    public sealed record Listen(string Vassal, int Incarnation, OnDemandSocket Socket, bool Await) : Effect(Vassal, Incarnation);

    /// <summary>Close its on-demand socket, and remove the socket's file.</summary>
    public sealed record Unlisten(string Vassal, int Incarnation) : Effect(Vassal, Incarnation);

    /// <summary>
    /// Have exactly these sockets for a program: bind what is missing, give the files the mode and owner that are asked for, and close those
    /// that are not among them any more, unless <paramref name="Keep"/>. The answer is <see cref="VassalEvent.Listening"/> or
    /// <see cref="VassalEvent.ListenFailed"/>; when one cannot be had, those that were bound for this order are closed again.
    /// </summary>
    /// <param name="Vassal">Its name.</param>
    /// <param name="Incarnation">Its last process.</param>
    /// <param name="Sockets">The sockets.</param>
    /// <param name="Await">Whether a connection to any of them shall be told, once (<see cref="VassalEvent.Knocked"/>).</param>
    /// <param name="Keep">Whether sockets that are not among them are kept, for the processes that have them.</param>
    public sealed record Hold(string Vassal, int Incarnation, IReadOnlyList<ProgramSocket> Sockets, bool Await, bool Keep)
        : Effect(Vassal, Incarnation);

    /// <summary>Start a process of a program. The answer is <see cref="VassalEvent.Spawned"/> or <see cref="VassalEvent.SpawnFailed"/>.</summary>
    /// <param name="Vassal">Its name.</param>
    /// <param name="Incarnation">The number of the process.</param>
    /// <param name="Slot">Which of the program's copies it is, from 0.</param>
    /// <param name="Plan">How.</param>
    public sealed record Launch(string Vassal, int Incarnation, int Slot, ProgramPlan Plan) : Effect(Vassal, Incarnation)
    {
        /// <summary>Counts the starts and reloads of the vassal: processes with one number run one state of its code.</summary>
        public int Generation { get; init; }
    }

    /// <summary>Find out when it is ready (<see cref="VassalEvent.BecameReady"/>). It ends by itself with the process.</summary>
    public sealed record AwaitReady(string Vassal, int Incarnation, ProgramPlan Plan) : Effect(Vassal, Incarnation);

    /// <summary>Check its health again and again (<see cref="VassalEvent.Unwell"/>). It ends by itself with the process, or when that is sent a signal to stop.</summary>
    public sealed record CheckHealth(string Vassal, int Incarnation, ProgramPlan Plan) : Effect(Vassal, Incarnation);

    /// <summary>Watch its sockets for idleness (<see cref="VassalEvent.FellIdle"/>), until its last process ends.</summary>
    public sealed record WatchIdle(string Vassal, int Incarnation, ProgramPlan Plan) : Effect(Vassal, Incarnation);

    /// <summary>Send a signal to the main process.</summary>
    /// <param name="Vassal">Its name.</param>
    /// <param name="Incarnation">The process.</param>
    /// <param name="Number">The signal.</param>
    /// <param name="Stops">Whether it is the order to stop: then its readiness and health are not looked at any more.</param>
    public sealed record Signal(string Vassal, int Incarnation, int Number, bool Stops) : Effect(Vassal, Incarnation);

    /// <summary>Let its processes go on that were frozen because it seemed idle.</summary>
    public sealed record Thaw(string Vassal, int Incarnation) : Effect(Vassal, Incarnation);

    /// <summary>Tell people.</summary>
    /// <param name="Vassal">Its name.</param>
    /// <param name="Incarnation">The process that it is about.</param>
    /// <param name="Level">How much it matters.</param>
    /// <param name="Event">One word for machines.</param>
    /// <param name="Text">A sentence without the vassal's name.</param>
    /// <param name="End">How the process ended that it tells of; null when it tells of something else.</param>
    public sealed record Note(string Vassal, int Incarnation, NoteLevel Level, string Event, string Text, string? End = null)
        : Effect(Vassal, Incarnation);
}
