using Emperor.Core;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using Emperor.Tests.Vassals;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests.Protocol;

[TestFixture]
public sealed class ProtocolDecoderTests
{
    [Test]
    public void Whatever_comes_in_runs_are_told_once_and_the_order_is_kept() =>
        Prop.ForAll<byte[]>(chunk =>
            {
                var messages = Decode(chunk);
                var changes = chunk.Where((b, i) => i == 0 || chunk[i - 1] != b);
                return messages.SequenceEqual(changes);
            })
            .Check(Seeded.Times(1_000));

    [Test]
    public void A_flood_of_one_byte_is_one_message() =>
        Assert.That(Decode([.. Enumerable.Repeat((byte)99, 100_000)]), Is.EqualTo(new byte[] { 99 }));

    [Test]
    public void What_was_in_the_list_before_is_not_told_again()
    {
        List<byte> messages = [1, 2, 3];
        ProtocolDecoder.Decode([], messages);
        Assert.That(messages, Is.Empty);
    }

    [Test]
    public void A_vassal_comes_to_the_same_whether_a_run_is_told_once_or_byte_by_byte() =>
        Prop.ForAll<byte[], Phase>(
                (bytes, phase) =>
                {
                    // Mostly bytes that mean something, and many runs of them.
                    byte[] words = [1, 2, 5, 17, 22, 26, 30, 99];
                    var chunk = bytes.SelectMany(b => Enumerable.Repeat(words[b % words.Length], 1 + (b / 64))).ToArray();
                    return After(phase, chunk) == After(phase, Decode(chunk));
                }
            )
            .Check(Seeded.Times(2_000));

    [Test]
    public void No_bytes_whatever_make_a_machine_start_or_kill_anything() =>
        Prop.ForAll<byte[], Phase>(
                (bytes, phase) =>
                {
                    var patient = new Patient().BroughtTo(phase);
                    var orders = 0;
                    foreach (var message in bytes)
                    {
                        patient.Says(message);
                        Assert.That(patient.Effects, Has.None.InstanceOf<Effect.Spawn>().And.None.InstanceOf<Effect.Kill>());
                        orders += patient.Effects.Count(e => e is Effect.Send);
                    }
                    return orders <= 1;
                }
            )
            .Check(Seeded.Times(2_000));

    private static List<byte> Decode(byte[] chunk)
    {
        List<byte> messages = [];
        ProtocolDecoder.Decode(chunk, messages);
        return messages;
    }

    private static VassalState After(Phase phase, IEnumerable<byte> messages)
    {
        var patient = new Patient().BroughtTo(phase);
        foreach (var message in messages)
            patient.Says(message);
        return patient.State;
    }
}
