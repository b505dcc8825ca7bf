using System.Diagnostics;
using System.Globalization;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class SpawnerTests
{
    private const int Patience = 20_000;

    private static readonly Spawner Spawner = new();

    // Before there are pipes: what is open now stays open in its table.
    [OneTimeSetUp]
    public void Begin() => Assert.That(Spawner.HasOwnTable);

    [OneTimeTearDown]
    public void End()
    {
        Spawner.Dispose();
        // The kernel's thread ends a moment after the runtime's.
        Assert.That(Tasks, Is.Empty.After(10_000, 10));
    }

    [Test]
    public void A_child_gets_its_descriptors_in_order_and_no_other()
    {
        var (status, output) = Run("readlink /proc/self/fd/0; echo out; echo err >&2; echo three >&3; ls /proc/self/fd | tr '\\n' ' '");
        // One more is the folder that ls reads.
        Assert.That(output, Is.EqualTo("/dev/null\nout\nerr\nthree\n0 1 2 3 4 "));
        Assert.That(status.ToString(), Is.EqualTo("exit 0"));
    }

    [Test]
    public void What_the_emperor_closes_is_closed()
    {
        // Else the read in Run would never end: it is told the end only when no table holds the other end.
        for (var i = 0; i < 50; i++)
            Assert.That(Run($"echo {i}").Output, Is.EqualTo($"{i}\n"));
    }

    [Test]
    public void It_leaves_nothing_open()
    {
        _ = Run("true");
        var before = TableSizes();
        for (var i = 0; i < 50; i++)
            _ = Run("true");
        Assert.That(TableSizes(), Is.EqualTo(before));
    }

    [Test]
    public void Its_table_does_not_grow_with_what_is_opened_here()
    {
        _ = Run("true");
        var before = TableSizes();
        var open = Enumerable.Range(0, 200).Select(_ => Files.OpenNull()).ToArray();
        try
        {
            Assert.That(Run("true").Status.Code, Is.Zero);
            Assert.That(TableSizes(), Is.EqualTo(before));
        }
        finally
        {
            Array.ForEach(open, f => f.Dispose());
        }
    }

    [Test]
    public void What_is_open_from_the_number_on_that_it_is_told_is_not_in_its_table()
    {
        const int Limit = 900;
        var (read, write) = Files.CreateOutputPipe();
        using var end = read;
        var above = Files.MoveAbove(write, Limit);
        using (var other = new Spawner(first: Limit))
        {
            Assert.That(other.HasOwnTable);
            Assert.That(Files.Read(read, new byte[1], out _), Is.EqualTo(Errno.Again));
            above.Dispose();
            Assert.That((Files.Read(read, new byte[1], out var count), count), Is.EqualTo((default(Errno), 0)));
        }
        Assert.That(() => Tasks().Count(), Is.EqualTo(1).After(10_000, 10), "the others tell of one thread");
    }

    [Test]
    public void A_program_that_cannot_be_executed_is_told_with_its_error()
    {
        using var none = Files.OpenNull();
        var process = Spawner.Start(Child.Request("/no/such/program")(none, none), out var error);
        Assert.That(process, Is.Null);
        Assert.That(error, Is.EqualTo(Errno.NoEntry));
    }

    [Test]
    public void A_descriptor_that_is_not_open_is_an_error_and_the_next_start_works()
    {
        var request = new SpawnRequest
        {
            Program = "/bin/true",
            Arguments = ["true"],
            Environment = [],
            Descriptors = [987_654],
        };
        Assert.That(Spawner.Start(request, out var error), Is.Null);
        Assert.That(error.ToString(), Does.Contain("errno 9"));
        Assert.That(Run("echo well").Output, Is.EqualTo("well\n"));
    }

    [Test]
    public void Its_thread_takes_no_signal_that_is_sent_to_the_process()
    {
        var status = File.ReadAllLines($"{Tasks().Single()}/status");
        var blocked = Convert.ToUInt64(status.Single(l => l.StartsWith("SigBlk:", StringComparison.Ordinal))[7..].Trim(), 16);
        bool Blocks(int signal) => (blocked >> (signal - 1) & 1) != 0;
        int[] expected = [Signals.Hangup, Signals.Interrupt, Signals.Quit, Signals.User1, Signals.Terminate, Signals.Urgent];
        Assert.That(expected.Where(s => !Blocks(s)), Is.Empty);
        Assert.That(Signals.Faults.ToArray().Select(Signals.NameOf), Is.EqualTo(["ILL", "TRAP", "ABRT", "BUS", "FPE", "SEGV"]));
        Assert.That(Signals.Faults.ToArray().Where(Blocks), Is.Empty);
        // By its own signal the runtime stops a thread.
        Assert.That(Enumerable.Range(32, 33).Where(Blocks), Is.Empty);
    }

    [Test]
    public void A_child_is_the_process_s_own_and_leads_its_session()
    {
        var (_, output) = Run("echo $$ $(cut -d' ' -f4,5,6 /proc/$$/stat)");
        var words = output.Trim().Split(' ');
        var parent = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        Assert.That(words[1..], Is.EqualTo(new[] { parent, words[0], words[0] }));
    }

    private static (ExitStatus Status, string Output) Run(string script)
    {
        var (read, write) = Files.CreatePipe();
        using (read)
        {
            PidRef? process;
            using (write)
            using (var none = Files.OpenNull())
            {
                process = Spawner.Start(
                    new SpawnRequest
                    {
                        Program = "/bin/sh",
                        Arguments = ["sh", "-c", script],
                        Environment = ["PATH=/usr/bin:/bin"],
                        Descriptors = [none.Number, write.Number, write.Number, write.Number],
                    },
                    out var error
                );
                Assert.That(process, Is.Not.Null, error.ToString());
            }
            using (process)
            {
                var buffer = new byte[64 * 1024];
                var start = Stopwatch.GetTimestamp();
                var length = Files.ReadUntilClosed(read, buffer, Patience);
                Assert.That(Stopwatch.GetElapsedTime(start).TotalMilliseconds, Is.LessThan(Patience), "some table holds the other end");
                return (Child.WaitFor(process!), System.Text.Encoding.UTF8.GetString(buffer, 0, length));
            }
        }
    }

    private static IEnumerable<string> Tasks() => Directory.GetDirectories("/proc/self/task").Where(t => NameOf(t) == "spawner");

    private static string? NameOf(string task)
    {
        try
        {
            return File.ReadAllText($"{task}/comm").Trim();
        }
        catch (IOException)
        {
            // A thread that has ended since they were listed.
            return null;
        }
    }

    // How many descriptors its table holds.
    private static int[] TableSizes() => [.. Tasks().Select(t => Directory.GetFiles($"{t}/fd").Length)];
}
