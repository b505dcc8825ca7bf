using Emperor.Core.Control;
using Emperor.Core.Stats;
using Emperor.Linux;
using Emperor.Output;
using Emperor.Servers;

namespace Emperor.Control;

/// <summary>Puts together what is known of one vassal. On the thread of the control socket, which may ask the system.</summary>
internal static class Explanations
{
    /// <summary>All about it.</summary>
    /// <param name="vassal">The vassal as it stood.</param>
    /// <param name="launch">How it is started.</param>
    /// <param name="ring">The events that are kept.</param>
    /// <param name="output">What vassals print; null when that is not kept.</param>
    public static ExplainView Of(VassalSnapshot vassal, LaunchPlan launch, EventRing ring, VassalOutput? output)
    {
        var (raw, source) = (vassal.Raw, vassal.Source);
        var events = ring.Last(Explanation.Events, e => e.Vassal == raw.Name);
        return new ExplainView
        {
            Vassal = VassalView.Of(vassal),
            File = source?.Path ?? launch.Configuration,
            Target = source?.Target,
            Folder = launch.Folder,
            FileModified = raw.File.LastModified,
            Command = launch.Command,
            Server = raw.Plan is { Wsgi: not null, ServerReason: { } why } ? $"the built-in one for WSGI: {why}" : null,
            Environment = launch.Additions,
            User = raw.Pid is { } pid ? UserOf(pid) : null,
            Events = [.. events.Select(EventView.Of)],
            Output = output?.Tail(raw.Name, Explanation.Lines).Select(l => l.Text).ToArray(),
            Next = Explanation.Next(vassal),
            Advice = Explanation.Advice(vassal),
        };
    }

    // The owner of its folder in /proc is its effective user.
    private static string? UserOf(int pid)
    {
        if (FileStatus.Get($"/proc/{pid}", follow: true, out var status).Number != 0)
            return null;
        return Accounts.UserById(status.Uid)?.Name ?? $"{status.Uid}";
    }
}
