using System.Collections.Immutable;

namespace Emperor.Core.Wsgi;

/// <summary>
/// Overview: where the workers of one vassal come from: a template process loads the app once, and they are forked from it, so that they share what
/// it has loaded. It is made when the first worker of a start or reload is wanted, and leaves when it has not been needed for a moment: then the
/// workers share the memory among themselves alone. One that is still there serves the next worker of the same generation, never of another: each
/// reload loads the code anew.
///
/// <para>A worker that is wanted waits for its template, then for its own first word. Whatever happens to the template, each that is wanted either is
/// born or has failed. How long that may take is the vassal's machine to say, which withdraws its wish. Pure: time is an argument, what is
/// to be done comes out.</para>
/// </summary>
public sealed record Nursery
{
    /// <summary>How long a template that has nothing to do stays, milliseconds: a reload wants its workers one after the other.</summary>
    public const long Linger = 2_000;

    /// <summary>How long one that was told to leave may take, milliseconds.</summary>
    public const long Patience = 2_000;

    /// <summary>The templates that live.</summary>
    public ImmutableArray<Template> Templates { get; init; } = [];

    /// <summary>The workers that are wanted and are not there yet.</summary>
    public ImmutableArray<Birth> Births { get; init; } = [];

    /// <summary>The number of the last template.</summary>
    public int LastTemplate { get; init; }

    /// <summary>When something is due by time alone, monotonic milliseconds; null when nothing is.</summary>
    public long? NextDeadline => Templates.Min(t => t.Deadline);

    /// <summary>Whether nothing is wanted and nothing lives.</summary>
    public bool IsEmpty => Templates.Length == 0 && Births.Length == 0;

    /// <summary>What becomes of it by an event.</summary>
    /// <param name="event">What has happened.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="deeds">What is to be done is added here, in order.</param>
    public Nursery Step(NurseryEvent @event, long now, ICollection<NurseryDeed> deeds)
    {
        ArgumentNullException.ThrowIfNull(deeds);
        return @event switch
        {
            NurseryEvent.Wanted e => Want(e, now, deeds),
            NurseryEvent.Withdrawn e => Withdraw(e.Incarnation, deeds).StopNeedless(now, deeds),
            NurseryEvent.Ready e => Ready(e.Template, now, deeds),
            NurseryEvent.Ended e => End(e, deeds),
            NurseryEvent.Born e => Bear(e.Incarnation, now),
            NurseryEvent.Lost e => Fail(e.Incarnation, e.Reason, deeds).StopNeedless(now, deeds),
            NurseryEvent.Closed => Close(now, deeds),
            _ => PassTime(now, deeds),
        };
    }

    private Nursery Want(NurseryEvent.Wanted wish, long now, ICollection<NurseryDeed> deeds)
    {
        var template = Templates.FirstOrDefault(t => t.Generation == wish.Generation && t.Stage != TemplateStage.Leaving);
        if (template is { Stage: TemplateStage.Ready })
        {
            deeds.Add(new NurseryDeed.Fork(template.Id, wish.Incarnation));
            return (this with { Births = Births.Add(new Birth(wish.Incarnation, wish.Generation, template.Id)) }).Keep(template, now);
        }
        var next = this with { Births = Births.Add(new Birth(wish.Incarnation, wish.Generation, null)) };
        if (template is not null)
            return next;
        var id = LastTemplate + 1;
        deeds.Add(new NurseryDeed.Start(id, wish.Incarnation));
        return next with { LastTemplate = id, Templates = Templates.Add(new Template(id, wish.Generation, TemplateStage.Loading, null)) };
    }

    private Nursery Ready(int id, long now, ICollection<NurseryDeed> deeds)
    {
        if (Templates.FirstOrDefault(t => t.Id == id) is not { Stage: TemplateStage.Loading } template)
            return this;
        var births = Births;
        foreach (var birth in Births.Where(b => b.Template is null && b.Generation == template.Generation))
        {
            deeds.Add(new NurseryDeed.Fork(id, birth.Incarnation));
            births = births.Replace(birth, birth with { Template = id });
        }
        return (this with { Births = births }).Keep(template with { Stage = TemplateStage.Ready }, now);
    }

    private Nursery End(NurseryEvent.Ended end, ICollection<NurseryDeed> deeds)
    {
        if (Templates.FirstOrDefault(t => t.Id == end.Template) is not { } template)
            return this;
        var next = this with { Templates = Templates.Remove(template) };
        // Those that wait for another one of the same generation are not its affair: it was told to leave.
        foreach (
            var birth in Births.Where(b =>
                b.Template == template.Id
                || (b.Template is null && b.Generation == template.Generation && template.Stage != TemplateStage.Leaving)
            )
        )
            next = next.Fail(birth.Incarnation, end.Reason, deeds);
        return next;
    }

    private Nursery Bear(int incarnation, long now)
    {
        if (Births.FirstOrDefault(b => b.Incarnation == incarnation) is not { } birth)
            return this;
        var next = this with { Births = Births.Remove(birth) };
        return Templates.FirstOrDefault(t => t.Id == birth.Template) is { Stage: TemplateStage.Ready } template
            ? next.Keep(template, now)
            : next;
    }

