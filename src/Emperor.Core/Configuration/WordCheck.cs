namespace Emperor.Core.Configuration;

/// <summary>Looks at every option's name: does Emperor act on it, does uWSGI know it, or does nobody?</summary>
internal static class WordCheck
{
    public static void Run(ReadResult read, List<ConfigProblem> problems)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var option in read.Options)
        {
            if (option.Naming == OptionNaming.Placeholder || SupportedOptions.ActsOn(option.Key) || SilentOptions.Contains(option.Key))
                continue;
            var problem = OptionTable.Instance.Find(option.Key) is not null ? WithoutEffect(option) : Unknown(option, read);
            if (problem is not null && seen.Add(option.Key))
                problems.Add(problem);
        }
    }

    /// <summary>The same for a vassal's options: whether uWSGI knows them.</summary>
    public static void RunForVassal(ReadResult read, List<ConfigProblem> problems)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var option in read.Options)
        {
            if (option.Naming == OptionNaming.Placeholder || OptionTable.Instance.IsUwsgis(option.Key) || !seen.Add(option.Key))
                continue;
            if (OptionTable.Instance.Find(option.Key) is not null)
                problems.Add(
                    new ConfigProblem(
                        Severity.Error,
                        option.Origin,
                        $"option \"{option.Key}\" is Emperor's own and means nothing to a vassal; move it to the emperor's configuration"
                    )
                );
            else if (Unknown(option, read) is { } problem)
                problems.Add(OptionTable.Instance.Nearest(option.Key) is null ? problem with { Severity = Severity.Warning } : problem);
        }
    }

    private static ConfigProblem? WithoutEffect(ExportedOption option)
    {
        // A variable UWSGI_X is inherited by the vassals, and does its work there.
        if (option.Origin.Kind == OriginKind.Environment)
            return null;
        if (RefusedOptions.ReasonFor(option.Key) is { } reason)
            return new ConfigProblem(Severity.Error, option.Origin, $"option \"{option.Key}\" is refused: {reason}");
        var message = $"option \"{option.Key}\" is known to uWSGI, but Emperor does not act on it; remove it or run that part with uwsgi";
        return new ConfigProblem(Severity.Warning, option.Origin, message);
    }

    /// <summary>uWSGI takes any word for a placeholder, so an unknown one ends nothing; but most are slips.</summary>
    private static ConfigProblem? Unknown(ExportedOption option, ReadResult read)
    {
        if (read.ReferencedNames.Contains(option.Key) || IsLogicEnd(option.Key))
            return null;
        var name = Messages.Shown(option.Key);
        var nearest = OptionTable.Instance.Nearest(option.Key);
        return option.Origin.Kind switch
        {
            // Most variables are people's own, and most words given to --set are placeholders.
            _ when nearest is null && (option.Origin.Kind == OriginKind.Environment || option.Naming == OptionNaming.Set) => null,
            OriginKind.Environment => new ConfigProblem(
                Severity.Warning,
                option.Origin,
                $"no option is named \"{name}\"; did you mean \"{nearest}\"? If not, ignore this"
            ),
            _ => new ConfigProblem(Severity.Error, option.Origin, $"unknown option \"{name}\" has no effect; {Cure(option.Key, nearest)}"),
        };
    }

    private static string Cure(string key, string? nearest)
    {
        const string Otherwise = "remove it, or define it with set-placeholder when it is a placeholder";
        if (key.Length == 0)
            return "nothing stands before its '='; write an option's name there, or remove the line";
        var blank = key.IndexOf(' ', StringComparison.Ordinal);
        if (blank > 0 && OptionTable.Instance.Find(key[..blank]) is { } option)
            return $"a '=' is missing after \"{option.Name}\"; add it";
        if (key.Length == 1 && OptionTable.Instance.FindLetter(key[0]) is { } meant)
            return $"files know no short options; write \"{meant.Name}\"";
        return nearest is null ? Otherwise : $"did you mean \"{nearest}\"? If not, {Otherwise}";
    }

    /// <summary>"end" closes a condition although uWSGI has no option of that name.</summary>
    private static bool IsLogicEnd(string key) => key == "end";
}
