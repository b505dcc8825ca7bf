namespace Emperor.TestVassal;

/// <summary>Where the scripted vassal is; its verbs are in this project's README.md.</summary>
public static class VassalProgram
{
    /// <summary>The vassal, copied beside the assembly of whoever references this project.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "vassal");
}
