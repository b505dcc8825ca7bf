using System.Diagnostics;
using System.Globalization;

namespace Emperor.EndToEnd.Systemd;

/// <summary>A shell command that runs in a machine.</summary>
internal sealed class MachineCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly string _command;
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    private MachineCommand(string command, Process process)
    {
        (_command, _process) = (command, process);
        _output = process.StandardOutput.ReadToEndAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Whether it runs still.</summary>
    public bool IsRunning => !_process.HasExited;

    /// <summary>Starts one as root, with the environment of a fresh system.</summary>
    /// <param name="leader">The machine's process 1, by its number outside.</param>
    /// <param name="command">Words for sh.</param>
    public static MachineCommand Start(int leader, string command)
    {
        string[] arguments =
        [
            "-t",
            leader.ToString(CultureInfo.InvariantCulture),
            "-a",
            "--",
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            "HOME=/root",
            "SYSTEMD_PAGER=",
            "sh",
            "-c",
            command,
        ];
        var info = new ProcessStartInfo("nsenter", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        var process = Process.Start(info)!;
        process.StandardInput.Close();
        return new MachineCommand(command, process);
    }

    /// <summary>Waits for its end.</summary>
    public CommandResult Await(TimeSpan? limit = null)
    {
        if (!_process.WaitForExit(limit ?? Limit))
        {
            _process.Kill(entireProcessTree: true);
            Assert.Fail($"\"{_command}\" has not ended after {(limit ?? Limit).TotalSeconds} s");
        }
        using (_process)
            return new CommandResult(_process.ExitCode, _output.GetAwaiter().GetResult(), _errors.GetAwaiter().GetResult());
    }
}
