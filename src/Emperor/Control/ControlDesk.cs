using Emperor.Core;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using Emperor.Logging;
using Emperor.Output;
using Emperor.Servers;
using Emperor.Stats;

namespace Emperor.Control;

/// <summary>
/// Overview: the main thread's end of the control socket. Once a turn, after everything else, it takes the calls that have come, hands out what is
/// known as it stands (the vassals' states never change, so that is a list of them and no copy), gives orders to the empire, and looks
/// which orders have come to their outcome. Orders for many vassals are given a few at a time, as SIGHUP's reloads are.
/// </summary>
internal sealed partial class ControlDesk(ControlServer server, Empire empire, int ordersAtOnce, long patience, EmperorLog log)
    : IDisposable
{
    private const int MostJobs = 64;
    private const int MostExplained = 50;

    private readonly List<OrderJob> _jobs = [];
    private readonly List<Asker> _askers = [];
    private readonly ProcessSampler _sampler = new(() => { }, log);
    private Func<EmpireSnapshot>? _snapshot;
    private Action<string, VassalEvent>? _handle;

    /// <summary>How a vassal is started.</summary>
    public required Func<VassalSnapshot, LaunchPlan> Plan { get; init; }

    /// <summary>Says who the emperor is; the line about all vassals is left to be filled in.</summary>
    public required Func<EmpireView> Describe { get; init; }

    /// <summary>Whose vassals are, where users may see and steer their own; null where only masters may anything.</summary>
    public OwnerBook? Owners { get; init; }

    /// <summary>What vassals print; null when it is not kept.</summary>
    public VassalOutput? Output { get; init; }

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

    /// <summary>Begins to serve.</summary>
    /// <param name="snapshot">Takes a snapshot of the empire.</param>
    /// <param name="handle">Lets something happen to a vassal, and does what comes of it.</param>
    public void Serve(Func<EmpireSnapshot> snapshot, Action<string, VassalEvent> handle) => (_snapshot, _handle) = (snapshot, handle);

    /// <summary>Works through what has come.</summary>
    public void Turn(Instant now)
    {
        while (server.TryTake(out var call))
        {
            if (call.Request is { } request)
                Serve(call, request, now);
            else
                Forget(call.Client);
        }
        if (_jobs.Count == 0)
            return;
        foreach (var job in _jobs.ToArray())
        {
            if (!job.Turn(now))
                _jobs.Remove(job);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _sampler.Dispose();

    private void Serve(ControlCall call, ControlRequest request, Instant now)
    {
        var client = call.Client;
        if (request.Verb == ControlProtocol.Upgrade)
        {
            TakeUpgrade(client, request);
            return;
        }
        if (ControlProtocol.OrderOf(request.Verb!) is { } order)
        {
            BeginOrder(call, request, order, now);
            return;
        }
        try
        {
            Inform(call, request);
        }
        catch (Exception e)
        {
            // A fault of ours in telling how things stand: no vassal shall go because somebody has asked.
            log.Error("control-fault", $"{request.Verb} could not be answered, by a fault of the emperor's own, please report it: {e}");
            Tell(client, ControlReply.Faulty(request.Id, e));
        }
    }

    private void Inform(ControlCall call, ControlRequest request)
    {
        var client = call.Client;
        if (!TrySelect(request, call.Peer, out var names, out var refusal))
        {
            Tell(client, refusal!);
            return;
        }
        switch (request.Verb)
        {
            case "status":
                TellStatus(call, request, names);
                break;
            case "names":
                server.Answer(new ControlAnswer(client, _ => new ControlReply { Id = request.Id, Names = Sorted(names) }));
                break;
            case "events":
                server.Answer(new ControlAnswer(client, null, null, new EventsWanted(request, names)));
                break;
            case "explain":
                TellExplanations(call, request, names);
                break;
            default:
                server.Answer(new ControlAnswer(client, null, new LogsWanted(request, Sorted(names))));
                break;
        }
    }

    private void TellStatus(ControlCall call, ControlRequest request, IReadOnlyList<string> names)
    {
        var client = call.Client;
        var snapshot = _snapshot!();
        var about = Describe();
        if (request.Usage)
            _sampler.Want(snapshot);
        var visible = Owners is { } owners ? [.. snapshot.Vassals.Where(v => owners.May(v.Name, call.Peer))] : snapshot.Vassals;
        var isWanted = names.Count == snapshot.Count ? null : names.ToHashSet(StringComparer.Ordinal);
        server.Answer(
            new ControlAnswer(
                client,
                _ =>
                {
                    var vassals = snapshot
                        .Vassals.Where(v => isWanted?.Contains(v.Name) != false)
                        .OrderBy(v => v.Name, StringComparer.Ordinal);
                    return new ControlReply
                    {
                        Id = request.Id,
                        Empire = about with
                        {
                            Status = StatusLine.Of([.. visible.Select(v => v.Raw)], snapshot.At.Monotonic, patience),
                            Upgrades = snapshot.Continuity.Upgrades,
                            Crashes = snapshot.Continuity.Crashes,
                            Survives = snapshot.Continuity.Survives,
                        },
                        Vassals = [.. vassals.Select(v => request.Usage ? VassalView.Of(v).With(_sampler.Usage.Of(v)) : VassalView.Of(v))],
                    };
                }
            )
        );
    }

    private void TellExplanations(ControlCall call, ControlRequest request, IReadOnlyList<string> names)
    {
        var client = call.Client;
        var snapshot = _snapshot!();
        var told = Sorted(names).Take(MostExplained).ToArray();
        for (var i = 0; i < told.Length; i++)
        {
            var vassal = snapshot.Find(told[i])!.Value;
            var plan = Plan(vassal);
            var isLast = i == told.Length - 1;
            server.Answer(
                new ControlAnswer(
                    client,
                    ring => new ControlReply
                    {
                        Id = request.Id,
                        More = !isLast,
                        Explain = Explanations.Of(
                            vassal,
                            plan,
                            ring,
                            Output,
                            unix => Owners?.MaySee(vassal.Name, call.Peer, unix) != false
                        ),
                    }
                )
            );
        }
    }

    private void Forget(long client)
    {
        _jobs.RemoveAll(job => job.Client == client && job.Abandon());
        _askers.RemoveAll(asker => asker.Client == client);
    }

    private void BeginOrder(ControlCall call, ControlRequest request, OrderKind order, Instant now)
    {
        var client = call.Client;
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
        if (!TrySelect(request, call.Peer, out var names, out var refusal))
        {
            Tell(client, refusal!);
            return;
        }
        var job = new OrderJob(client, request, order, Sorted(names), order == OrderKind.Stop ? int.MaxValue : ordersAtOnce)
        {
            Empire = empire,
            Handle = _handle!,
            Output = Output,
            Answer = server.Answer,
        };
        if (job.Turn(now))
            _jobs.Add(job);
    }

    // Every name must mean something; without names, all are meant.
    private bool TrySelect(ControlRequest request, uint peer, out IReadOnlyList<string> names, out ControlReply? refusal)
    {
        refusal = null;
        // Another's vassals are to a user as if they were not there.
        IReadOnlyList<string> all = Owners is { } owners
            ? [.. empire.Vassals.Keys.Where(name => owners.May(name, peer))]
            : [.. empire.Vassals.Keys];
        if (request.All || request.Names is null or { Count: 0 })
        {
            names = all;
            if (names.Count == 0 && request.Verb is not ("status" or "names" or "events"))
                refusal = ControlReply.Failed(request.Id, "no-such-vassal", "there is no vassal");
            return refusal is null;
        }
        var index = new NameIndex(all);
        var chosen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pattern in request.Names)
        {
            var fitting = index.Select(pattern);
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
