using System.Diagnostics;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>What those may do who have some rights and mean harm, or started the emperor carelessly.</summary>
internal sealed class TrapTests : EmperorTest
{
    [Test]
    public void Started_without_standard_streams_it_gives_its_vassals_dev_null_and_no_pipe_of_its_own()
    {
        var report = Temp["report"];
        Write("a.ini", $"report {report}", "accept");
        var daemon = Launch(
            new EmperorStart
            {
                Before = ["sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"],
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path, "--vassal-output", "inherit"],
                Folder = Temp.Path,
            }
        );
        var seen = Report.Await(report, Logs).Descriptors;
        Assert.That(new[] { seen[0], seen[1], seen[2] }, Is.All.EqualTo("/dev/null"));
        daemon.Signal(Native.Terminate);
        Assert.That(daemon.AwaitEnd(), Is.Zero);
    }

    [Test]
    public void What_the_emperor_had_for_a_child_before_it_was_one_is_left_alone()
    {
        var pid = Temp["helper.pid"];
        Write("a.ini", "accept", "loyal");
        var daemon = Launch(
                new EmperorStart
                {
                    Before = ["sh", "-c", $"sleep 600 & echo $! > {pid}; exec \"$@\"", "sh"],
                    Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path],
                    Folder = Temp.Path,
                }
            )
            .AwaitGoverning();
        using var helper = Process.GetProcessById(int.Parse(File.ReadAllText(pid)));
        try
        {
            daemon.AwaitAccepting("a.ini");
            File.Delete($"{Vassals}/a.ini");
            daemon.Await("a\\.ini: pid \\d+ has ended");
            daemon.Signal(Native.Terminate);
            Assert.That(daemon.AwaitEnd(), Is.Zero);
            Assert.That(helper.HasExited, Is.False);
        }
        finally
        {
            helper.Kill();
        }
    }

    [Test]
    public void A_log_that_became_a_pipe_holds_up_neither_the_daemon_nor_its_end()
    {
        var log = Temp["log"];
        Write("a.ini", "accept");
        var daemon = Launch("--emperor", Vassals, "--logto", log);
        Wait.Until(() => File.Exists(log) && File.ReadAllText(log).Contains("accepts requests"), Logs);
        // In one step, or a new file would be opened in between.
        Run("mkfifo", log + ".pipe");
        File.CreateSymbolicLink(log + ".1", log + ".kept");
        Run("ln", log, log + ".kept");
        File.Move(log + ".pipe", log, overwrite: true);
        daemon.Signal(Native.User1);
        Write("b.ini", "accept");
        Wait.Until(() => File.ReadAllText(log + ".1").Contains("b.ini: "), () => File.ReadAllText(log + ".1"));
        daemon.Signal(Native.Terminate);
        Assert.That(daemon.AwaitEnd(), Is.Zero);
    }

    [Test]
    public void A_log_that_became_a_link_is_not_written_through()
    {
        var log = Temp["log"];
        var victim = Temp.Write("victim", "precious\n");
        Write("a.ini", "accept");
        var daemon = Launch("--emperor", Vassals, "--logto", log);
        Wait.Until(() => File.Exists(log) && File.ReadAllText(log).Contains("accepts requests"), Logs);
        // In one step, or a new file would be opened in between.
        Run("ln", log, log + ".1");
        File.CreateSymbolicLink(log + ".link", victim);
        Rename(log + ".link", log);
        Write("b.ini", "accept");
        Wait.Until(() => File.ReadAllText(log + ".1").Contains("cannot be opened anew"), () => File.ReadAllText(log + ".1"));
        daemon.Signal(Native.Terminate);
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        Assert.That(File.ReadAllText(victim), Is.EqualTo("precious\n"));
    }

    [Test]
    public void A_pidfile_that_became_a_pipe_does_not_hold_up_the_end()
    {
        var pid = Temp["pid"];
        var daemon = Launch("--emperor", Vassals, "--pidfile", pid).AwaitGoverning();
        File.Delete(pid);
        Run("mkfifo", pid);
        daemon.Signal(Native.Terminate);
        Assert.That(daemon.AwaitEnd(), Is.Zero);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, program);
    }
}
