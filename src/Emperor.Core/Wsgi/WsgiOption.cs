namespace Emperor.Core.Wsgi;

/// <summary>What becomes of an option of uWSGI where the built-in server runs a vassal.</summary>
public enum WsgiFate
{
    /// <summary>The worker acts on it: it is handed on (WORKER.md).</summary>
    Worker,

    /// <summary>The emperor acts on it.</summary>
    Emperor,

    /// <summary>What it asks for is so anyway.</summary>
    Accepted,

    /// <summary>It has no effect, which a warning tells; the app runs all the same.</summary>
    Warned,

    /// <summary>The vassal cannot be run without it.</summary>
    Refused,
}

/// <summary>How an option's value is read.</summary>
public enum WsgiValue
{
    /// <summary>A text; the last one counts.</summary>
    Text,

    /// <summary>A path, or the name of a thing that holds neither blanks nor signs of a comment: a comment behind it is taken off. The last one counts.</summary>
    Path,

    /// <summary>A whole number; the last one counts.</summary>
    Number,

    /// <summary>A switch; the last one counts.</summary>
    Flag,

    /// <summary>Texts that add up.</summary>
    List,

    /// <summary>Paths that add up, as <see cref="Path"/>.</summary>
    Paths,
}

/// <summary>An option of uWSGI as the built-in server knows it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Canonical">The name of it that the others stand for.</param>
/// <param name="Fate">What becomes of it.</param>
/// <param name="Value">How its value is read.</param>
/// <param name="Words">Of a warning or refusal: the cause and the cure, as the end of a sentence.</param>
public sealed record WsgiOption(string Name, string Canonical, WsgiFate Fate, WsgiValue Value, string Words = "");
