using Emperor.Control;
using Emperor.Core.Configuration;
using Emperor.Core.Hooks;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor;

/// <summary>What an emperor does that is another one's vassal, or obeys datagrams.</summary>
internal sealed partial class Startup
{
    private CommandSocket? Commands(EventLoop loop, out StartFailure? failure)
    {
        failure = null;
        if (settings.CommandSocket is not { } name)
            return null;
        var commands = CommandSocket.Open(name, _servants, _inheritance.Legacy.Empire.Commands ?? default, out var why);
        if (commands is null)
            failure = StartFailure.Unavailable($"emperor-command-socket = {why}");
        commands?.Watch(loop);
        return commands;
    }

    private IReadOnlyList<HookAction> HooksOf(LordOrder order) =>
        order switch
        {
            LordOrder.Reload => settings.Hooks.EmperorReload,
            LordOrder.Lost => settings.Hooks.EmperorLost,
            _ => settings.Hooks.EmperorStop,
        };

    // A file with a mistake is not taken, as it is not of any vassal: this one governs on with what it has read.
    private bool HasChanged(EmperorLog log)
    {
        if (Reread is null)
            return false;
        var here = Environment.CurrentDirectory;
        try
        {
            // Where relative names of files start.
            Environment.CurrentDirectory = settings.WorkingDirectory;
            var read = Reread();
            if (read.Options.Select(o => (o.Key, o.Value)).SequenceEqual(Options.Select(o => (o.Key, o.Value))))
                return false;
            var (changed, found) = SettingsBuilder.Build(read, new Configuration.SystemConfigHost(_ => null));
            if (changed is not null)
                return true;
            foreach (var problem in found)
                Tell(log, problem);
            log.Error("lord", "its changed configuration is not taken, and it governs on as it is");
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Error("lord", $"its configuration cannot be read again, and it governs on as it is: {e.Message}");
            return false;
        }
        finally
        {
            Environment.CurrentDirectory = here;
        }
    }

    // In this very process, by which the emperor above knows it.
    private int BeginAnew()
    {
        Files.Bequeath(_lord!.Fd);
        Bequeath?.Invoke();
        Environment.CurrentDirectory = settings.WorkingDirectory;
        var error = Spawn.Replace(
            new SpawnRequest
            {
                Program = ProgramPath,
                Arguments = [ProgramPath, .. arguments],
                Environment = [.. environment.Where(v => v.Key != Succession.Arrival.Variable).Select(v => $"{v.Key}={v.Value}")],
                Encode = ConfigText.Encode,
                Descriptors = [],
            }
        );
        Console.Error.WriteLine($"emperor: error: it cannot begin anew with its changed configuration: {error}");
        return ExitCode.Fault;
    }
}
