using Emperor.Core.Monitoring;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

// How one emperor follows another.
internal sealed partial class History
{
    private const long LongestAbsence = 10_000;
    private const long Grace = 5_000;
    private const string NobodySaw = "ended while there was no emperor, nobody saw how";

    private LastWord _lastWord = null!;

    // A turn, however many emperors it takes.
    private void LiveTurn()
    {
        while (true)
        {
            try
            {
                if (_isNew)
                    Accede();
                Turn();
                Scan();
                Knock();
                _mortality.Step("the end of a turn");
                WriteDown();
                return;
            }
            catch (EmperorKilledException)
            {
                Bury();
            }
        }
    }

    private void WriteDown()
    {
        _lastWord = new LastWord(_empire, _census);
        _invariants.Remember();
        _peace.Remember();
        _isNew = false;
    }

    // The emperor leaves on purpose: nobody sees a difference, least of all the vassals.
    private void Upgrade()
    {
        _trace.Say($"upgrade");
        var document = _lastWord.Document;
        Found(_lastWord.Bequeathed);
        Invariants.Require(
            "NothingIsLostByAnUpgrade",
            new LastWord(_empire, _census).Document.AsSpan().SequenceEqual(document),
            "it is not the same"
        );
        foreach (var state in _empire.Vassals.Values)
        {
            var living = _kernel.LivingOf(state.Name);
            Invariants.Require("NobodyIsMissedAfterAnUpgrade", !Accession.Losses(state, living, NobodySaw).Any(), $"{state}");
            Invariants.Require("NothingIsRepairedAfterAnUpgrade", !Accession.Repairs(state, _sockets.Has(state)).Any(), $"{state}");
        }
        _empire.TimePassed(Now, _effects);
        _empire.ExpectNoMore(Now, _effects);
        Invariants.Require("AnUpgradeDoesNothing", _effects.Count == 0, $"{(_effects.Count > 0 ? _effects[0] : null)}");
        _churn.HintAll();
    }

    // It has ended without a word. The world goes on for a while, and then there is another one.
    private void Bury()
    {
        _trace.Say($"the emperor is killed at step {_mortality.Steps}, {_mortality.Deaths[^1]}");
        _effects.Clear();
        _signals.Clear();
        _kernel.LoseEmperor();
        Stay(_absences.Duration(LongestAbsence));
        _signals.Clear();
        _trace.Say($"another emperor follows");
        var found = _lastWord.Found;
        Found(
            found with
            {
                Vassals =
                [
                    .. found.Vassals.Select(v =>
                        v with
                        {
                            State = v.State! with { State = Accession.AfterAbsence(v.State.State, _time.Now, Grace) },
                        }
                    ),
                ],
            }
        );
        _peace.Recall(LastWord.Told(found));
        _invariants.Recall(_empire);
        foreach (var lost in _kernel.Adopt(_empire.Vassals, _absences))
            _invariants.Lost(lost);
        _sockets.Adopt(_empire.Vassals, _absences);
        _isNew = true;
        // The end of all that had been ordered then may be forgotten.
        if (!_isTame && _time.Now >= _wildUntil)
            MakePeace();
    }

    private void Stay(long time)
    {
        var until = _time.Now + time;
        while (_time.Next is { } next && next <= until)
        {
            _time.Now = _trace.Now = Math.Max(_time.Now, next);
            _time.CatchUp();
        }
        _time.Now = _trace.Now = until;
    }

    private void Found(Legacy legacy)
    {
        _empire = new Empire(_policy, legacy);
        _census = new Census(LastWord.Told(legacy));
    }

    // What was lost comes first, then what the loop hears.
    private void Accede()
    {
        foreach (var state in _empire.Vassals.Values.ToArray())
        {
            foreach (var repair in Accession.Repairs(state, _sockets.Has(state)))
                _kernel.Outcomes.Enqueue((state.Name, repair));
            foreach (var renewal in Accession.Renewals(state, _kernel.MuteOf(state.Name, _absences)))
                _kernel.Outcomes.Enqueue((state.Name, renewal));
            foreach (var loss in Accession.Losses(state, _kernel.LivingOf(state.Name), NobodySaw))
                _kernel.Outcomes.Enqueue((state.Name, loss));
        }
        Settle();
        _invariants.Acceded();
        _empire.ExpectNoMore(Now, _effects);
        Settle();
        _churn.HintAll();
    }
}
