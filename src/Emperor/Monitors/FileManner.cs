using Emperor.Core.Configuration;
using Emperor.Core.Programs;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Tyrant;

namespace Emperor.Monitors;

/// <summary>What is made of vassals' files besides reading them; the options keep uWSGI's names.</summary>
internal sealed record FileManner
{
    /// <summary>--emperor-magic-exec: a file that may be executed is not looked into, as what it prints is the configuration.</summary>
    public bool MagicExec { get; init; }

    /// <summary>--emperor-force-config-pipe: the content is kept, to be sent.</summary>
    public bool SendsConfiguration { get; init; }

    /// <summary>--emperor-collect-attr.</summary>
    public IReadOnlyList<string> Attributes { get; init; } = [];

    /// <summary>Whether a file is executed, with the rights of who executes it then.</summary>
    /// <param name="path">The file.</param>
    /// <param name="owner">Who owns it, where it runs as that; null where it runs as the emperor's user.</param>
    /// <param name="eye">What can act as that; null where nobody need.</param>
    public bool MayExecute(string path, VassalOwner? owner, OwnerEye? eye)
    {
        if (!MagicExec)
            return false;
        if (owner is null || eye is null)
            return Files.IsExecutable(path);
        try
        {
            using (eye.Act(owner))
                return Files.IsExecutable(path);
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    /// <summary>Keeps of a file what an operator wants to be kept.</summary>
    /// <param name="vassal">The vassal.</param>
    /// <param name="content">The file's content.</param>
    /// <param name="plan">What its section [emperor] asks for.</param>
    /// <param name="source">Where it is kept.</param>
    /// <returns>Why that cannot be, with the cure; null when it can.</returns>
    public string? Collect(string vassal, byte[] content, ProgramPlan? plan, ref VassalSource source)
    {
        source = source with { Attributes = AttributeText.Read(vassal, content, Attributes, out var failure) };
        if (failure is not null || !SendsConfiguration || plan is { IsProgram: true })
            return failure;
        if (content.Length > UwsgiPacket.MostContent)
            return $"the file is larger than {UwsgiPacket.MostContent} bytes, and cannot be sent to it (--emperor-force-config-pipe); make it smaller, "
                + "or move a part of it to a file that it includes";
        source = source with { Configuration = content };
        return null;
    }
}
