using Emperor.Core.Configuration;
using Emperor.Core.Programs;

namespace Emperor.Monitors;

/// <summary>Decides by a vassal's content whether it can be run, and as what.</summary>
internal sealed class ProgramFiles
{
    private readonly Lazy<Machine> _machine = new(Machine.Look, LazyThreadSafetyMode.None);

    /// <summary>Looks into a file.</summary>
    /// <param name="file">Its name in its working folder.</param>
    /// <param name="folder">That folder.</param>
    /// <param name="content">Its content.</param>
    /// <param name="refusal">Why it cannot be run, with the cure; null when it can.</param>
    /// <returns>What its section [emperor] asks for; null without one.</returns>
    public ProgramPlan? Examine(string file, string folder, byte[] content, out string? refusal)
    {
        var verdict = VassalFileCheck.Examine(file, content);
        refusal = verdict.Reason;
        if (!verdict.HasProgram)
            return null;
        var host = new FolderConfigHost(_machine.Value, folder, file, content);
        var reading = ProgramReader.Read(file, verdict.HasUwsgi, host);
        refusal = host.LookedAtTooMany
            ? "section [emperor]: its for-glob looks at more names than may be, while all vassals wait; narrow the pattern"
            : reading.Refusal(file);
        return refusal is null ? reading.Plan : null;
    }
}
