using Emperor.Core.Control;

namespace Emperor.Control;

// Those who are told what has happened, or what vassals print, and then what comes.
internal sealed partial class ControlServer
{
    private void BeginEvents(ControlConnection client, ControlRequest request)
    {
        var ring = _events.Take();
        var names = request.Names ?? [];
        client.Following = request;
        if (request.Since is { } since)
        {
            client.EventsToldTo = since;
        }
        else
        {
            var count = Math.Min(request.Count ?? DefaultEvents, MostEvents);
            var last = ring.Last(count, e => IsFor(client, e, names));
            client.EventsToldTo = last.Count > 0 ? last[0].Sequence - 1 : ring.Newest;
        }
        _events.IsFollowed = true;
    }

    // Of a vassal that has passed on to another owner, each sees what was while it was his.
    private bool IsFor(ControlConnection client, EmperorEvent e, IReadOnlyList<string> names) =>
        client.EventsOf is { } own
            ? e.Vassal is { } vassal && own.Contains(vassal) && Owners!.Owned(vassal, client.Peer.Uid, e.Unix)
            : IsAbout(e, names);

    private static bool IsAbout(EmperorEvent e, IReadOnlyList<string> names)
    {
        if (names.Count == 0)
            return true;
        return e.Vassal is { } vassal && names.Any(n => NamePattern.Fits(n, vassal));
    }

    // Each takes as many as it reads; who reads too slowly misses what the ring has lost meanwhile, and is told how many.
    private void TellEvents()
    {
        if (!_events.IsFollowed)
            return;
        var ring = _events.Take();
        foreach (var client in _clients.Values.Where(c => c.EventsToldTo is not null).ToArray())
        {
            if (!client.HasOutput && !TellEvents(client, ring))
                Drop(client);
        }
        _events.IsFollowed = _clients.Values.Any(c => c.EventsToldTo is not null);
    }

    private bool TellEvents(ControlConnection client, EventRing ring)
    {
        var request = client.Following!;
        for (var i = 0; i < EventsATurn && !client.HasOutput; i++)
        {
            if (ring.After(client.EventsToldTo!.Value, out var missed) is not { } next)
            {
                if (request.Follow)
                    break;
                Finish(client, new ControlReply { Id = request.Id });
                return true;
            }
            client.EventsToldTo = next.Sequence;
            // Sequence 0 is asked for by those who want all that there is: what was before that, they have not missed.
            if (missed > 0 && request.Since != 0 && client.EventsOf is null)
                client.Say(
                    new ControlReply
                    {
                        Id = request.Id,
                        More = true,
                        Missed = missed,
                    },
                    Now
                );
            if (IsFor(client, next, request.Names ?? []))
                client.Say(
                    new ControlReply
                    {
                        Id = request.Id,
                        More = true,
                        Event = EventView.Of(next),
                    },
                    Now
                );
            if (client.HasOutput && !client.Send(Now))
                return false;
        }
        if (client.HasOutput && !client.Send(Now))
            return false;
        // More than a turn may tell: the others first, then on.
        if (!client.HasOutput && client.EventsToldTo is { } told && told < ring.Newest)
            _loop.Wake();
        GoOn(client);
        return true;
    }

    private void BeginLogs(ControlConnection client, LogsWanted wanted)
    {
        var id = wanted.Request.Id;
        if (_output is null)
            Finish(client, ControlReply.Failed(id, "not-kept", "what vassals print is not kept (--vassal-output inherit)"));
        else if ((client.Logs = new LogTeller(wanted, _output, _loop.Wake, Owners, client.Peer.Uid)).IsRefused)
            Finish(client, ControlReply.Failed(id, "too-many", "too many outputs are followed already; follow fewer vassals"));
    }

    private void TellLogs()
    {
        foreach (var client in _clients.Values.Where(c => c.Logs is not null && !c.HasOutput).ToArray())
        {
            var isBroken = false;
            var hasMore = client.Logs!.Turn(reply =>
            {
                client.Say(reply, Now);
                isBroken |= !client.Send(Now);
                return !isBroken && !client.HasOutput;
            });
            if (isBroken)
                Drop(client);
            else if (client.Logs.IsDone && !hasMore)
                Finish(client, new ControlReply { Id = client.Logs.Id });
            else
                GoOn(client);
            if (hasMore && !client.HasOutput)
                _loop.Wake();
        }
    }

    // The last line about what it wanted.
    private void Finish(ControlConnection client, ControlReply last)
    {
        client.Logs?.Dispose();
        (client.Logs, client.EventsToldTo, client.Following, client.EventsOf, client.IsBusy) = (null, null, null, null, false);
        client.Say(last, Now);
        if (client.Send(Now))
            GoOn(client);
        else
            Drop(client);
    }
}
