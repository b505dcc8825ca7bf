using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>What a changed file, good or bad, does to a vassal that runs.</summary>
[TestFixture]
public sealed class ReloadTests
{
    [Test]
    public void Changes_during_a_reload_are_told_together_when_it_accepts_again()
    {
        var patient = new Patient().BroughtTo(Phase.Reloading);
        Assert.That(patient.FileIsGood(3).Deeds, Is.Empty);
        Assert.That(patient.FileIsGood(4).Deeds, Is.Empty);
        Assert.That(patient.Accepts().Deeds, Is.Empty);
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("send 1"));
        Assert.That(patient.Accepts().Deeds, Is.Empty);
        Assert.That((patient.Phase, patient.State.NextDeadline), Is.EqualTo((Phase.Running, (long?)null)));
    }

    [Test]
    public void One_that_has_just_said_that_it_accepts_is_left_alone_for_a_while_however_often_it_says_so()
    {
        var patient = new Patient().BroughtTo(Phase.Starting).Accepts();
        var since = patient.Now;
        Assert.That(patient.Silently(100).FileIsGood(2).Deeds, Is.Empty);
        Assert.That(patient.Silently(100).Accepts().IsLoyal().FileIsGood(3).Deeds, Is.Empty);
        Assert.That((patient.AtItsDeadline().Deeds, patient.Now - since), Is.EqualTo(("send 1", patient.Policy.ReloadRest)));
    }

    [Test]
    public void One_that_starts_is_told_of_a_change_when_it_has_had_its_rest()
    {
        var patient = new Patient().BroughtTo(Phase.Starting).FileIsGood(2).Silently(1_000).Accepts();
        var since = patient.Now;
        Assert.That((patient.AtItsDeadline().Deeds, patient.Now - since), Is.EqualTo(("send 1", patient.Policy.ReloadRest)));
    }

    [Test]
    public void One_that_starts_and_never_says_that_it_accepts_is_told_of_a_change_after_patience()
    {
        var patient = new Patient().BroughtTo(Phase.Starting).FileIsGood(2);
        var since = patient.Now;
        Assert.That((patient.AtItsDeadline().Deeds, patient.Now - since), Is.EqualTo(("send 1", patient.Policy.ReloadPatience)));
    }

    [Test]
    public void A_refused_change_takes_back_the_good_one_that_waits_for_the_rest()
    {
        var patient = new Patient().BroughtTo(Phase.Starting).Accepts().FileIsGood(2).FileIsBad();
        Assert.That((patient.Phase, patient.State.NextDeadline), Is.EqualTo((Phase.Running, (long?)null)));
        patient = new Patient().BroughtTo(Phase.Starting).FileIsGood(2).FileIsBad();
        Assert.That((patient.Phase, patient.State.NextDeadline), Is.EqualTo((Phase.Starting, (long?)null)));
    }

    [Test]
    public void A_reload_without_an_answer_is_no_reason_to_wait_when_nothing_further_has_changed() =>
        Assert.That(new Patient().BroughtTo(Phase.Reloading).State.NextDeadline, Is.Null);

    [Test]
    public void A_further_change_is_told_after_patience_although_the_last_was_not_answered()
    {
        var patient = new Patient().BroughtTo(Phase.Reloading).Silently(1_000).FileIsGood(3);
        var since = patient.Now;
        patient.Silently(1_000).FileIsGood(4).AtItsDeadline();
        Assert.That((patient.Now - since, patient.Deeds), Is.EqualTo((patient.Policy.ReloadPatience, "send 1")));
        Assert.That(patient.State.NextDeadline, Is.Null);
    }

    [Test]
    public void A_deaf_vassal_is_told_again_after_patience_and_complained_of_once()
    {
        var patient = new Patient().BroughtTo(Phase.Reloading).IsDeafTo(EmperorMessage.Reload);
        Assert.That(patient.Notes.Select(n => n.Level), Is.EqualTo(new[] { NoteLevel.Warning }));
        for (var i = 0; i < 3; i++)
        {
            Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("send 1"));
            Assert.That(patient.Notes.Select(n => n.Level), Is.EqualTo(new[] { NoteLevel.Debug }));
            Assert.That(patient.IsDeafTo(EmperorMessage.Reload).Notes, Is.Empty);
        }
        patient.AtItsDeadline().Accepts();
        Assert.That((patient.Phase, patient.State.NextDeadline), Is.EqualTo((Phase.Running, (long?)null)));
    }

    [Test]
    public void A_deaf_vassal_that_talks_all_the_time_cannot_make_the_emperor_talk()
    {
        var patient = new Patient().BroughtTo(Phase.Reloading).IsDeafTo(EmperorMessage.Reload);
        for (var i = 0; i < 100; i++)
        {
            Assert.That(patient.Says(VassalMessage.Spawned).Accepts().Effects, Is.Empty);
        }
    }

    [Test]
    public void A_reload_that_was_not_read_is_not_lost_when_an_older_word_came_before_the_news_of_it()
    {
        // The loop hands over all that a vassal has said before it hands over what could not be sent meanwhile.
        var patient = new Patient().BroughtTo(Phase.Reloading).Accepts().IsDeafTo(EmperorMessage.Reload);
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("send 1"));
    }

    [Test]
    public void A_sub_emperor_answers_a_reload_by_its_loyalty_alone()
    {
        var patient = new Patient().BroughtTo(Phase.Starting).IsLoyal().Rested().FileIsGood(2).FileIsGood(3).IsLoyal();
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("send 1"));
        Assert.That(patient.IsLoyal().Phase, Is.EqualTo(Phase.Running));
    }

    [Test]
    public void The_first_loyalty_during_a_reload_is_no_answer_because_the_old_program_may_have_said_it() =>
        Assert.That(new Patient().BroughtTo(Phase.Reloading).IsLoyal().Phase, Is.EqualTo(Phase.Reloading));

    [Test]
    public void A_refused_change_leaves_the_process_alone_and_says_why()
    {
        var patient = new Patient().BroughtTo(Phase.Running).FileIsBad("it is a picture");
        Assert.That((patient.Phase, patient.Deeds, patient.State.RefusedChange), Is.EqualTo((Phase.Running, "", "it is a picture")));
        Assert.That(patient.State.Summary, Does.Contain("it is a picture"));
    }

    [Test]
    public void A_refused_change_followed_by_a_death_is_a_config_error_and_not_a_respawn()
    {
        var patient = new Patient().BroughtTo(Phase.Running).FileIsBad("it is a picture").Exits(1);
        Assert.That((patient.Phase, patient.Deeds, patient.State.Word), Is.EqualTo((Phase.Refused, "bury", "config-error")));
        Assert.That(patient.State.Reason, Is.EqualTo("it is a picture"));
        Assert.That(patient.State.NextDeadline, Is.Null);
    }

    [Test]
    public void A_refused_change_that_is_mended_is_told_as_a_reload()
    {
        var patient = new Patient().BroughtTo(Phase.Running).FileIsBad().FileIsGood(3);
        Assert.That((patient.Deeds, patient.State.RefusedChange), Is.EqualTo(("send 1", (string?)null)));
    }

    [Test]
    public void A_refused_change_takes_back_the_good_one_that_was_still_to_be_told()
    {
        var patient = new Patient().BroughtTo(Phase.Reloading).FileIsGood(3).FileIsBad();
        Assert.That(patient.State.NextDeadline, Is.Null);
        Assert.That(patient.Accepts().Deeds, Is.Empty);
    }

    [Test]
    public void A_reload_that_was_never_read_is_over_when_a_refused_change_takes_it_back()
    {
        var patient = new Patient().BroughtTo(Phase.Reloading).IsDeafTo(EmperorMessage.Reload).FileIsBad();
        Assert.That((patient.Phase, patient.State.Word, patient.State.NextDeadline), Is.EqualTo((Phase.Running, "accepting", (long?)null)));
    }

    [Test]
    public void A_reload_of_all_spares_the_vassal_that_would_read_a_refused_file()
    {
        var patient = new Patient().BroughtTo(Phase.Running).FileIsBad().Takes(new VassalEvent.ReloadAsked());
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Running, "")));
        Assert.That(patient.Notes.Single().Level, Is.EqualTo(NoteLevel.Warning));
    }

    [Test]
    public void Repeated_words_are_noted_once()
    {
        var patient = new Patient().BroughtTo(Phase.Running);
        Assert.That(patient.Says(200).Notes.Count(), Is.EqualTo(1));
        Assert.That(patient.Says(201).Notes, Is.Empty);
        Assert.That(patient.IsLoyal().Notes.Count(), Is.EqualTo(1));
        Assert.That(patient.IsLoyal().Notes, Is.Empty);
        Assert.That(patient.Accepts().Notes, Is.Empty);
    }

    [Test]
    public void That_it_accepts_is_noted_also_when_another_worker_was_loyal_first()
    {
        var patient = new Patient().BroughtTo(Phase.Running).IsLoyal().Rested().FileIsGood(2).IsLoyal();
        Assert.That(patient.Phase, Is.EqualTo(Phase.Running));
        Assert.That(patient.Accepts().Notes.Select(n => n.Event), Is.EqualTo(new[] { "accepting" }));
        Assert.That(patient.Accepts().Notes, Is.Empty);
    }
}
