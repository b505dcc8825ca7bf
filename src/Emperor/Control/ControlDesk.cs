using Emperor.Core;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Servers;

namespace Emperor.Control;

/// <summary>
/// Overview: the main thread's end of the control socket. Once a turn, after everything else, it takes the calls that have come, hands out what is
/// known as it stands (the vassals' states never change, so that is a list of them and no copy), gives orders to the empire, and looks
/// which orders have come to their outcome. Orders for many vassals are given a few at a time, as SIGHUP's reloads are.
/// </summary>
internal sealed class ControlDesk(ControlServer server, Empire empire, int ordersAtOnce, Func<EmpireView> describeEmpire)
{
    private const int MostJobs = 64;
    private const int MostExplained = 50;

    private readonly List<OrderJob> _jobs = [];

    /// <summary>A vassal's file, as it is named from its working folder, and that folder.</summary>
    public required Func<string, (string Configuration, string Folder)> Locate { get; init; }

    /// <summary>How vassals are launched.</summary>
    public required UwsgiServer Launcher { get; init; }

    /// <summary>Lets something happen to a vassal, and does what comes of it.</summary>
    public required Action<string, VassalEvent> Handle { get; init; }

    /// <summary>The last lines that a vassal printed; null when they are not kept.</summary>
    public Func<string, int, IReadOnlyList<string>?> LastLines { get; init; } = (_, _) => null;

    /// <summary>When there is something to look at by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            long? next = null;
            foreach (var job in _jobs)
            {
                if (job.NextDue(empire.Vassals) is { } due && !(next <= due))
                    next = due;
            }
            return next;
        }
    }

    /// <summary>Works through what has come.</summary>
    public void Turn(Instant now)
    {
        while (server.TryTake(out var call))
        {
            if (call.Request is { } request)
                Serve(call.Client, request, now);
            else
                _jobs.RemoveAll(job => job.Client == call.Client && job.Abandon());
        }
        if (_jobs.Count == 0)
            return;
        foreach (var job in _jobs.ToArray())
        {
            if (!job.Turn(now))
                _jobs.Remove(job);
        }
    }

    private void Serve(long client, ControlRequest request, Instant now)
    {
        if (ControlProtocol.OrderOf(request.Verb!) is { } order)
        {
            BeginOrder(client, request, order, now);
            return;
        }
        if (!TrySelect(request, out var names, out var refusal))
        {
            Tell(client, refusal!);
            return;
        }
        switch (request.Verb)
        {
            case "status":
                TellStatus(client, request, names, now);
                break;
            case "names":
                server.Answer(new ControlAnswer(client, _ => new ControlReply { Id = request.Id, Names = Sorted(names) }));
                break;
            case "explain":
                TellExplanations(client, request, names, now);
                break;
            default:
                Tell(client, ControlReply.Failed(request.Id, "not-kept", "what vassals print is not kept"));
                break;
        }
    }

    private void TellStatus(long client, ControlRequest request, IReadOnlyList<string> names, Instant now)
    {
        var states = names.Select(n => empire.Vassals[n]).ToArray();
        var about = describeEmpire();
        server.Answer(
            new ControlAnswer(
                client,
                _ =>
                {
                    Array.Sort(states, (a, b) => string.CompareOrdinal(a.Name, b.Name));
                    var views = Array.ConvertAll(states, s => Usage.Added(VassalView.Of(s, now), request.Usage));
                    var whole = about with { Status = StatusLine.Of(states, now.Monotonic) };
                    return new ControlReply
                    {
                        Id = request.Id,
                        Empire = whole,
                        Vassals = views,
                    };
                }
            )
        );
    }

    private void TellExplanations(long client, ControlRequest request, IReadOnlyList<string> names, Instant now)
    {
        var told = Sorted(names).Take(MostExplained).ToArray();
        for (var i = 0; i < told.Length; i++)
        {
            var state = empire.Vassals[told[i]];
            var (configuration, folder) = Locate(state.Name);
            var (command, additions) = Launcher.Describe(configuration, folder);
            var output = LastLines(state.Name, Explanation.Lines);
            var isLast = i == told.Length - 1;
            server.Answer(
                new ControlAnswer(
                    client,
                    ring => new ControlReply
                    {
                        Id = request.Id,
                        More = !isLast,
                        Explain = Explanations.Of(state, now, configuration, folder, command, additions, ring, output),
                    }
                )
            );
        }
    }

    private void BeginOrder(long client, ControlRequest request, OrderKind order, Instant now)
    {
        if (empire.IsEnding)
        {
            Tell(client, ControlReply.Failed(request.Id, "leaving", "the emperor leaves, and all vassals with it"));
            return;
        }
        if (_jobs.Count >= MostJobs)
        {
            Tell(client, ControlReply.Failed(request.Id, "busy", $"{MostJobs} orders are under way; try again later"));
            return;
        }
        if (!TrySelect(request, out var names, out var refusal))
        {
            Tell(client, refusal!);
            return;
        }
        var job = new OrderJob(client, request, order, Sorted(names), order == OrderKind.Stop ? int.MaxValue : ordersAtOnce)
        {
            Empire = empire,
            Handle = Handle,
            LastLines = LastLines,
            Tell = Tell,
        };
        if (job.Turn(now))
            _jobs.Add(job);
    }

    // Every name must mean something; without names, all are meant.
    private bool TrySelect(ControlRequest request, out IReadOnlyList<string> names, out ControlReply? refusal)
    {
        refusal = null;
        IReadOnlyList<string> all = [.. empire.Vassals.Keys];
        if (request.All || request.Names is null or { Count: 0 })
        {
            names = all;
            if (names.Count == 0 && request.Verb is not ("status" or "names"))
                refusal = ControlReply.Failed(request.Id, "no-such-vassal", "there is no vassal");
            return refusal is null;
        }
        var chosen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pattern in request.Names)
        {
            var fitting = NamePattern.Select(pattern, all);
            chosen.UnionWith(fitting);
            if (fitting.Count > 0)
                continue;
            var shown = PlainText.OneLine(pattern.Length > 100 ? pattern[..100] + "…" : pattern);
            refusal = ControlReply.Failed(request.Id, "no-such-vassal", $"no vassal is called {shown}; status shows all names");
            break;
        }
        names = [.. chosen];
        return refusal is null;
    }

    private void Tell(long client, ControlReply reply) => server.Answer(new ControlAnswer(client, _ => reply));

    private static List<string> Sorted(IReadOnlyList<string> names) => [.. names.Order(StringComparer.Ordinal)];
}
