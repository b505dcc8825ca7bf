using Emperor.Core.Control;
using Emperor.Core.Programs;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Output;
using Emperor.Servers;

namespace Emperor.Control;

/// <summary>Puts together what is known of one vassal. On the thread of the control socket, which may ask the system.</summary>
internal static class Explanations
{
    // The end says what; a recursion has a thousand.
    private const int MostTracebackLines = 60;

    /// <summary>All about it.</summary>
    /// <param name="vassal">The vassal as it stood.</param>
    /// <param name="launch">How it is started.</param>
    /// <param name="ring">The events that are kept.</param>
    /// <param name="output">What vassals print; null when that is not kept.</param>
    /// <param name="maySee">Whether who asks may see what was at a time, milliseconds since the epoch.</param>
    public static ExplainView Of(VassalSnapshot vassal, LaunchPlan launch, EventRing ring, VassalOutput? output, Func<long, bool> maySee)
    {
        var (raw, source) = (vassal.Raw, vassal.Source);
        var events = ring.Last(Explanation.Events, e => e.Vassal == raw.Name && maySee(e.Unix));
        return new ExplainView
        {
            Vassal = VassalView.Of(vassal),
            File = source?.Path ?? launch.Configuration,
            Target = source?.Target,
            Folder = launch.Folder,
            FileModified = raw.File.LastModified,
            Command = launch.Command,
            Server = raw.Plan is { Wsgi: not null, ServerReason: { } why } ? $"the built-in one for WSGI: {why}" : launch.Server,
            Traceback = raw.Traceback is { Length: > 0 } traceback ? traceback.Split('\n').TakeLast(MostTracebackLines).ToArray() : null,
            Environment = launch.Additions,
            Program = raw.IsProgram ? Of(vassal, launch) : null,
            User = raw.Pid is { } pid ? UserOf(pid) : null,
            Events = [.. events.Select(EventView.Of)],
            Output = output
                ?.Tail(raw.Name, Explanation.Lines)
                .Where(l => maySee(l.Time.ToUnixTimeMilliseconds()))
                .Select(l => l.Text)
                .ToArray(),
            Next = Explanation.Next(vassal),
            Advice = Explanation.Advice(vassal),
        };
    }

    private static ProgramView Of(VassalSnapshot vassal, LaunchPlan launch)
    {
        var (raw, now) = (vassal.Raw, vassal.At.Monotonic);
        var plan = PlanOf(raw)!;
        var latest = raw.Rolling ?? raw.Plan;
        var other = latest is { IsProgram: true } ? PlanWords.Command(latest) : [];
        return new ProgramView
        {
            Folder = plan.Folder,
            Account = PlanWords.Account(plan),
            NewCommand = other.Count > 0 && !other.SequenceEqual(PlanWords.Command(plan)) ? other : null,
            Variables = [.. plan.Environment.Select(v => v.Split('=', 2)[0])],
            VariableFiles = plan.EnvironmentFiles,
            Sockets = PlanWords.Sockets(plan),
            Limits = PlanWords.Limits(plan.Limits),
            Unenforced = launch.Unenforced,
            Rules = PlanWords.Rules(plan),
            Processes = [.. raw.Members.Select(m => Of(m, raw, now))],
        };
    }

    private static MemberView Of(Member member, VassalState raw, long now) =>
        new(
            member.Pid,
            member.Slot + 1,
            member.Incarnation,
            member.Role.ToString().ToLowerInvariant(),
            now - member.SpawnedAt,
            now - member.ReadyAt,
            member.Status.Length > 0 ? member.Status : null,
            member.Problem.Length > 0 ? member.Problem : null,
            member.Failure,
            member.Digest == raw.Source?.Digest
        );

    /// <summary>What a program runs with, or, without a process, will; null for a uwsgi.</summary>
    public static ProgramPlan? PlanOf(VassalState raw)
    {
        if (!raw.IsProgram)
            return null;
        var member = raw.Members.FirstOrDefault(m => m.Serves) ?? raw.Members.FirstOrDefault(m => m.Role == MemberRole.Current);
        return member?.Plan ?? (raw.Slots.Length > 0 ? raw.Slots[0].Plan : raw.Plan);
    }

    // The owner of its folder in /proc is its effective user.
    private static string? UserOf(int pid)
    {
        if (FileStatus.Get($"/proc/{pid}", follow: true, out var status).Number != 0)
            return null;
        return Accounts.UserById(status.Uid)?.Name ?? $"{status.Uid}";
    }
}
