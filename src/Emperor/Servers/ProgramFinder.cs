using Emperor.Linux;

namespace Emperor.Servers;

/// <summary>Finds the program that a vassal runs, as execvp(3) would: a name with a slash is a path, others are searched for in PATH.</summary>
internal static class ProgramFinder
{
    private const string DefaultPath = "/usr/local/bin:/usr/bin:/bin";

    /// <summary>The path of the first of these names that is there and may be executed; null when none is.</summary>
    public static string? Find(IEnumerable<string> names, string? searchPath)
    {
        foreach (var name in names)
        {
            if (Find(name, searchPath) is { } found)
                return found;
        }
        return null;
    }

    /// <summary>The path of a program; null when it is not there or may not be executed.</summary>
    public static string? Find(string name, string? searchPath)
    {
        if (name.Contains('/'))
            return Files.IsExecutable(name) ? name : null;
        foreach (var folder in (searchPath ?? DefaultPath).Split(':'))
        {
            var path = folder.Length == 0 ? $"./{name}" : $"{folder}/{name}";
            if (Files.IsExecutable(path))
                return path;
        }
        return null;
    }
}