    private Nursery Withdraw(int incarnation, ICollection<NurseryDeed> deeds) =>
        Fail(incarnation, "it was told to stop before it was there", deeds);

    private Nursery Fail(int incarnation, string reason, ICollection<NurseryDeed> deeds)
    {
        if (Births.FirstOrDefault(b => b.Incarnation == incarnation) is not { } birth)
            return this;
        deeds.Add(new NurseryDeed.Fail(incarnation, reason));
        return this with { Births = Births.Remove(birth) };
    }

    // What is still loading for nobody would not hear that it is to leave.
    private Nursery StopNeedless(long now, ICollection<NurseryDeed> deeds)
    {
        var next = this;
        foreach (var template in Templates)
        {
            if (template.Stage == TemplateStage.Loading && !Births.Any(b => b.Generation == template.Generation))
                next = next.Kill(template, now, deeds);
        }
        return next;
    }

    private Nursery Close(long now, ICollection<NurseryDeed> deeds)
    {
        var next = this;
        foreach (var birth in Births)
            next = next.Withdraw(birth.Incarnation, deeds);
        foreach (var template in Templates)
            next = next.Kill(template, now, deeds);
        return next;
    }

    private Nursery PassTime(long now, ICollection<NurseryDeed> deeds)
    {
        var next = this;
        foreach (var template in Templates)
        {
            if (template.Deadline is not { } due || due > now)
                continue;
            if (template.Stage == TemplateStage.Leaving)
            {
                next = next.Kill(template, now, deeds);
            }
            else if (Births.Any(b => b.Template == template.Id))
            {
                next = next.Keep(template, now);
            }
            else
            {
                deeds.Add(new NurseryDeed.Stop(template.Id));
                next = next.Put(template with { Stage = TemplateStage.Leaving, Deadline = now + Patience });
            }
        }
        return next;
    }

    private Nursery Kill(Template template, long now, ICollection<NurseryDeed> deeds)
    {
        deeds.Add(new NurseryDeed.Kill(template.Id));
        return Put(template with { Stage = TemplateStage.Leaving, Deadline = now + Patience });
    }

    private Nursery Keep(Template template, long now) => Put(template with { Deadline = now + Linger });

    private Nursery Put(Template template) => this with { Templates = [.. Templates.Select(t => t.Id == template.Id ? template : t)] };
}

/// <summary>How far a template is.</summary>
public enum TemplateStage
{
    /// <summary>It loads the app.</summary>
    Loading,

    /// <summary>Workers can be forked from it.</summary>
    Ready,

    /// <summary>It has been told to leave, or killed.</summary>
    Leaving,
}

/// <summary>A template process.</summary>
/// <param name="Id">Its number, which no other of the vassal has.</param>
/// <param name="Generation">The start or reload of the vassal that it is for.</param>
/// <param name="Stage">How far it is.</param>
/// <param name="Deadline">When it is told to leave, or killed, monotonic milliseconds; null while it loads.</param>
public sealed record Template(int Id, int Generation, TemplateStage Stage, long? Deadline);

/// <summary>A worker that is wanted.</summary>
/// <param name="Incarnation">The number of its process.</param>
/// <param name="Generation">The start or reload that it belongs to.</param>
/// <param name="Template">The template that has been told to fork it; null while it waits for one.</param>
public sealed record Birth(int Incarnation, int Generation, int? Template);

/// <summary>Something that has happened to a <see cref="Nursery"/>.</summary>
public abstract record NurseryEvent
{
    private NurseryEvent() { }

    /// <summary>A worker is wanted.</summary>
    public sealed record Wanted(int Incarnation, int Generation) : NurseryEvent;

    /// <summary>It is not wanted any more.</summary>
    public sealed record Withdrawn(int Incarnation) : NurseryEvent;

    /// <summary>A template has loaded the app.</summary>
    public sealed record Ready(int Template) : NurseryEvent;

    /// <summary>A template has ended, or could not be started.</summary>
    public sealed record Ended(int Template, string Reason) : NurseryEvent;

    /// <summary>A worker has said its first word, and is the emperor's child.</summary>
    public sealed record Born(int Incarnation) : NurseryEvent;

    /// <summary>A worker could not be forked, or has ended before its first word.</summary>
    public sealed record Lost(int Incarnation, string Reason) : NurseryEvent;

    /// <summary>Time has passed.</summary>
    public sealed record TimePassed : NurseryEvent;

    /// <summary>The vassal is gone, or stopped.</summary>
    public sealed record Closed : NurseryEvent;
}

/// <summary>Something that is to be done for a <see cref="Nursery"/>.</summary>
public abstract record NurseryDeed
{
    private NurseryDeed() { }

    /// <summary>Start a template, as the worker is to be that is wanted.</summary>
    public sealed record Start(int Template, int Incarnation) : NurseryDeed;

    /// <summary>Have a worker forked.</summary>
    public sealed record Fork(int Template, int Incarnation) : NurseryDeed;

    /// <summary>Tell a template to leave.</summary>
    public sealed record Stop(int Template) : NurseryDeed;

    /// <summary>Kill a template.</summary>
    public sealed record Kill(int Template) : NurseryDeed;

    /// <summary>There will be no such worker; the machine is told why.</summary>
    public sealed record Fail(int Incarnation, string Reason) : NurseryDeed;
}
