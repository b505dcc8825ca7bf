using Emperor.Core;
using Emperor.Core.Protocol;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using Emperor.Tests.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Stats;

/// <summary>What a snapshot says of a vassal and of the empire.</summary>
[TestFixture]
public sealed class SnapshotTests
{
    private const long Epoch = 1_700_000_000_000;
    private static readonly VassalSource First = new("/v/blog.ini", "/srv/blog.ini", "/v", 33, 34, "aa");

    private static VassalSnapshot Seen(Patient patient) =>
        new(patient.State, patient.Policy, new Instant(patient.Now, Epoch + patient.Now));

    [Test]
    public void A_vassal_that_fails_says_what_happened_how_long_it_lived_and_when_it_is_tried_again()
    {
        var patient = new Patient().BroughtTo(Phase.Starting).Silently(2_000).Exits(1).HasProcess().Silently(200).Exits(3);
        var seen = Seen(patient);
        Assert.That(seen.State, Is.EqualTo("backoff"));
        Assert.That(seen.Reason, Does.StartWith("exit 3 after 0.2 s; 2 failures in a row since "));
        Assert.That(seen.NextRetry, Is.EqualTo(Epoch + patient.Now + 1_000));
        Assert.That(seen.LastExit!.Lived, Is.EqualTo(200));
        Assert.That(seen.LastExit.End.Code, Is.EqualTo(3));
        Assert.That(seen.LastExit.At, Is.EqualTo(Epoch + patient.Now));
        Assert.That(patient.State.History.FirstFailure, Is.EqualTo(Epoch + patient.Now - 200));
        Assert.That((seen.Pid, seen.IsUp, seen.IsWell, seen.Restarts), Is.EqualTo(((int?)null, false, false, 1)));
    }

    [Test]
    public void Its_words_have_their_times_and_a_new_process_keeps_the_first_start()
    {
        var patient = new Patient().BroughtTo(Phase.Starting);
        var started = Epoch + patient.Now;
        patient.Silently(10).Says(VassalMessage.Spawned).Silently(10).Accepts().Silently(10).IsLoyal();
        patient.Silently(10).Says(VassalMessage.Heartbeat);
        var history = patient.State.History;
        Assert.That(
            (history.FirstStart, history.LastReady, history.LastAccepting, history.LastLoyal, history.LastHeartbeat),
            Is.EqualTo((started, started + 10, started + 20, started + 30, started + 40))
        );
        patient.Silently(60_000).Exits(1).HasProcess();
        history = patient.State.History;
        Assert.That((history.FirstStart, history.LastStart), Is.EqualTo((started, started + 60_040)));
        Assert.That(history.LastHeartbeat, Is.Zero, "the new process has not beaten its heart");
        Assert.That(history.Since, Is.EqualTo(started + 60_040), "it starts since then");
    }

    [Test]
    public void The_digest_is_the_latest_when_the_process_was_started_or_reloaded_with_it()
    {
        var patient = new Patient().Takes(new VassalEvent.FileAccepted(1, First)).HasProcess().Accepts().Rested();
        Assert.That(Seen(patient).IsLatest, Is.True);
        patient.Takes(new VassalEvent.FileRefused("it is empty", First with { Digest = "bb" }));
        Assert.That((Seen(patient).IsLatest, patient.State.LaunchedDigest), Is.EqualTo((false, "aa")));
        Assert.That(Seen(patient).Reason, Is.EqualTo("it accepts requests; its changed file was not taken: it is empty"));
        patient.Takes(new VassalEvent.FileAccepted(2, First with { Digest = "cc" }));
        Assert.That((patient.Phase, Seen(patient).IsLatest, patient.State.LaunchedDigest), Is.EqualTo((Phase.Reloading, true, "cc")));
        patient.Takes(new VassalEvent.FileAccepted(3, First with { Digest = "dd" }));
        Assert.That((Seen(patient).IsLatest, patient.State.LaunchedDigest), Is.EqualTo((false, "cc")), "that reload waits");
    }

    [Test]
    public void A_reload_is_timed_from_the_order_to_the_word_that_requests_are_accepted()
    {
        var patient = new Patient().BroughtTo(Phase.Reloading).Silently(700).Accepts();
        Assert.That((patient.State.History.ReloadsAnswered, patient.State.History.LastReloadTook), Is.EqualTo((1, 700L)));
        patient.Accepts().IsLoyal();
        Assert.That(patient.State.History.ReloadsAnswered, Is.EqualTo(1), "further words are no further answers");
    }

    [TestCase(Phase.Cursed, true)]
    [TestCase(Phase.Stopping, true)]
    [TestCase(Phase.Killing, true)]
    [TestCase(Phase.Running, false)]
    [TestCase(Phase.Backoff, false)]
    [TestCase(Phase.Resting, false)]
    public void It_is_cursed_while_its_process_is_made_to_end(Phase phase, bool isCursed) =>
        Assert.That(new Patient().BroughtTo(phase).State.History.Cursed, isCursed ? Is.Not.Zero : Is.Zero);

    [Test]
    public void A_snapshot_of_the_empire_never_changes_and_counts_reload_times()
    {
        var empire = new Empire(new EmpirePolicy());
        var effects = new List<Effect>();
        var moment = new Instant(1_000, Epoch);
        void Tell(VassalEvent @event) => empire.Handle("a", @event, moment, effects);
        Tell(new VassalEvent.FileAccepted(1, First));
        Tell(new VassalEvent.Spawned(1, 42));
        var before = empire.Snapshot(moment, isReady: true, default, []);
        Tell(new VassalEvent.Received(1, VassalMessage.Accepting));
        moment = new Instant(9_000, Epoch + 8_000);
        Tell(new VassalEvent.FileAccepted(2, First));
        moment = new Instant(9_300, Epoch + 8_300);
        Tell(new VassalEvent.Received(1, VassalMessage.Accepting));
        var after = empire.Snapshot(moment, isReady: true, default, []);
        Assert.That((before.Find("a")!.Value.State, after.Find("a")!.Value.State), Is.EqualTo(("starting", "accepting")));
        Assert.That((before.Reloads.Sum, after.Reloads.Sum), Is.EqualTo((0L, 300L)));
        Assert.That(after.Reloads.Counts, Is.EqualTo(new long[] { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 }));
        empire.End(moment, effects);
        Assert.That(empire.Snapshot(moment, isReady: true, default, []).IsReady, Is.False, "one that leaves is not ready");
    }
}
