using Emperor.Core.Checks;
using Emperor.Core.Configuration;
using Emperor.Core.Programs;

namespace Emperor.Commands;

/// <summary>Looks at the order that checked files ask for (after): who waits for nobody that is there, or in a circle.</summary>
internal static class OrderCheck
{
    /// <summary>Adds what is found.</summary>
    /// <param name="files">The files, as they were named, and what was found in each.</param>
    /// <param name="home">Where their names start.</param>
    /// <param name="findings">Where it goes.</param>
    public static void Run(IReadOnlyList<(string File, CheckResult Result)> files, string home, List<Finding> findings)
    {
        var after = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (file, result) in files)
            after.TryAdd(Path.GetFileName(file), [.. result.After.Select(a => a.Name)]);
        foreach (var (file, result) in files)
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(file, home)) ?? "/";
            foreach (var (name, origin) in result.After)
            {
                if (after.ContainsKey(name) || Path.Exists(Path.Combine(folder, name)))
                    continue;
                var cure = Path.Exists(Path.Combine(folder, name + ".ini")) ? $"write {name}.ini" : "correct the name, or remove it";
                var message = $"\"after = {name}\": there is no such file beside it, so it waits for none of that name; {cure}";
                findings.Add(Finding.Of(file, new ConfigProblem(Severity.Warning, origin, message)));
            }
        }
        while (AfterCircle.Find(after) is { } circle)
        {
            var (file, result) = files.First(f => Path.GetFileName(f.File) == circle[0]);
            var origin = result.After.First(a => a.Name == circle[1]).Origin;
            var message = $"\"after = {circle[1]}\": they wait for each other in a circle, {AfterCircle.Text(circle)}; remove one of these";
            findings.Add(Finding.Of(file, new ConfigProblem(Severity.Error, origin, message)));
            after.Remove(circle[0]);
        }
    }
}
