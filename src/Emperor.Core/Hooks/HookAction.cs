namespace Emperor.Core.Hooks;

/// <summary>What a hook does (uWSGI, core/hooks.c, uwsgi_register_base_hooks).</summary>
public enum HookVerb
{
    /// <summary>Go to a folder: what follows runs there.</summary>
    ChangeDirectory,

    /// <summary>Set a variable (NAME=VALUE), or remove it (NAME), for what follows.</summary>
    SetVariable,

    /// <summary>Run a command of the shell.</summary>
    Execute,

    /// <summary>Run a program with the vassal's name (--vassals-start-hook, --vassals-stop-hook).</summary>
    ExecuteWithName,

    /// <summary>Mount a file system: type, what, where, flags, data.</summary>
    Mount,

    /// <summary>Unmount: where, flags.</summary>
    Unmount,

    /// <summary>Set the host name.</summary>
    SetHostName,

    /// <summary>End here with an exit code.</summary>
    Exit,

    /// <summary>Write a line to the log.</summary>
    Print,

    /// <summary>Do something with a file, by a script of the shell.</summary>
    Script,
}

/// <summary>One thing that is done when a vassal, or the emperor, starts or ends.</summary>
/// <param name="Option">The option that it comes from, without the dashes.</param>
/// <param name="Shown">What people are shown of it.</param>
/// <param name="Verb">What it does.</param>
/// <param name="Arguments">With what.</param>
public sealed record HookAction(string Option, string Shown, HookVerb Verb, IReadOnlyList<string> Arguments)
{
    /// <summary>Its name in the log.</summary>
    public string Name => Shown.Length == 0 ? Option : $"{Option} \"{Shown}\"";

    /// <summary>Whether a vassal whose hook fails is not started: all but --vassals-start-hook and safeexec.</summary>
    public bool IsFatal { get; init; } = true;

    /// <summary>Whether only root can do it.</summary>
    public bool NeedsRoot => Verb is HookVerb.Mount or HookVerb.Unmount or HookVerb.SetHostName;
}
