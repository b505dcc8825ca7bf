using Emperor.Core.Control;
using Emperor.Output;

namespace Emperor.Control;

/// <summary>Tells one client what vassals print: the last lines, and then those that come.</summary>
internal sealed class LogTeller : IDisposable
{
    /// <summary>How many lines are told when the request does not say.</summary>
    public const int DefaultLines = 20;

    private const int LinesATurn = 256;

    private readonly LogsWanted _wanted;
    private readonly Queue<OutputLine> _last;
    private readonly Func<OutputLine, bool> _mayTell;
    private readonly List<OutputFollower> _followers = [];

    /// <summary>Begins.</summary>
    /// <param name="wanted">What the client wants.</param>
    /// <param name="output">What vassals print.</param>
    /// <param name="wake">Called on another thread when there are lines.</param>
    /// <param name="owners">Whose vassals are; null when the client may see all.</param>
    /// <param name="peer">The client's user.</param>
    public LogTeller(LogsWanted wanted, VassalOutput output, Action wake, OwnerBook? owners, uint peer)
    {
        _mayTell = line => owners?.MaySee(line.Vassal, peer, line.Time.ToUnixTimeMilliseconds()) != false;
        _wanted = wanted;
        var count = wanted.Request.Count ?? DefaultLines;
        // First, so that no line falls between; a line that comes between is told twice rather than never.
        if (wanted.Request.Follow)
            IsRefused = !wanted.Vassals.All(name => TryFollow(output, name, wake));
        var last = wanted.Vassals.SelectMany(name => output.Tail(name, count)).Where(_mayTell).OrderBy(line => line.Time).ToArray();
        _last = new Queue<OutputLine>(last.TakeLast(count));
    }

    /// <summary>The request's number.</summary>
    public System.Text.Json.JsonElement? Id => _wanted.Request.Id;

    /// <summary>So many follow already that it cannot.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Tells what there is.</summary>
    /// <param name="say">Says a line; false when it was not taken at once.</param>
    /// <returns>Whether there is more to tell at once.</returns>
    public bool Turn(Func<ControlReply, bool> say)
    {
        for (var i = 0; i < LinesATurn; i++)
        {
            if (Next() is not { } reply)
                return false;
            if (!say(reply))
                return true;
        }
        return true;
    }

    /// <summary>Whether it goes on with what comes.</summary>
    public bool IsFollowing => _wanted.Request.Follow;

    /// <summary>Whether all is told.</summary>
    public bool IsDone => _last.Count == 0 && !IsFollowing;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var follower in _followers)
            follower.Dispose();
    }

    private bool TryFollow(VassalOutput output, string name, Action wake)
    {
        if (output.Follow(name, wake) is not { } follower)
            return false;
        _followers.Add(follower);
        return true;
    }

    private ControlReply? Next()
    {
        if (_last.TryDequeue(out var line))
            return Reply(line);
        foreach (var follower in _followers)
        {
            long lost;
            while (follower.TryTake(out line, out lost))
            {
                if (_mayTell(line))
                    return Reply(line);
            }
            if (lost > 0)
                return new ControlReply
                {
                    Id = _wanted.Request.Id,
                    More = true,
                    Missed = lost,
                };
        }
        return null;
    }

    private ControlReply Reply(OutputLine line) =>
        new()
        {
            Id = _wanted.Request.Id,
            More = true,
            Line = new LineView(line.Vassal, line.Time.ToUnixTimeMilliseconds(), line.Text),
        };
}
