namespace Emperor.Core.Control;

/// <summary>A verb of the command.</summary>
/// <param name="Name">The word.</param>
/// <param name="Arguments">What follows it.</param>
/// <param name="Text">What it does.</param>
public sealed record Verb(string Name, string Arguments, string Text);

/// <summary>The verbs of the command, "emperor VERB": the one place that --help and the command itself take them from.</summary>
public static class VerbList
{
    /// <summary>All that --help shows.</summary>
    public static IReadOnlyList<Verb> All { get; } =
    [
        new("status", "[NAME...]", "show how vassals are; exit code 0 when all are well, 3 when one is not, 4 without an emperor"),
        new("top", "", "show them live, with memory and processor time"),
        new("explain", "NAME...", "show all about one: its file, how it was started, what happened, what comes next, what you can do"),
        new("start", "NAME...", "start what is down, whatever kept it down"),
        new("stop", "NAME...", "stop; it stays down until it is started, or its file changes"),
        new("restart", "NAME...", "stop, then start anew"),
        new("reload", "NAME...", "reload, as if its file had been touched"),
        new("retry", "NAME...", "try again now what waits after failures"),
        new("logs", "NAME...", "show what vassals printed last; -f goes on"),
        new("events", "[NAME...]", "show what happened last; -f goes on"),
        new("upgrade", "", "go on with the program that is now at the emperor's path; no vassal notices"),
        new("check", "FILE...", "look for mistakes in vassals' files, without running anything"),
        new("config", "NAME|FILE", "show a vassal's options as uwsgi understands them, placeholders and includes resolved"),
        new(Serve, "OPTION...", "run one WSGI app here and now, with uWSGI's command line: emperor serve --http :8000 --wsgi-file app.py"),
        new("help", "[VERB]", "show this, or more about a verb"),
    ];

    /// <summary>The one that speaks with no emperor, but is one.</summary>
    public const string Serve = "serve";

    /// <summary>Shell completion asks this for vassals' names.</summary>
    public const string Completion = "complete";

    /// <summary>Whether a command line that begins with this word is one of the command, and not of a daemon.</summary>
    public static bool Contains(string word) => word != Serve && (word == Completion || All.Any(verb => verb.Name == word));
}
