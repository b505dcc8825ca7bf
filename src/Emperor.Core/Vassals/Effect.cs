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
    public sealed record Spawn(string Vassal, int Incarnation) : Effect(Vassal, Incarnation);

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
