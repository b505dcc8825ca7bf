using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class CapabilityTests
{
    private const uint Nobody = 65534;

    private static readonly string[] Sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"];

    [Test]
    public void What_a_user_other_than_root_has_is_kept_over_an_execution_and_taken_back_after_it()
    {
        Assert.That(Self.IsRoot, "this test needs root: it becomes another user");
        var kept = Capabilities.Bits(Capabilities.SetUid, Capabilities.SetGid, Capabilities.Kill);
        List<ulong[]> seen = [];
        var permitted = 0UL;
        OwnThread.Run(() =>
        {
            Succeed(Capabilities.KeepOverChangeOfUser());
            Succeed(OwnThread.SetUser(Nobody));
            Succeed(Capabilities.Reduce(kept));
            seen.Add(OfProgram());
            Succeed(Capabilities.KeepOverExec());
            seen.Add(OfProgram());
            Succeed(Capabilities.ClearAmbient());
            seen.Add(OfProgram());
            permitted = Capabilities.Permitted;
        });
        ulong[] none = [0, 0, 0, 0];
        Assert.That(seen, Is.EqualTo((ulong[][])[none, [kept, kept, kept, kept], none]));
        Assert.That(permitted, Is.EqualTo(kept), "its own it keeps");
    }

    [Test]
    public void Root_s_programs_have_the_inheritable_and_ambient_ones_no_longer_when_they_are_taken_back()
    {
        Assert.That(Self.IsRoot, "this test needs root");
        List<ulong[]> seen = [];
        OwnThread.Run(() =>
        {
            var before = OfProgram();
            Succeed(Capabilities.KeepOverExec());
            var kept = OfProgram();
            Assert.That((kept[0], kept[3]), Is.EqualTo((before[1], before[1])));
            Succeed(Capabilities.ClearAmbient());
            seen.AddRange([before, OfProgram()]);
        });
        Assert.That(seen[1], Is.EqualTo((ulong[])[0, seen[0][1], seen[0][2], 0]));
    }

    private static void Succeed(Errno error) => Assert.That(error.Number, Is.Zero, error.ToString());

    // Those of a program that this thread starts.
    private static ulong[] OfProgram()
    {
        var (_, output) = Child.Run("/bin/cat", "/proc/self/status");
        var lines = output.Split('\n');
        return [.. Sets.Select(s => Convert.ToUInt64(lines.Single(l => l.StartsWith($"{s}:", StringComparison.Ordinal))[7..].Trim(), 16))];
    }
}
