using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class ProcessTests
{
    [TestCase("exit 0", "exit 0")]
    [TestCase("exit 26", "exit 26")]
    [TestCase("kill -TERM $$", "signal 15 (TERM)")]
    [TestCase("kill -KILL $$", "signal 9 (KILL)")]
    public void An_end_is_told_in_words(string script, string words)
    {
        using var process = Child.Shell(script);
        Assert.That(Child.WaitFor(process).ToString(), Is.EqualTo(words));
    }

    [Test]
    public void A_process_that_lives_has_not_ended_and_cannot_be_reaped()
    {
        using var process = Child.Shell("read word");
        using var other = Child.Shell("sleep 1000");
        Assert.That(other.HasEnded(out _), Is.False);
        Assert.That(other.Reap(out _), Is.False);
        Assert.That(other.Signal(Signals.Kill).Number, Is.Zero);
        Assert.That(Child.WaitFor(other).Signaled);
        _ = Child.WaitFor(process);
    }

    [Test]
    public void Looking_at_an_end_does_not_reap_and_reaping_is_done_once()
    {
        using var process = Child.Shell("exit 3");
        Assert.That(() => process.HasEnded(out _), Is.True.After(20_000, 5));
        Assert.That(process.HasEnded(out var seen), "a look leaves it for the next");
        Assert.That(ProcFs.Stat(process.Pid)?.State, Is.EqualTo('Z'));
        Assert.That(process.Reap(out var status));
        Assert.That((seen, status), Is.EqualTo((new ExitStatus(3, false, false), seen)));
        Assert.That(process.Reap(out _), Is.False);
        Assert.That(process.HasEnded(out _), Is.False);
        Assert.That(process.Signal(Signals.Terminate), Is.EqualTo(Errno.NoProcess));
    }

    [Test]
    public void A_signal_to_the_group_reaches_what_the_process_has_started()
    {
        var (read, write) = Files.CreatePipe();
        using var end = read;
        PidRef process;
        using (write)
        using (var none = Files.OpenNull())
            process = Child.Start(Child.Request("/bin/sh", "-c", "sleep 1000 & echo ready; wait")(none, write));
        using (process)
        {
            var buffer = new byte[64];
            Assert.That(Files.ReadUntilClosed(read, buffer.AsSpan(0, 6), 10_000), Is.EqualTo(6), "ready");
            Assert.That(process.SignalGroup(Signals.Kill).Number, Is.Zero);
            _ = Child.WaitFor(process);
            // The grandchild held the pipe open.
            Assert.That(Files.ReadUntilClosed(read, buffer, 10_000), Is.Zero);
        }
    }

    [Test]
    public void A_number_without_a_process_is_no_process()
    {
        using var process = Child.Shell("exit 0");
        _ = Child.WaitFor(process);
        Assert.That(PidRef.Open(process.Pid, out var error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.NoProcess));
    }

    [TestCase("a) b (c")]
    [TestCase(") S 1 1 1 (")]
    public void A_process_may_have_parentheses_and_blanks_in_its_name(string name)
    {
        using var folder = new TemporaryFolder();
        var program = folder.PathOf(name);
        File.Copy("/bin/sleep", program);
        using var none = Files.OpenNull();
        using var process = Child.Start(Child.Request(program, "1000")(none, none));
        Assert.That(() => File.ReadAllText($"/proc/{process.Pid}/comm"), Is.EqualTo(name + "\n").After(20_000, 2));
        var stat = ProcFs.Stat(process.Pid);
        List<int> children = [];
        // A thread that ends while they are listed is what makes it fail.
        Assert.That(() => ProcFs.Children(children) && children.Contains(process.Pid), Is.True.After(20_000, 2));
        _ = process.Signal(Signals.Kill);
        _ = Child.WaitFor(process);
        Assert.That(stat, Is.Not.Null);
        Assert.That((stat!.Value.Parent, stat.Value.Session), Is.EqualTo((Self.Pid, process.Pid)));
        Assert.That(ProcFs.Stat(process.Pid), Is.Null);
    }

    [Test]
    public void A_variable_of_another_process_is_found_by_its_whole_name()
    {
        using var none = Files.OpenNull();
        using var process = Child.Start(
            new SpawnRequest
            {
                Program = "/bin/sleep",
                Arguments = ["sleep", "1000"],
                Environment = ["MARKED=no", "MARK=a=b", "EMPTY="],
                Descriptors = [none.Number],
            }
        );
        // The kernel lets the parent go on a little before the new program's environment can be read.
        Assert.That(() => ProcFs.EnvironmentVariable(process.Pid, "MARK"), Is.EqualTo("a=b").After(20_000, 2));
        var (empty, part) = (ProcFs.EnvironmentVariable(process.Pid, "EMPTY"), ProcFs.EnvironmentVariable(process.Pid, "MAR"));
        _ = process.Signal(Signals.Kill);
        _ = Child.WaitFor(process);
        Assert.That((empty, part), Is.EqualTo(("", (string?)null)));
        Assert.That(ProcFs.EnvironmentVariable(process.Pid, "MARK"), Is.Null);
    }

    [Test]
    public void Accounts_are_found_by_name_and_by_number()
    {
        var root = new Account("root", 0, 0) { Home = "/root", Shell = Accounts.UserById(0)!.Shell };
        Assert.That(
            (Accounts.UserByName("root", out _), Accounts.UserById(0), Accounts.GroupByName("root", out _)),
            Is.EqualTo((root, root, 0U))
        );
        Assert.That(Accounts.UserByName("no such user", out _), Is.Null);
        Assert.That(Accounts.UserById(3_999_999_999), Is.Null);
        Assert.That(Accounts.GroupByName("no such group", out _), Is.Null);
    }
}
