namespace Emperor.Servers;

/// <summary>The environment that every vassal gets of the emperor's.</summary>
internal static class VassalEnvironment
{
    /// <summary>
    /// The emperor's less what is its own affair: NOTIFY_SOCKET and UWSGI_RELOADS among others. UWSGI_VASSAL_X is the vassal's UWSGI_X. A variable
    /// that made this process an emperor would make every vassal one too (in uWSGI it does): it stays here.
    /// </summary>
    /// <param name="environment">The emperor's.</param>
    /// <param name="capturesOutput">Whether vassals print into pipes of the emperor's.</param>
    public static Dictionary<string, string> Of(IReadOnlyDictionary<string, string> environment, bool capturesOutput)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in environment)
        {
            var isOurs =
                name
                    is "NOTIFY_SOCKET"
                        or "WATCHDOG_USEC"
                        or "WATCHDOG_PID"
                        or "UWSGI_RELOADS"
                        or "DOTNET_EnableDiagnostics"
                        or Processes.Kindred.MarkVariable
                || name.StartsWith("UWSGI_EMPEROR", StringComparison.Ordinal)
                || name.StartsWith("UWSGI_VASSAL", StringComparison.Ordinal)
                // What it names is then no longer the vassal's standard error.
                || (capturesOutput && name == "JOURNAL_STREAM");
            if (!isOurs)
                result[name] = value;
        }
        foreach (var (name, value) in environment)
        {
            const string prefix = "UWSGI_VASSAL_";
            if (name.StartsWith(prefix, StringComparison.Ordinal))
                result[$"UWSGI_{name[prefix.Length..]}"] = value;
        }
        return result;
    }
}
