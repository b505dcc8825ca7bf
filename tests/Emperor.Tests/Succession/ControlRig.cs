using System.Text;
using System.Text.Json;
using Emperor.Control;
using Emperor.Core;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Servers;
using Emperor.Succession;
using Emperor.Tests.Linux;
using NUnit.Framework;
using Serilog;

namespace Emperor.Tests.Succession;

/// <summary>A control socket with the main thread's end of it, which is the test's own thread, and clients.</summary>
internal sealed class ControlRig : IDisposable
{
    private const int Patience = 30_000;

    private readonly EventLoop _loop = new();
    private readonly List<Readiness> _ready = [];
    private readonly List<Effect> _effects = [];
    private readonly List<Client> _clients = [];
    private readonly Serilog.Core.Logger _logger = new LoggerConfiguration().CreateLogger();

    public ControlRig(
        string path,
        Heirlooms heirlooms,
        IReadOnlyList<ServantLegacy>? left = null,
        IReadOnlyList<EmperorEvent>? events = null
    )
    {
        Path = path;
        Heirlooms = heirlooms;
        Socket = ControlSocket.Open(path, makeFolder: false, new Servants(left ?? [], heirlooms), out var failure)!;
        Assert.That(Socket, Is.Not.Null, failure);
        Events = new EventFeed(events);
        var log = new EmperorLog(_logger);
        Server = new ControlServer(Socket, Events, null, Self.Uid, _loop.Wake, log);
        Desk = new ControlDesk(Server, Empire, ordersAtOnce: 1, 60_000, log)
        {
            Plan = _ => new LaunchPlan("", "", [], []),
            Describe = () => new EmpireView("1", 1, 0, 0, true, false, [], ""),
        };
        Desk.Serve(() => Empire.Snapshot(Clock.Now, true, default, []), Handle);
    }

    public string Path { get; }

    public Heirlooms Heirlooms { get; }

    public ControlSocket Socket { get; }

    public EventFeed Events { get; }

    public ControlServer Server { get; }

    public Empire Empire { get; } = new(new EmpirePolicy());

    public ControlDesk Desk { get; }

    /// <summary>What vassals were ordered.</summary>
    public List<string> Ordered { get; } = [];

    public void Handle(string vassal, VassalEvent @event)
    {
        if (@event is VassalEvent.Ordered)
            Ordered.Add(vassal);
        Empire.Handle(vassal, @event, Clock.Now, _effects);
    }

    /// <summary>Turns the main loop until something is true.</summary>
    public void Until(Func<bool> isSo)
    {
        for (var until = Environment.TickCount64 + Patience; ; )
        {
            Desk.Turn(Clock.Now);
            if (isSo())
                return;
            Assert.That(Environment.TickCount64, Is.LessThan(until), "it has not come true");
            _loop.Wait(_ready, 20);
        }
    }

    /// <summary>Falls quiet, as before an upgrade.</summary>
    public void FallQuiet()
    {
        Desk.Pause();
        Until(() => Desk.IsQuiet);
    }

    public Asker TakeAsker()
    {
        Asker? asker = null;
        Until(() => (asker = Desk.TakeUpgrade()) is not null);
        return asker!;
    }

    public Client Connect()
    {
        var stream = StreamConnection.Connect(SocketName.OfPath(Path), out var error);
        Assert.That(stream, Is.Not.Null, $"{error}");
        var client = new Client(stream!);
        _clients.Add(client);
        return client;
    }

    public void Dispose()
    {
        Server.Resume();
        Desk.Dispose();
        Server.Dispose();
        Socket.Dispose();
        foreach (var client in _clients)
            client.Stream.Dispose();
        _loop.Dispose();
        _logger.Dispose();
    }

    /// <summary>Somebody at the control socket.</summary>
    internal sealed class Client(StreamConnection stream)
    {
        private readonly byte[] _buffer = new byte[4096];
        private string _text = "";

        public StreamConnection Stream => stream;

        public Client Ask(string request)
        {
            Assert.That(stream.Send(Encoding.UTF8.GetBytes(request + "\n"), out _).Number, Is.Zero);
            return this;
        }

        /// <summary>The next line; null at the end.</summary>
        public ControlReply? Next()
        {
            while (!_text.Contains('\n'))
            {
                Assert.That(stream.Wait(output: false, Patience), Is.True, "there is no answer");
                if (stream.Read(_buffer, out var count) == ChannelRead.Closed)
                    return null;
                _text += Encoding.UTF8.GetString(_buffer, 0, count);
            }
            var line = _text[.._text.IndexOf('\n', StringComparison.Ordinal)];
            _text = _text[(line.Length + 1)..];
            return JsonSerializer.Deserialize(line, ControlJson.Default.ControlReply);
        }

        public bool HasAnswer => _text.Contains('\n') || stream.Wait(output: false, 0);
    }
}
