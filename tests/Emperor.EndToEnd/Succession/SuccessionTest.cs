using System.Globalization;
using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Systemd;

namespace Emperor.EndToEnd.Succession;

/// <summary>A test of emperors that follow each other under systemd.</summary>
internal abstract class SuccessionTest : ServiceTest
{
    // A FIFO: while it is there, systemd starts the next emperor when somebody has written to it.
    private const string Interregnum = "/run/interregnum";

    /// <summary>The line of a unit that makes a start wait; see <see cref="BeginInterregnum"/>.</summary>
    protected const string WaitForInterregnum = $"ExecStartPre=/bin/sh -c 'test ! -e {Interregnum} || read -r word <{Interregnum}'";

    /// <summary>The next emperor comes as soon as it can.</summary>
    protected const string AtOnce = "RestartSec=50ms";

    /// <summary>Kills the emperor and waits until the next one governs.</summary>
    protected void KillEmperor()
    {
        var former = MainPid;
        Machine.Run($"kill -9 {former}");
        AwaitNext(former);
    }

    /// <summary>Kills the emperor; the next one comes with <see cref="EndInterregnum"/>. The unit needs <see cref="WaitForInterregnum"/>.</summary>
    protected int BeginInterregnum()
    {
        var former = MainPid;
        // What it knows after the first answer is written down before the second.
        _ = Machine.Try("emperor status; emperor status");
        Machine.Run($"mkfifo {Interregnum}; kill -9 {former}");
        // Not before: what cleans up after the former one (ExecStopPost) is a control process too.
        Wait.Until(() => Show("SubState") == "start-pre", Machine.Journal, Long);
        return former;
    }

    /// <summary>Lets the next emperor come and waits until it governs.</summary>
    protected void EndInterregnum(int former)
    {
        Machine.Run($"echo go >{Interregnum}; rm {Interregnum}");
        AwaitNext(former);
    }

    /// <summary>Waits until another emperor than this one governs.</summary>
    protected void AwaitNext(int former) =>
        Wait.Until(
            () =>
                Machine.Run("systemctl show -P MainPID -P ActiveState emperor").Split('\n') is [var pid, "active"]
                && pid != "0"
                && pid != $"{former}",
            Machine.Journal,
            Long
        );

    /// <summary>The descriptors that systemd keeps.</summary>
    protected int Stored => int.Parse(Show("NFileDescriptorStore"), CultureInfo.InvariantCulture);

    /// <summary>All processes of the service but those of systemd and the guard: vassals and what came of them.</summary>
    protected string[] Subjects =>
        [.. Processes().Except(Guards).Except(Machine.Run("systemctl show -P MainPID -P ControlPID emperor").Split('\n'))];

    /// <summary>The guards of the service.</summary>
    protected string[] Guards => [.. Lines("pgrep -f emperor-guard").Intersect(Processes())];

    /// <summary>All processes of a service, whatever systemd knows of them.</summary>
    protected string[] Processes(string unit = "emperor") =>
        Lines($"find /sys/fs/cgroup -path '*/{unit}.service*' -name cgroup.procs -exec cat '{{}}' +");

    /// <summary>The process of a vassal.</summary>
    protected string PidOf(string vassal) =>
        Machine.Run(
            $"emperor status --json {vassal} | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"vassals\"][0][\"pid\"])'"
        );

    /// <summary>Waits until the guard has the sessions of all scripted vassals on its list, and those of their daemons, which detached themselves.</summary>
    protected void AwaitListed() =>
        Wait.Until(
            () =>
            {
                var listed = Machine.Run($"cat /proc/{Guards.Single()}/fd/4").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
                return !Lines("ps -o sess= -C test-vassal").Select(s => s.Trim()).Except(listed).Any();
            },
            Machine.Journal,
            Long
        );

    /// <summary>Waits until a service has no process left, and systemd keeps nothing of it.</summary>
    protected void AwaitNothingLeft(string unit = "emperor")
    {
        string[] left = [];
        Wait.Until(
            () => (left = Processes(unit)).Length == 0,
            () => $"left: {Machine.Try($"ps -o pid,ppid,stat,args {string.Join(' ', left)}").Output}\n{Machine.Journal()}",
            Long
        );
        Wait.Until(() => Show("NFileDescriptorStore", unit) == "0", Machine.Journal, Long);
    }

    private string[] Lines(string command) => Machine.Try(command).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
