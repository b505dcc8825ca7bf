namespace Emperor.Core.Configuration;

/// <summary>Options of uWSGI's emperor that Emperor does not have on purpose, each with the reason and what stands in its place.</summary>
internal static class RefusedOptions
{
    private const string ForkServer =
        "Emperor starts every vassal itself (posix_spawn), and a process of a fork server's would not be its child; start vassals that share a "
        + "preloaded app as workers of one";

    private const string Zerg = "it is an option of vassals', by which they share a socket; write it in their files";

    private static readonly Dictionary<string, string> Reasons = new(StringComparer.Ordinal)
    {
        ["emperor-proxy-socket"] =
            "it is an option of a vassal's, which hands its emperor's channel on; write it in the vassal's file, where uwsgi obeys it",
        ["emperor-trigger-socket"] = "uWSGI opens that socket and does nothing with it; use emperor-command-socket, or the control socket",
        ["emperor-use-fork-server"] = ForkServer,
        ["emperor-fork-server-attr"] = ForkServer,
        ["vassal-fork-base"] = ForkServer,
        ["zeus"] = "uWSGI has a name for it and nothing behind; run one Emperor on each machine",
        ["zerg"] = Zerg,
        ["zerg-fallback"] = Zerg,
        ["zerg-server"] = Zerg,
        ["vassal-sos"] = "it is an option of a vassal's, which then asks its emperor for reinforcement; write it in the vassal's file",
        ["vassal-sos-backlog"] =
            "it is an option of a vassal's, which then asks its emperor for reinforcement; write it in the vassal's file",
    };

    /// <summary>Why an option is refused, with the cure; null when it is not.</summary>
    public static string? ReasonFor(string name) => Reasons.GetValueOrDefault(name);
}
