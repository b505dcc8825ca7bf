using Emperor.Core.Configuration;
using Emperor.Core.Programs;
using Emperor.Core.Wsgi;

namespace Emperor.Monitors;

/// <summary>Decides by a vassal's content whether it can be run, and as what.</summary>
/// <param name="attributes">Keys of section [emperor] that are attributes (--emperor-collect-attr).</param>
internal sealed class ProgramFiles(IReadOnlyList<string> attributes)
{
    private readonly Lazy<Machine> _machine = new(Machine.Look, LazyThreadSafetyMode.None);
    private readonly List<string> _warnings = [];
    private ServerWish _server;
    private Func<string, bool> _hasUwsgi = _ => true;
    private Func<string, IReadOnlyList<string>?> _arguments = _ => null;

    /// <summary>The one app of "emperor serve"; null where vassals are files.</summary>
    public ServeRequest? Serve { get; set; }

    /// <summary>What was found in the last file that is worth telling.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>How it is decided which server runs a vassal.</summary>
    /// <param name="server">What is said for all whose files do not say (--emperor-server).</param>
    /// <param name="hasUwsgi">Whether there is a uwsgi to run vassals of a folder.</param>
    /// <param name="arguments">The command line of a uwsgi for a file, which may set options of its own (--vassal-set and its kind).</param>
    public void Ask(ServerWish server, Func<string, bool> hasUwsgi, Func<string, IReadOnlyList<string>?> arguments) =>
        (_server, _hasUwsgi, _arguments) = (server, hasUwsgi, arguments);

    /// <summary>Looks at the machine, which takes the emperor's own rights.</summary>
    public void Prepare() => _ = _machine.Value;

    /// <summary>Adds to that.</summary>
    public void Warn(string warning) => _warnings.Add(warning);

    /// <summary>Looks into a file.</summary>
    /// <param name="file">Its name in its working folder.</param>
    /// <param name="folder">That folder.</param>
    /// <param name="content">Its content.</param>
    /// <param name="refusal">Why it cannot be run, with the cure; null when it can.</param>
    /// <returns>What its section [emperor] asks for, or what the built-in server needs; null without either.</returns>
    public ProgramPlan? Examine(string file, string folder, byte[] content, out string? refusal)
    {
        _warnings.Clear();
        if (Serve is { } serve)
            return Examine(serve, folder, out refusal);
        var verdict = VassalFileCheck.Examine(file, content);
        refusal = verdict.Reason;
        if (refusal is not null)
            return null;
        var host = new FolderConfigHost(_machine.Value, folder, file, content);
        ProgramPlan? plan = null;
        if (verdict.HasProgram)
        {
            var reading = ProgramReader.Read(file, verdict.HasUwsgi, host, attributes);
            (plan, refusal) = (reading.Plan, host.LookedAtTooMany ? TooMany("emperor") : reading.Refusal(file));
            if (refusal is not null)
                return null;
        }
        if (!verdict.HasUwsgi)
            return plan;
        var choice = ServerChoice.Make(plan?.Server, _server, () => _hasUwsgi(folder), () => WsgiReader.App(file, host, _arguments(file)));
        if (choice.IsBuiltIn)
            return BuiltIn(file, host, plan, choice, out refusal);
        if (file.LastIndexOf(':') is var colon and >= 0)
            _warnings.Add($"uwsgi takes \"{file[(colon + 1)..]}\" for the name of a section in \"{file[..colon]}\"; rename it");
        return plan;
    }

    private ProgramPlan? Examine(ServeRequest serve, string folder, out string? refusal)
    {
        var host = new FolderConfigHost(_machine.Value, folder, "", []) { Environment = _machine.Value.Variables };
        var reading = WsgiReader.ReadCommandLine(serve.Arguments, host);
        refusal = host.LookedAtTooMany ? TooMany("uwsgi") : reading.Refusal(serve.File ?? "");
        _warnings.AddRange(reading.Problems.Where(p => p.Severity == Severity.Warning).Select(p => p.ToString()));
        return refusal is null ? reading.Plan : null;
    }

    // The section [emperor] says how it is supervised, [uwsgi] what is run.
    private ProgramPlan? BuiltIn(string file, FolderConfigHost host, ProgramPlan? own, ServerChoice choice, out string? refusal)
    {
        var reading = WsgiReader.Read(file, host, _arguments(file));
        refusal = host.LookedAtTooMany ? TooMany("uwsgi") : reading.Refusal(file);
        if (refusal is not null || reading.Plan is not { } plan)
            return null;
        _warnings.AddRange(reading.Problems.Select(p => p.ToString()));
        return (own is null ? plan : WsgiReader.Refine(plan, own)) with { ServerReason = choice.Reason };
    }

    private static string TooMany(string section) =>
        $"section [{section}]: its for-glob looks at more names than may be, while all vassals wait; narrow the pattern";
}
