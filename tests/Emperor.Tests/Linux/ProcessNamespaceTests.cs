using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class ProcessNamespaceTests
{
    [Test]
    public void A_process_may_be_the_first_of_a_namespace_and_the_next_one_is_none()
    {
        Assert.That(Self.IsRoot, "this test needs root: it makes namespaces");
        using var spawner = new Spawner();
        foreach (var start in (Func<SpawnRequest, PidRef?>[])[r => spawner.Start(r, out _), r => Spawn.Start(r, out _)])
        {
            Assert.That(NumberSeenInside(start, isFirst: true, out _), Is.EqualTo("1"));
            Assert.That(
                NumberSeenInside(start, isFirst: false, out var pid),
                Is.EqualTo(pid.ToString(System.Globalization.CultureInfo.InvariantCulture))
            );
        }
    }

    [Test]
    public void A_program_that_is_not_there_leaves_the_thread_where_it_was()
    {
        Assert.That(Self.IsRoot, "this test needs root: it makes namespaces");
        using var none = Files.OpenNull();
        var request = new SpawnRequest
        {
            Program = "/no/such/program",
            Arguments = ["x"],
            Environment = [],
            Descriptors = [none.Number],
            NewProcessNamespace = true,
        };
        Assert.That(Spawn.Start(request, out var error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.NoEntry));
        var seen = NumberSeenInside(r => Spawn.Start(r, out _), isFirst: false, out var pid);
        Assert.That(seen, Is.EqualTo(pid.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Test]
    public void Which_signals_a_process_handles_is_told()
    {
        using var process = Child.Start(
            Child.Request("/bin/sh", "-c", "trap : TERM; echo; sleep 600 & wait; wait")(Files.OpenNull(), Files.OpenNull())
        );
        Assert.That(() => ProcFs.Catches(process.Pid, Signals.Terminate), Is.True.After(20_000, 10));
        Assert.That(ProcFs.Catches(process.Pid, Signals.User1), Is.False);
        _ = process.SignalGroup(Signals.Kill);
        Assert.That(() => process.Reap(out _), Is.True.After(20_000, 10));
        Assert.That(ProcFs.Catches(process.Pid, Signals.Terminate), Is.False);
    }

    private static string NumberSeenInside(Func<SpawnRequest, PidRef?> start, bool isFirst, out int pid)
    {
        var (read, write) = Files.CreatePipe();
        using (read)
        {
            PidRef process;
            using (write)
            using (var none = Files.OpenNull())
                process = start(
                    new SpawnRequest
                    {
                        Program = "/bin/sh",
                        Arguments = ["sh", "-c", "echo $$"],
                        Environment = ["PATH=/usr/bin:/bin"],
                        Descriptors = [none.Number, write.Number, write.Number],
                        NewProcessNamespace = isFirst,
                    }
                )!;
            using (process)
            {
                pid = process.Pid;
                var buffer = new byte[64];
                var length = Files.ReadUntilClosed(read, buffer, 20_000);
                Assert.That(() => process.Reap(out _), Is.True.After(20_000, 10));
                return System.Text.Encoding.ASCII.GetString(buffer, 0, length).Trim();
            }
        }
    }
}
