using Emperor.Core.Control;
using Emperor.Succession;

namespace Emperor.Control;

// How it falls quiet before another program goes on in this one's place.
internal sealed partial class ControlServer
{
    // Who is being answered is waited for so long.
    private const long LullTime = 500;

    // Who has just connected is about to ask.
    private const long FreshTime = 100;

    private readonly Lull _lull = new();

    // Until when it waits for clients; null when it serves as ever.
    private long? _lullDue;

    /// <summary>
    /// Whether nobody is answered any more. Those who have asked for the upgrade wait on; whoever followed something, or waited for something else, has been
    /// told to ask again.
    /// </summary>
    public bool IsQuiet => _lull.IsQuiet;

    private long NextLookForQuiet
    {
        get
        {
            if (_lullDue is not { } next)
                return long.MaxValue;
            foreach (var client in _clients.Values.Where(c => c.Asked is null && c.Since + FreshTime > Now))
                next = Math.Min(next, client.Since + FreshTime);
            return next;
        }
    }

    /// <summary>
    /// Asks it to fall quiet, in half a second at the most: whoever connects waits in the kernel's queue. The main loop is woken when it is; until then it must
    /// answer calls as ever.
    /// </summary>
    public void Pause()
    {
        _lull.Ask();
        _loop.Wake();
    }

    /// <summary>It serves again: nobody goes on in its place.</summary>
    public void Resume()
    {
        _lull.End();
        _loop.Wake();
    }

    /// <summary>While it is quiet: sends a client what has been answered, and tells its descriptor.</summary>
    /// <returns>Null when it is not there any more, or does not read.</returns>
    public int? DescriptorOf(long client)
    {
        if (!IsQuiet)
            return null;
        while (_answers.TryDequeue(out var answer))
            Deliver(answer);
        return _clients.TryGetValue(client, out var connection) && !connection.HasOutput ? connection.Stream.Fd : null;
    }

    private void FallQuiet()
    {
        if (!_lull.IsWanted)
        {
            if (_lullDue is null)
                return;
            _lullDue = null;
            _loop.Change(_socket.Listener.Fd, ListenerToken, read: _acceptDue is null, write: false);
            return;
        }
        if (_lullDue is null)
        {
            _lullDue = Now + LullTime;
            _loop.Change(_socket.Listener.Fd, ListenerToken, read: false, write: false);
        }
        foreach (var follower in _clients.Values.Where(c => c.Logs is { IsFollowing: true } || c.Following is { Follow: true }).ToArray())
            Finish(follower, Upgrading(follower) with { Since = follower.EventsToldTo });
        if (Now < _lullDue && _clients.Values.Any(IsBeingServed))
            return;
        foreach (var late in _clients.Values.Where(c => c.IsBusy && !IsAsker(c)).ToArray())
            CutOff(late);
        _lull.Keep(_wakeMain);
        _loop.Wake();
    }

    // What it has ordered is done all the same, so it is not told to the main thread that it has gone.
    private void CutOff(ControlConnection client)
    {
        client.Say(Upgrading(client), Now);
        _ = client.Send(Now);
        client.IsBusy = false;
        Drop(client);
    }

    private static bool IsBeingServed(ControlConnection client) =>
        client.HasOutput || client.IsMidLine || (client.IsBusy ? !IsAsker(client) : client.Asked is null && Now < client.Since + FreshTime);

    private static bool IsAsker(ControlConnection client) => client is { IsBusy: true, Asked.Verb: ControlProtocol.Upgrade };

    private static ControlReply Upgrading(ControlConnection client) =>
        ControlReply.Failed(
            client.Asked?.Id,
            ControlProtocol.Upgrading,
            client.Asked?.Verb is { } verb && ControlProtocol.OrderOf(verb) is not null
                ? "the emperor is upgraded: what was ordered is done all the same, but its outcome is not told; see emperor status"
                : "the emperor is upgraded: ask again"
        );
}
