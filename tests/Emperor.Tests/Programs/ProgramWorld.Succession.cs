using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Tests.Simulation;
using Emperor.Tests.Succession;

namespace Emperor.Tests.Programs;

// How one emperor follows another: as in History, with processes and generations.
internal sealed partial class ProgramWorld
{
    private const int LongestAbsence = 10_000;
    private const long Grace = 5_000;
    private const string NobodySaw = "ended while there was no emperor, nobody saw how";

    // What was last written down, and what was heard since that will be told again: files are looked at, connections wait.
    private readonly List<VassalEvent> _toldAgain = [];
    private readonly Queue<VassalEvent> _unheard = new();
    private VassalState _written = VassalMachine.Create("blog.ini");
    private HashSet<string> _heldWritten = [];
    private bool _hadEnded;
    private bool _isAway;

    /// <summary>Lets the emperor be killed, and followed, at moments of chance.</summary>
    public ProgramWorld Mortal()
    {
        for (var i = _dice.Next(4); i > 0; i--)
            At(_now + _dice.Next(320_000), () => mortality.KillIn(_dice.Next(8)));
        for (var i = _dice.Next(4); i > 0; i--)
            At(_now + _dice.Next(320_000), () => mortality.UpgradeSoon());
        return this;
    }

    private void Turn(Action happening)
    {
        if (_isAway)
            return;
        try
        {
            happening();
            Settle();
            CheckGenerations();
            mortality.Step("the end of a turn");
        }
        catch (EmperorKilledException)
        {
            Bury();
            return;
        }
        WriteDown();
        if (mortality.TakeUpgrade())
            Upgrade();
    }

    private void WriteDown()
    {
        (_written, _heldWritten, _hadEnded) = (_state, _held, _hasEnded);
        _toldAgain.Clear();
    }

    private void Heed(VassalEvent @event)
    {
        _hasEnded |= @event is VassalEvent.Ragnarok;
        if (
            @event
            is VassalEvent.FileAccepted
                or VassalEvent.FileRefused
                or VassalEvent.FileGone
                or VassalEvent.Knocked
                or VassalEvent.Ragnarok
        )
            _toldAgain.Add(@event);
    }

    // Orders to nobody are lost, and what the emperor finds out itself nobody finds out.
    private void HearLater(VassalEvent @event)
    {
        if (
            @event
            is not (
                VassalEvent.Ordered
                or VassalEvent.ReloadAsked
                or VassalEvent.Forgiven
                or VassalEvent.FellIdle
                or VassalEvent.Scaled
                or VassalEvent.Unwell
                or VassalEvent.BecameReady
            )
        )
            _unheard.Enqueue(@event);
        _isFrozen &= @event is not VassalEvent.FellIdle;
    }

    private void Probe(int incarnation, SimulatedMember member)
    {
        if (member.ReadyIn is { } readyIn)
            At(_now + readyIn, () => Say(new VassalEvent.BecameReady(incarnation), member));
    }

    private void Upgrade()
    {
        trace.Say($"upgrade");
        var document = Document(_state);
        _state = Read(LegacyText.Read(document));
        Check(Document(_state).AsSpan().SequenceEqual(document), "something is lost by an upgrade");
        var living = _living.Keys.Concat(_unborn.Keys).ToHashSet();
        Check(!Accession.Losses(_state, living, NobodySaw).Any(), "somebody is missed after an upgrade");
        Check(!Accession.Repairs(_state, HasItsSockets).Any(), "something is repaired after an upgrade");
    }

    private bool HasItsSockets => Accession.SocketsOf(_state).All(_held.Contains);

    private void Bury()
    {
        trace.Say($"the emperor is killed before {mortality.Deaths[^1]}");
        _outcomes.Clear();
        // Templates end with it, and what they were to bear is not born.
        _unborn.Clear();
        foreach (var again in _toldAgain)
            _unheard.Enqueue(again);
        _toldAgain.Clear();
        Stay(_dice.Next(LongestAbsence));
        _hasEnded = _hadEnded;
        var entry = LegacyJournal.Of(new EmpireLegacy(), [(_written.Name, Inheritance.Of(_written))], "1.0");
        _state = Accession.AfterAbsence(Read(LegacyJournal.Read([LegacyJournal.Write(entry)])), _now, Grace);
        trace.Say($"another emperor follows; it is {_state.Phase}");
        Adopt();
        Turn(Accede);
    }

    private void Stay(int time)
    {
        _isAway = true;
        var until = _now + time;
        while (_future.TryPeek(out var action, out var at) && at <= until)
        {
            _now = trace.Now = Math.Max(_now, at);
            _future.Dequeue();
            action();
        }
        _now = trace.Now = until;
        _isAway = false;
    }

    // What nobody knows is ended, and of the rest some does not come over.
    private void Adopt()
    {
        foreach (var incarnation in _living.Keys)
        {
            if (!IsKnown(incarnation) || _dice.Next(10) == 0)
                _living.Remove(incarnation);
        }
        _held = _state.HoldsSockets && _dice.Next(10) == 0 ? [] : [.. _held.Intersect(_heldWritten)];
        _awaited = _state.Phase == Phase.Waiting;
    }

    private bool IsKnown(int incarnation) =>
        _state is { IsProgram: false, HasProcess: true }
            ? incarnation == _state.Incarnation
            : _state.Members.Any(m => m.Incarnation == incarnation);

    private static int? IncarnationOf(VassalEvent @event) =>
        @event switch
        {
            VassalEvent.Exited e => e.Incarnation,
            VassalEvent.Received e => e.Incarnation,
            VassalEvent.Notified e => e.Incarnation,
            VassalEvent.Departing e => e.Incarnation,
            _ => null,
        };

    private void Accede()
    {
        // What the former one had started and not written down has a number that may be given again: nobody heeds what it said.
        var unheard = _unheard.Where(e => IncarnationOf(e) is not { } i || IsKnown(i)).ToArray();
        var ended = unheard.OfType<VassalEvent.Exited>().Select(e => e.Incarnation).Where(_ => _dice.Next(3) > 0).ToHashSet();
        var living = _living.Keys.Concat(ended).ToHashSet();
        var (repairs, losses) = (Accession.Repairs(_state, HasItsSockets), Accession.Losses(_state, living, NobodySaw));
        var mute = _living.Keys.Where(_ => _dice.Next(10) == 0).ToHashSet();
        var renewals = Accession.Renewals(_state, mute).ToArray();
        // Only who may fall idle can be frozen.
        _isFrozen &= _state.Members.Any(m => m.Plan.Idle is not null);
        foreach (var release in Accession.Releases(_state))
            Do(release);
        foreach (var member in _state.Members.Where(m => m is { ReadyAt: null, Pid: not null, Role: not MemberRole.Leaving }))
        {
            if (_living.TryGetValue(member.Incarnation, out var process))
                Probe(member.Incarnation, process);
        }
        foreach (var @event in repairs.Concat(renewals).Concat(losses).ToArray())
            Step(@event);
        Settle();
        // What it was told is told again until it is written down that it was.
        foreach (var @event in unheard)
        {
            _awaited &= @event is not VassalEvent.Knocked;
            Step(@event);
            Settle();
        }
        _unheard.Clear();
        Step(new VassalEvent.TimePassed());
    }

    private static byte[] Document(VassalState state) =>
        LegacyText.Write(new Legacy { Program = "1.0", Vassals = [Inheritance.Of(state)] });

    private static VassalState Read(Legacy legacy) => legacy.Vassals[0].State!.Restore(new PlanTable(legacy.Vassals[0].Plans));
}
