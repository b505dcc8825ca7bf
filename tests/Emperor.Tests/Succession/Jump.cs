using Emperor.Linux;
using Emperor.Succession;

namespace Emperor.Tests.Succession;

/// <summary>What execve(2) does to descriptors, within one process: the next emperor has a second number for each one that is kept.</summary>
internal static class Jump
{
    public static Heirlooms Over(Heirlooms former) =>
        new([.. former.All.Select(kept => (kept.Name, new SafeFd(Files.DuplicateAbove(kept.Fd, 3))))]);
}
