using Emperor.Core.Sockets;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Succession;

namespace Emperor.Sockets;

/// <summary>A listening socket that the service manager has handed over.</summary>
/// <param name="Name">Its name, as it was told.</param>
/// <param name="Address">Where it listens, as uWSGI spells it.</param>
/// <param name="Fd">The socket; it belongs to <see cref="InheritedSockets"/> and stays open as long as the emperor.</param>
internal sealed record InheritedSocket(string Name, string Address, SafeFd Fd)
{
    /// <summary>Who uses it: a vassal, or a server of the emperor's own; null when nobody does.</summary>
    public string? User { get; set; }

    /// <summary>The name by which it passes on.</summary>
    public string Heirloom { get; set; } = "";
}

/// <summary>
/// Overview: the sockets of .socket units (sd_listen_fds(3)). They are bound before the emperor starts and outlive it, so clients wait and are
/// not refused while it is restarted. Whoever wants one asks by name: a server of the emperor's own (stats, control, metrics, also as
/// emperor-stats …) by <see cref="Take"/>, a vassal by its own name with or without the ending. A name may end in .socket, which is what systemd
/// calls it when nobody has chosen another. None of them is ever closed or its file removed.
/// </summary>
internal sealed class InheritedSockets : IDisposable
{
    /// <summary>The names of the emperor's own servers; a vassal's socket is not called so.</summary>
    private static readonly string[] Servers = ["stats", "control", "metrics"];

    private readonly List<InheritedSocket> _sockets = [];
    private readonly List<string> _problems = [];

    /// <summary>What an operator should know of what was handed over.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>All of them, in the order in which they were handed over.</summary>
    public IReadOnlyList<InheritedSocket> All => _sockets;

    /// <summary>Takes over what is meant for this process, and takes the variables out of the environment.</summary>
    /// <param name="environment">Where they are told of.</param>
    /// <param name="addressee">The process that they are meant for: this one, or the one that has daemonized itself as this one.</param>
    /// <param name="kept">What the service manager has kept for an emperor that was killed is added here.</param>
    public static InheritedSockets Receive(Dictionary<string, string> environment, int addressee, List<(string Name, SafeFd Fd)> kept)
    {
        var result = new InheritedSockets();
        var sockets = ListenFds.Read(environment, addressee, out var problem);
        foreach (var (number, name) in sockets)
        {
            // Told of more than there are, it would close what the runtime has opened, and the process would crash.
            if (!Files.IsInherited(number))
            {
                result._problems.Add(
                    $"LISTEN_FDS says that descriptor {number} ({name}) is handed over, and it is not; it and what follows are not taken over"
                );
                break;
            }
            if (name.StartsWith(Heirlooms.Prefix, StringComparison.Ordinal))
                kept.Add((name, Files.TakeOver(number)));
            else
                result.Add(number, name);
        }
        if (problem is not null)
            result._problems.Add(problem);
        foreach (var variable in ListenFds.Variables)
            environment.Remove(variable);
        return result;
    }

    /// <summary>Those that are left by a former emperor; after a crash the service manager hands its own over again, and none are.</summary>
    public static InheritedSockets Inherit(IReadOnlyList<InheritedLegacy> legacy, Heirlooms heirlooms)
    {
        var result = new InheritedSockets();
        foreach (var socket in legacy)
        {
            if (heirlooms.Take(socket.Descriptor) is { } fd)
                result._sockets.Add(
                    new InheritedSocket(socket.Name, socket.Address, fd)
                    {
                        // A server of the emperor's own asks for it again.
                        User = Array.Exists(Servers, s => s == socket.User) ? null : socket.User,
                        Heirloom = socket.Descriptor,
                    }
                );
        }
        return result;
    }

    /// <summary>Those that pass on to an emperor that follows in the same process.</summary>
    public IReadOnlyList<InheritedLegacy> Legacy => [.. _sockets.Select(s => new InheritedLegacy(s.Heirloom, s.Name, s.Address, s.User))];

