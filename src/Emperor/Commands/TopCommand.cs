using System.Diagnostics;
using System.Runtime.InteropServices;
using Emperor.Core.Control;
using Emperor.Linux;

namespace Emperor.Commands;

/// <summary>
/// emperor top: all vassals, live. Plain control sequences (ECMA-48) do what it needs, so no library of widgets is carried along.
/// </summary>
internal sealed class TopCommand : IDisposable
{
    private const string EnterScreen = "\u001b[?1049h\u001b[?25l";
    private const string LeaveScreen = "\u001b[?25h\u001b[?1049l";
    private const string Home = "\u001b[H";
    private const string EraseLine = "\u001b[K";
    private const string EraseBelow = "\u001b[J";
    private const int KeyPause = 30;
    private static readonly int[] Intervals = [1_000, 2_000, 5_000, 500];

    private readonly string? _socket;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly ManualResetEvent _never = new(initialState: false);
    private readonly Interruptions _signals;
    private ControlClient _client;
    private Dictionary<string, VassalView>? _before;
    private double _lookedAt;
    private ControlReply _reply = new();
    private IReadOnlyList<TopRow> _rows = [];
    private TopOrder _order = TopOrder.Processor;
    private int _first;
    private int _interval;

    private TopCommand(string? socket)
    {
        _socket = socket;
        _client = ControlClient.Connect(socket);
        _signals = new Interruptions(() => _never.Set());
    }

    /// <summary>Shows them until q is pressed; once, after a second, where there is no terminal.</summary>
    public static int Run(string? socket)
    {
        using var top = new TopCommand(socket);
        return Self.IsTerminal(1) && Self.IsTerminal(0) ? top.Live() : top.Once();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _signals.Dispose();
        _client.Dispose();
        _never.Dispose();
    }

    // What is used shows from the second look on.
    private int Once()
    {
        for (var i = 0; i < 3; i++)
        {
            if (i > 0)
                _ = _never.WaitOne(Intervals[0]);
            if (!TryLook())
                return Screen.Fail(_reply.Error!.Message);
        }
        Screen.Print(TopTable.Render(_reply.Empire!, TopTable.Sorted(_rows, _order), _order, 0, 0, TextStyle.Plain));
        return ExitCode.Well;
    }

    private int Live()
    {
        Console.Out.Write(EnterScreen);
        try
        {
            while (true)
            {
                if (!TryLook())
                    return Screen.Fail(_reply.Error!.Message);
                Draw();
                var until = _clock.ElapsedMilliseconds + Intervals[_interval];
                while (_clock.ElapsedMilliseconds < until)
                {
                    if (Console.KeyAvailable && !Obey(Console.ReadKey(intercept: true)))
                        return ExitCode.Well;
                    if (_never.WaitOne(KeyPause))
                        return ExitCode.Well;
                }
            }
        }
        finally
        {
            Console.Out.Write(LeaveScreen);
        }
    }

    private bool TryLook()
    {
        _reply = Ask(new ControlRequest { Verb = "status", Usage = true });
        if (_reply.Vassals is not { } vassals)
            return false;
        var now = _clock.Elapsed.TotalMilliseconds;
        // What is used is found out once a second or less often: a look that finds the same numbers measures nothing.
        var isNew = _before is null || vassals.Any(v => v.CpuMs != _before.GetValueOrDefault(v.Name)?.CpuMs);
        if (isNew || now - _lookedAt > 2 * Intervals[_interval])
        {
            _rows = TopTable.Rows(vassals, _before, now - _lookedAt);
            _before = vassals.ToDictionary(v => v.Name, StringComparer.Ordinal);
            _lookedAt = now;
        }
        else
        {
            var shares = _rows.ToDictionary(r => r.Vassal.Name, r => r.Processor, StringComparer.Ordinal);
            _rows = [.. vassals.Select(v => new TopRow(v, shares.GetValueOrDefault(v.Name)))];
        }
        return true;
    }

    // An emperor that is upgraded leaves its clients; the next one is there at once.
    private ControlReply Ask(ControlRequest request)
    {
        var until = Environment.TickCount64 + ControlClient.UpgradeTime;
        while (true)
        {
            try
            {
                var reply = _client.Ask(request);
                if (reply.Error?.Code != ControlProtocol.Upgrading || Environment.TickCount64 >= until)
                    return reply;
            }
            catch (NoEmperorException) when (Environment.TickCount64 < until) { }
            _client.Dispose();
            _client = ControlClient.ConnectAgain(_socket, until);
        }
    }

    private void Draw()
    {
        var style = Screen.Style();
        var height = Console.WindowHeight;
        _first = Math.Clamp(_first, 0, Math.Max(0, _rows.Count - 1));
        var lines = TopTable.Render(_reply.Empire!, TopTable.Sorted(_rows, _order), _order, _first, height, style).Take(height);
        Console.Out.Write(Home + string.Join("\r\n", lines.Select(line => line + EraseLine)) + EraseBelow);
        Console.Out.Flush();
    }

    // False when it shall end.
    private bool Obey(ConsoleKeyInfo key)
    {
        switch (key.Key, key.KeyChar)
        {
            case (_, 'q' or 'Q'):
                return false;
            case (_, 'P' or 'p'):
                _order = TopOrder.Processor;
                break;
            case (_, 'M' or 'm'):
                _order = TopOrder.Memory;
                break;
            case (_, 'R' or 'r'):
                _order = TopOrder.Starts;
                break;
            case (_, 'N' or 'n'):
                _order = TopOrder.Name;
                break;
            case (_, 's'):
                _interval = (_interval + 1) % Intervals.Length;
                break;
            case (ConsoleKey.DownArrow, _):
                _first++;
                break;
            case (ConsoleKey.UpArrow, _):
                _first--;
                break;
            case (ConsoleKey.PageDown, _):
                _first += Math.Max(1, Console.WindowHeight / 2);
                break;
            case (ConsoleKey.PageUp, _):
                _first -= Math.Max(1, Console.WindowHeight / 2);
                break;
        }
        Draw();
        return true;
    }

    // Ctrl+C and SIGTERM leave the terminal as it was.
    private sealed class Interruptions(Action onSignal) : IDisposable
    {
        private readonly PosixSignalRegistration[] _registrations =
        [
            Register(PosixSignal.SIGINT, onSignal),
            Register(PosixSignal.SIGTERM, onSignal),
            Register(PosixSignal.SIGHUP, onSignal),
        ];

        public void Dispose()
        {
            foreach (var registration in _registrations)
                registration.Dispose();
        }

        private static PosixSignalRegistration Register(PosixSignal signal, Action onSignal) =>
            PosixSignalRegistration.Create(
                signal,
                context =>
                {
                    context.Cancel = true;
                    onSignal();
                }
            );
    }
}
