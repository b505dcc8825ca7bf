using Emperor.Core;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Succession;

namespace Emperor.Control;

/// <summary>
/// Overview: --emperor-command-socket, by which programs steer vassals with single datagrams (<see cref="EmperorCommand"/>). They are obeyed without an
/// answer, as in newer uWSGI. Only the emperor's own user and root are: the socket's file is his alone, and, because an abstract name has no file and a
/// descriptor can be passed on, the kernel tells of each datagram who has sent it. All others, and what is no command, are dropped and counted. A turn
/// of the loop takes a few datagrams only.
/// </summary>
internal sealed class CommandSocket : IDisposable
{
    private const int MostATurn = 32;
    private const uint Mode = 0x180;

    // S_IFMT and S_IFSOCK of stat(2).
    private const uint TypeMask = 0xF000;
    private const uint SocketType = 0xC000;

    private readonly NotifySocket _socket;
    private readonly Heirlooms _heirlooms;
    private readonly byte[] _buffer = new byte[EmperorCommand.MostBytes];
    private CommandCounts _counts;

    private CommandSocket(NotifySocket socket, Heirlooms heirlooms, ServantLegacy legacy)
    {
        _socket = socket;
        _heirlooms = heirlooms;
        Legacy = legacy;
    }

    /// <summary>What has come so far.</summary>
    public CommandCounts Counts
    {
        get => _counts;
        init => _counts = value;
    }

    /// <summary>What is left of it to the next emperor, beside the counts.</summary>
    public ServantLegacy Legacy { get; }

    /// <summary>
    /// Opens it, or goes on with that of an emperor before this one. What a dead emperor has left is replaced, and nothing else.
    /// </summary>
    /// <param name="name">A path, or "@" and a name of the abstract kind.</param>
    /// <param name="servants">What was left, and where it is kept.</param>
    /// <param name="counts">What has come to that.</param>
    /// <param name="failure">Why not, with the cure, when null is returned.</param>
    public static CommandSocket? Open(string name, Servants servants, CommandCounts counts, out string failure)
    {
        if (name.Contains(':') && !name.StartsWith('/') && !name.StartsWith('@'))
        {
            failure = $"{name}: over UDP it could not be told who gives a command; name a path, or @NAME";
            return null;
        }
        var isAbstract = name.StartsWith('@');
        var path = isAbstract ? name : Path.GetFullPath(name);
        failure = "";
        if (servants.Take(Servants.Command, path, out var legacy) is { } left)
            return new CommandSocket(NotifySocket.Adopt(left, path), servants.Heirlooms, legacy!) { Counts = counts };
        var socket = NotifySocket.Bind(path, out var error);
        if (socket is null && error == Errno.AddressInUse && !isAbstract)
        {
            if (WhyNotReplaced(path) is { } reason)
            {
                failure = reason;
                return null;
            }
            socket = NotifySocket.Bind(path, out error);
        }
        if (socket is null)
        {
            failure = $"{name}: {error}; name another path";
            return null;
        }
        FileStatus file = default;
        // Who sends something before is known all the same.
        if (!isAbstract && (error = Files.SetMode(path, Mode)).Number == 0)
            error = FileStatus.Get(path, follow: false, out file);
        if (error.Number == 0)
            return new CommandSocket(
                socket,
                servants.Heirlooms,
                servants.Keep(Servants.Command, path, socket.Fd, isAbstract ? null : path, file)
            );
        socket.Dispose();
        failure = $"{name}: {error}; name another path";
        return null;
    }

    /// <summary>Has the loop tell when something has come.</summary>
    public void Watch(EventLoop loop) => loop.Add(_socket.Fd, Token.Make(TokenKind.Command, 0));

    /// <summary>Takes what has come, and obeys.</summary>
    /// <param name="empire">The vassals.</param>
    /// <param name="order">Lets something happen to a vassal.</param>
    /// <param name="log">Where it is told.</param>
    public void Turn(Empire empire, Action<string, VassalEvent> order, EmperorLog log)
    {
        for (var i = 0; i < MostATurn; i++)
        {
            var reception = _socket.Receive(_buffer, out var length, out var sender);
            if (reception == Reception.Nothing)
                return;
            if (reception == Reception.Message && sender.Uid != Self.Uid && sender.Uid != 0)
                Note(ref _counts, log, _counts with { Forbidden = _counts.Forbidden + 1 }, $"a command of user {sender.Uid} is dropped");
            else if (reception != Reception.Message || EmperorCommand.Read(_buffer.AsSpan(0, length)) is not { } command)
                Note(ref _counts, log, _counts with { Malformed = _counts.Malformed + 1 }, "a datagram that is no command is dropped");
            else if (Obey(command, empire, order, log))
                _counts = _counts with { Obeyed = _counts.Obeyed + 1 };
            else
                _counts = _counts with { Refused = _counts.Refused + 1 };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _heirlooms.Drop(Legacy.Descriptor);
        _socket.Dispose();
        if (Legacy.Path is { } path)
            _ = ListeningSocket.Remove(path, Servants.FileOf(Legacy));
    }

    // Told once; how often it was is in the stats.
    private static void Note(ref CommandCounts counts, EmperorLog log, CommandCounts next, string words)
    {
        if ((next.Malformed == 1 && counts.Malformed == 0) || (next.Forbidden == 1 && counts.Forbidden == 0))
            log.Warning("command", $"emperor-command-socket: {words}; further ones are only counted (command_socket in the stats)");
        counts = next;
    }

    private static bool Obey(EmperorCommand command, Empire empire, Action<string, VassalEvent> order, EmperorLog log)
    {
        if (command.Kind == CommandKind.Log)
        {
            log.Information("command", PlainText.OneLine(command.Text));
            return true;
        }
        var word = command.Kind.ToString().ToLowerInvariant();
        if (!empire.Vassals.TryGetValue(command.Text, out var vassal))
        {
            log.Error("command", $"{word}: there is no vassal {PlainText.OneLine(command.Text)}; status shows all names");
            return false;
        }
        var kind = command.Kind switch
        {
            CommandKind.Spawn => OrderKind.Start,
            CommandKind.Respawn => OrderKind.Reload,
            _ => OrderKind.Stop,
        };
        var refusal =
            kind == OrderKind.Start
            && vassal is { HasProcess: true, Phase: not (Phase.Stopping or Phase.Killing) } or { Phase: Phase.Waiting }
                ? "it is active already"
                : Order.Refusal(vassal, kind);
        if (refusal is not null)
        {
            log.Warning("command", $"{word} {PlainText.OneLine(command.Text)}: {refusal}");
            return false;
        }
        log.Information("command", $"{word} {PlainText.OneLine(command.Text)}");
        order(vassal.Name, new VassalEvent.Ordered(kind));
        return true;
    }

    // Something of that name is there: a socket where nobody receives any more goes, and nothing else does.
    private static string? WhyNotReplaced(string path)
    {
        if (FileStatus.Get(path, follow: false, out var status).Number == 0 && (status.Mode & TypeMask) != SocketType)
            return $"{path} is there, and is no socket; remove it, or name another path";
        var error = NotifySocket.Probe(path);
        return error == Errno.ConnectionRefused ? TryDelete(path)
            : error.Number == 0 ? $"{path}: somebody receives there; name another path"
            : $"{path}: {error}; remove it, or name another path";
    }

    private static string? TryDelete(string path)
    {
        try
        {
            File.Delete(path);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{path}, left by an emperor that is gone, cannot be removed: {e.Message}";
        }
    }
}
