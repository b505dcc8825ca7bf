using System.Diagnostics;
using System.Globalization;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>What a command in a machine did.</summary>
internal sealed record CommandResult(int Code, string Output, string Errors)
{
    /// <summary>Both outputs, for messages.</summary>
    public string Text => $"exit code {Code}\n{Output}{Errors}";
}

/// <summary>
/// Overview: a real systemd that boots in half a second from an overlay of the system that the tests run on, and forgets everything at its
/// end. systemd-nspawn runs it in namespaces of its own (processes, mounts, network) and in a cgroup of its own, so any number can run side
/// by side; as the mounts are in a namespace too, nothing is left but the cgroup, and that is killed and removed. Only the units that systemd itself
/// starts, D-Bus and logind run in it. Commands are run in it by nsenter(1): they need nothing of what they look at.
/// </summary>
internal sealed class Machine : IDisposable
{
    private const string Target = """
        [Unit]
        Description=What a test needs of a system
        Requires=basic.target dbus.service systemd-logind.service
        After=basic.target dbus.service systemd-logind.service

        """;

    private static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(5);

    private readonly TempFolder _temp = new();
    private readonly string _name = $"emperor-{Guid.NewGuid():N}"[..24];
    private readonly string _cgroup;
    private readonly StringBuilder _console = new();
    private Process? _process;
    private int _leader;

    private Machine() => _cgroup = $"{OwnCgroup()}/{_name}";

    /// <summary>What it wrote to its console.</summary>
    public string Console
    {
        get
        {
            lock (_console)
                return _console.ToString();
        }
    }

    /// <summary>Whether it is down.</summary>
    public bool HasEnded => _process is not { HasExited: false };

