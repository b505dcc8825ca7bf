using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

/// <summary>A pipe that takes commands of a letter each (master-fifo; core/fifo.c).</summary>
internal sealed class CommandFifo : IDisposable
{
    // Of one turn. Who writes more is a program that runs wild, and what it wants has been done by then.
    private const int MostCommands = 64;
    private const long Second = 1000;
    private const int TurnsASecond = 8;

    private readonly MasterDuties _duties;
    private readonly string _vassal;
    private readonly string _path;
    private readonly SafeFd _fd;
    private readonly bool _isOwned;
    private readonly ulong _token;
    private readonly string _heirloom;
    private long _second;
    private int _turns;

    private CommandFifo(MasterDuties duties, string vassal, string path, SafeFd fd, bool isOwned, string? heirloom = null)
    {
        (_duties, _vassal, _path, _fd, _isOwned) = (duties, vassal, path, fd, isOwned);
        _token = duties.Listen(fd.Number, _ => Hear());
        _heirloom = heirloom ?? duties.World.Heirlooms.Keep("fifo", fd.Number);
    }

    /// <summary>What is left of it to the next emperor.</summary>
    public FifoLegacy Legacy => new(_path, _heirloom, _isOwned);

    /// <summary>Opens one; null, and told, when it cannot be.</summary>
    /// <exception cref="LinuxException">No room in epoll is left.</exception>
    public static CommandFifo? Open(MasterDuties duties, string vassal, ProgramPlan plan, string path)
    {
        var owner = ProgramIdentity.TryFind(plan, out var identity, out _) ? identity?.User?.Uid : null;
        if (Fifo.Open(path, owner, out var error) is { } fd)
            return new CommandFifo(duties, vassal, path, fd, owner is not null);
        var why = error == Errno.Invalid ? "something else is there; remove it" : $"{error}";
        duties.World.Log.Vassal(LogEventLevel.Error, "master-fifo", vassal, $"master-fifo = {path} cannot be opened: {why}");
        return null;
    }

    /// <summary>Goes on with one of a former emperor's, and with what was written to it meanwhile; one that is lost is opened anew.</summary>
    /// <exception cref="LinuxException">No room in epoll is left.</exception>
    public static CommandFifo? Inherit(MasterDuties duties, string vassal, ProgramPlan plan, FifoLegacy left) =>
        duties.World.Heirlooms.Take(left.Descriptor) is { } fd
            ? new CommandFifo(duties, vassal, left.Path, fd, left.IsOwned, left.Descriptor)
            : Open(duties, vassal, plan, left.Path);

    /// <inheritdoc/>
    public void Dispose()
    {
        _duties.Unlisten(_fd.Number, _token);
        _duties.World.Heirlooms.Drop(_heirloom);
        _fd.Dispose();
        Fifo.Remove(_path, _isOwned);
    }

    private void Hear()
    {
        Span<byte> bytes = stackalloc byte[MostCommands];
        if (Files.Read(_fd, bytes, out var count).Number != 0)
            return;
        var now = Environment.TickCount64;
        if (now / Second != _second)
            (_second, _turns) = (now / Second, 0);
        if (++_turns > TurnsASecond)
            return;
        // The same again and again is meant once.
        foreach (var command in bytes[..count].ToArray().Distinct())
            Obey((char)command);
    }

    private void Obey(char command)
    {
        if (command is ' ' or '\n' or '\r' or '\t')
            return;
        var words = command switch
        {
            'r' or 'c' or 'w' => "it reloads",
            'R' or 'W' => "it restarts",
            'q' or 'Q' => "it stops",
            's' => "its stats follow",
            'l' or 'L' => "its log is opened anew",
            'P' => "its pidfiles are written again",
            _ => null,
        };
        if (words is null)
        {
            var shown = command is > ' ' and <= '~' ? $"\"{command}\"" : $"of code {(int)command}";
            Tell(LogEventLevel.Warning, $"{_path}: there is no command {shown} here; there are r, c, w, R, W, q, Q, s, l, L and P");
            return;
        }
        Tell(LogEventLevel.Information, $"{_path}: \"{command}\": {words}");
        var world = _duties.World;
        switch (command)
        {
            case 'r' or 'c' or 'w':
                world.Monitors.ReadAnew(_vassal);
                break;
            case 'R' or 'W':
                world.Processes.Outcomes.Enqueue((_vassal, new VassalEvent.Ordered(OrderKind.Restart)));
                break;
            case 'q' or 'Q' when world.IsServe:
                // As Ctrl-C.
                _ = Self.Signal(Signals.Terminate);
                break;
            case 'q' or 'Q':
                world.Processes.Outcomes.Enqueue((_vassal, new VassalEvent.Ordered(OrderKind.Stop)));
                break;
            case 's':
                foreach (var line in _duties.Summary(_vassal))
                    Tell(LogEventLevel.Information, line);
                break;
            case 'l' or 'L':
                world.Output?.Reopen();
                break;
            case 'P':
                _duties.RewritePidFiles(_vassal);
                break;
        }
    }

    private void Tell(LogEventLevel level, string words) => _duties.World.Log.Vassal(level, "master-fifo", _vassal, words);
}