    /// <summary>Has them pass on. The service manager, which has them, is not given them to keep.</summary>
    public void Keep(Heirlooms heirlooms)
    {
        foreach (var socket in _sockets.Where(s => s.Heirloom.Length == 0))
            socket.Heirloom = heirlooms.Keep("inherited", socket.Fd.Number, isStored: false);
    }

    /// <summary>The socket of one of the emperor's own servers.</summary>
    /// <param name="server">stats, control or metrics.</param>
    /// <returns>Null when there is none of that name.</returns>
    public InheritedSocket? Take(string server)
    {
        var socket = _sockets.Find(s => ServerOf(s) == server && s.User is null);
        if (socket is not null)
            socket.User = server;
        return socket;
    }

    /// <summary>The socket that is meant for a vassal, whether it uses it or not; null when there is none.</summary>
    public InheritedSocket? Of(string vassal)
    {
        foreach (var name in OnDemandRules.InheritedNames(vassal))
        {
            if (_sockets.Find(s => ServerOf(s) is null && IsNamed(s, name)) is { } socket)
                return socket;
        }
        return null;
    }

    private static bool IsNamed(InheritedSocket socket, string name) => socket.Name == name || ListenFds.Plain(socket.Name) == name;

    private static bool IsNamedAfter(InheritedSocket socket, string vassal) =>
        OnDemandRules.InheritedNames(vassal).Any(name => IsNamed(socket, name));

    /// <summary>Gives a vassal the use of the socket of this name.</summary>
    /// <param name="name">The name, as it was told.</param>
    /// <param name="vassal">The vassal.</param>
    /// <param name="failure">When null is returned: why not.</param>
    public InheritedSocket? Claim(string name, string vassal, out string failure)
    {
        failure = "";
        var socket = _sockets.Find(s => s.Name == name);
        if (socket is null)
            failure = $"the service manager has handed over no socket of the name {name}; add it to the .socket unit and restart both";
        else if (socket.User is { } user && user != vassal)
            failure = $"the service manager's socket {name} is in use by {user}; name one of the two files differently";
        if (failure.Length > 0)
            return null;
        socket!.User = vassal;
        return socket;
    }

    /// <summary>Gives a vassal the use of the socket that listens at an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="vassal">The vassal.</param>
    /// <param name="isOwned">
    /// Whether somebody else than the operator says so (--emperor-tyrant): then its name must be the vassal's, as he might not be allowed to bind it.
    /// </param>
    /// <returns>Null when there is none, or it is another's.</returns>
    public InheritedSocket? ClaimAt(string address, string vassal, bool isOwned)
    {
        var socket = _sockets.Find(s =>
            s.Address == address && ServerOf(s) is null && (s.User is null || s.User == vassal) && (!isOwned || IsNamedAfter(s, vassal))
        );
        if (socket is not null)
            socket.User = vassal;
        return socket;
    }

    /// <summary>A vassal is gone; its socket is kept for its return, or for another's.</summary>
    public void Release(string vassal)
    {
        foreach (var socket in _sockets.Where(s => s.User == vassal))
            socket.User = null;
    }

    /// <summary>What nobody uses: a slip in a name, most likely.</summary>
    public IEnumerable<string> Unused() =>
        from socket in _sockets
        where socket.User is null
        select $"nobody uses the socket {socket.Name} ({socket.Address}) of the service manager: it fits no vassal that is there, nor a server "
            + "that is switched on; set FileDescriptorName= of its unit to the vassal's file name";

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Fd.Dispose();
    }

    private static string? ServerOf(InheritedSocket socket)
    {
        const string prefix = "emperor-";
        var name = ListenFds.Plain(socket.Name);
        if (name.StartsWith(prefix, StringComparison.Ordinal))
            name = name[prefix.Length..];
        return Array.Find(Servers, s => s == name);
    }

    private void Add(int number, string name)
    {
        var fd = Files.TakeOver(number);
        if (ListeningSocket.Is(fd) && ListeningSocket.AddressOf(fd) is { } address)
        {
            _sockets.Add(new InheritedSocket(name, address, fd));
            return;
        }
        _problems.Add(
            $"descriptor {number} ({name}) of the service manager is no stream socket that listens; use ListenStream= and Accept=no in its unit"
        );
        fd.Dispose();
    }
}