    /// <summary>Boots one and waits until it is up.</summary>
    public static Machine Boot(MachineSetup setup)
    {
        Assert.That(Native.IsRoot, "this test needs root: it boots a system");
        Assert.That(
            File.Exists("/usr/bin/systemd-nspawn"),
            "systemd-nspawn is not there: tests/run installs it, or apt-get install systemd-container"
        );
        var machine = new Machine();
        try
        {
            machine.Start(setup);
            machine.AwaitUp();
            return machine;
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    /// <summary>The path outside of what has this path inside.</summary>
    public string Outside(string path) => $"/proc/{_leader}/root{path}";

    /// <summary>Writes a file in it, and the folders on its way.</summary>
    public void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Outside(path))!);
        File.WriteAllText(Outside(path), text);
    }

    /// <summary>Runs a shell command in it as root, to its end; it must succeed.</summary>
    /// <returns>What it wrote to its standard output, without blanks at the end.</returns>
    public string Run(string command, TimeSpan? limit = null)
    {
        var result = Try(command, limit);
        Assert.That(result.Code, Is.Zero, $"{command}: {result.Text}\n{Journal()}");
        return result.Output.TrimEnd();
    }

    /// <summary>Runs a shell command in it as root, to its end.</summary>
    public CommandResult Try(string command, TimeSpan? limit = null) => Start(command).Await(limit);

    /// <summary>Starts a shell command in it as root, and does not wait for it.</summary>
    public MachineCommand Start(string command) => MachineCommand.Start(_leader, command);

    /// <summary>The end of its journal, for messages.</summary>
    public string Journal() =>
        HasEnded ? $"--- console\n{Console}" : $"--- journal\n{Try("journalctl -b --no-pager -o short-precise -n 200").Output}";

    public void Dispose()
    {
        if (_process is not null)
        {
            KillCgroup();
            _process.WaitForExit(10_000);
            _process.Dispose();
        }
        RemoveCgroup();
        // nspawn leaves it where /run is no tmpfs.
        if (Directory.Exists($"/run/systemd/nspawn/propagate/{_name}"))
            Directory.Delete($"/run/systemd/nspawn/propagate/{_name}", recursive: true);
        _temp.Dispose();
    }

    private void Start(MachineSetup setup)
    {
        Directory.CreateDirectory(_cgroup);
        _temp.Folder("memory");
        _temp.Write("removed", string.Concat(setup.Removed.Select(path => path + "\n")));
        Seed("/etc/systemd/system/machine.target", Target);
        // A system without an identity boots for the first time: it would enable all that is installed.
        Seed("/etc/machine-id", Guid.NewGuid().ToString("N") + "\n");
        Seed("/etc/systemd/journald.conf.d/90-test.conf", "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n");
        foreach (var (path, text) in setup.Files)
            Seed(path, text);
        foreach (var (path, target) in setup.Links)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_temp["seed"] + path)!);
            File.CreateSymbolicLink(_temp["seed"] + path, target);
        }
        string[] binds =
        [
            .. setup.Bound.Select(bound => $"--bind-ro={Escape(bound.Value)}:{Escape(bound.Key)}"),
            .. setup.Shared.Select(shared => $"--bind={Escape(shared.Value)}:{Escape(shared.Key)}"),
        ];
        var script = $"{AppContext.BaseDirectory}/Systemd/machine.sh";
        string[] arguments = ["--mount", "--propagation", "private", "--", "sh", script, _temp.Path, _cgroup, _name, .. binds];
        var info = new ProcessStartInfo("unshare", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        _process = new Process { StartInfo = info };
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Seed(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_temp["seed"] + path)!);
        File.WriteAllText(_temp["seed"] + path, text);
    }

    private void AwaitUp()
    {
        Wait.Until(() => HasEnded || (_leader = Leader()) != 0, () => $"no machine starts\n{Console}", BootLimit);
        Wait.Until(
            () => HasEnded || Try("systemctl is-active machine.target").Code == 0,
            () => $"the machine does not come up\n{Console}\n{Try("systemctl list-jobs").Output}\n{Journal()}",
            BootLimit
        );
        Assert.That(HasEnded, Is.False, $"the machine does not start\n{Console}");
    }

    // nspawn's child that is process 1 of a namespace.
    private int Leader() =>
        Processes()
            .FirstOrDefault(pid =>
                ProcFs.Status(pid, "NSpid").Split('\t') is { Length: > 1 } numbers && numbers[^1] == "1" && ProcFs.Stat(pid)?.State != 'Z'
            );

    private IEnumerable<int> Processes() =>
        Cgroups()
            .SelectMany(folder => File.ReadAllLines($"{folder}/cgroup.procs"))
            .Select(line => int.Parse(line, CultureInfo.InvariantCulture));

    private List<string> Cgroups() =>
        Directory.Exists(_cgroup) ? [_cgroup, .. Directory.EnumerateDirectories(_cgroup, "*", SearchOption.AllDirectories)] : [];

    private void KillCgroup()
    {
        if (File.Exists($"{_cgroup}/cgroup.kill"))
        {
            File.WriteAllText($"{_cgroup}/cgroup.kill", "1");
            return;
        }
        // Kernels before 5.14. With nspawn its child goes, which is process 1 of the namespace, and with that all of them.
        foreach (var pid in Processes().ToList())
            _ = Native.Signal(pid, Native.Kill);
    }

    private void RemoveCgroup()
    {
        Wait.Until(
            () =>
            {
                try
                {
                    foreach (var folder in Cgroups().OrderByDescending(path => path.Length))
                        Directory.Delete(folder);
                    return true;
                }
                catch (IOException)
                {
                    // Its last processes are still ending.
                    return false;
                }
            },
            () => $"the cgroup {_cgroup} cannot be removed"
        );
    }

    private static string OwnCgroup()
    {
        var mount = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')).First(fields => fields[2] == "cgroup2")[1];
        var own = File.ReadLines("/proc/self/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
        return (mount + own).TrimEnd('/');
    }

    private static string Escape(string path) => path.Replace("\\", "\\\\").Replace(":", "\\:");

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_console)
            _console.AppendLine(line.Data);
    }
}
