using Emperor.Linux;

namespace Emperor.Servers;

/// <summary>Finds the program that a vassal runs, as execvp(3) would: a name with a slash is a path, others are searched for in PATH.</summary>
internal static class ProgramFinder
{
    private const string DefaultPath = "/usr/local/bin:/usr/bin:/bin";

    /// <summary>The path of the first of these names that is there and may be executed; null when none is.</summary>
    /// <param name="names">The names, in order.</param>
    /// <param name="searchPath">PATH.</param>
    /// <param name="folder">The folder that it will be executed in, where relative paths start.</param>
    public static string? Find(IEnumerable<string> names, string? searchPath, string folder)
    {
        foreach (var name in names)
        {
            if (Find(name, searchPath, folder) is { } found)
                return found;
        }
        return null;
    }

    /// <summary>The path of a program; null when it is not there or may not be executed.</summary>
    public static string? Find(string name, string? searchPath, string folder)
    {
        if (name.Contains('/'))
            return Files.IsExecutable(Path.Combine(folder, name)) ? name : null;
        foreach (var place in (searchPath ?? DefaultPath).Split(':'))
        {
            var path = place.Length == 0 ? $"./{name}" : $"{place}/{name}";
            if (Files.IsExecutable(Path.Combine(folder, path)))
                return path;
        }
        return null;
    }
}
