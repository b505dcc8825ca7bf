namespace Emperor.Core.Configuration;

/// <summary>How bad a problem of the configuration is.</summary>
public enum Severity
{
    /// <summary>Worth saying, changes nothing.</summary>
    Warning,

    /// <summary>Something of the configuration is without effect; Emperor starts all the same, as uWSGI would.</summary>
    Error,

    /// <summary>Emperor does not start.</summary>
    Fatal,
}

/// <summary>Something wrong with the configuration, told so that it can be mended.</summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Origin">Where it stands; null where no single place is to blame.</param>
/// <param name="Message">One sentence: the thing, the cause and the cure. The place is not repeated in it.</param>
public sealed record ConfigProblem(Severity Severity, OptionOrigin? Origin, string Message)
{
    /// <summary>The exit code for these problems: 0 without a fatal one, 2 when the first fatal one is of the command line, otherwise 1.</summary>
    public static int ExitCode(IEnumerable<ConfigProblem> problems)
    {
        var fatal = problems.FirstOrDefault(problem => problem.Severity == Severity.Fatal);
        if (fatal is null)
            return 0;
        return fatal.Origin is null or { Kind: OriginKind.CommandLine } ? 2 : 1;
    }

    /// <summary>"PLACE: MESSAGE", or the message alone.</summary>
    public override string ToString() => Origin is null ? Message : $"{Origin}: {Message}";
}
