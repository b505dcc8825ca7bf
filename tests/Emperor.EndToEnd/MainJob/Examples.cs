using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>What an example says about itself: a command, and the first line that it answers.</summary>
internal sealed record Claim(string Vassal, string Command, string Answer);

/// <summary>
/// A copy of vassals.example, as if the repository had been cloned into a folder of the test, with ports and sockets of its own. Each
/// vassal says in its comments, in a line that begins with a dollar sign, how to see it, and in the next one what is seen.
/// </summary>
internal sealed partial class Examples
{
    private const string FolderName = "vassals.example";
    private const string SocketPrefix = "/tmp/emperor-example";

    private Examples(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>The names of its vassals.</summary>
    public IReadOnlyList<string> Vassals => [.. Directory.EnumerateFiles(Folder, "*.ini").Select(path => Path.GetFileName(path))];

    /// <summary>The folder of those that uwsgi alone can read.</summary>
    public string UwsgiFolder => $"{Folder}/uwsgi";

    /// <summary>Their names, from the folder of all.</summary>
    public IReadOnlyList<string> UwsgiVassals =>
        [.. Directory.EnumerateFiles(UwsgiFolder).Select(path => $"uwsgi/{Path.GetFileName(path)}")];

    public static Examples Copy(TempFolder temp)
    {
        Command.Run(temp.Path, "/bin/cp", "--archive", Source(), temp[FolderName]);
        // The app that its start would build, as it was built with the tests.
        File.CreateSymbolicLink($"{temp.Folder("out")}/aspnet", Path.GetDirectoryName(AspNetApp)!);
        var ports = new Dictionary<string, string>();
        foreach (var path in Directory.EnumerateFiles(temp[FolderName], "*", SearchOption.AllDirectories))
        {
            if (new FileInfo(path).LinkTarget is not null || !(path.EndsWith(".ini") || path.EndsWith(".yml")))
                continue;
            var text = Port().Replace(File.ReadAllText(path), port => OwnPort(ports, port.Value)).Replace(SocketPrefix, temp["example"]);
            File.WriteAllText(path, text);
        }
        return new Examples(temp[FolderName]);
    }

    /// <summary>What a vassal says about itself.</summary>
    public IReadOnlyList<Claim> ClaimsOf(string vassal)
    {
        var lines = File.ReadAllText($"{Folder}/{vassal}").Replace("%n", Path.GetFileNameWithoutExtension(vassal)).Split('\n');
        return
        [
            .. lines
                .Zip(lines.Skip(1), (line, next) => (Line: line.TrimStart('#', ' '), Next: next.TrimStart('#', ' ')))
                .Where(pair => pair.Line.StartsWith("$ "))
                .Select(pair => new Claim(vassal, pair.Line[2..], pair.Next)),
        ];
    }

    private static string AspNetApp =>
        typeof(Examples).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "ExampleProgram").Value!;

    private static string OwnPort(Dictionary<string, string> ports, string port)
    {
        if (!ports.TryGetValue(port, out var own))
            ports[port] = own = Ports.Free().ToString(CultureInfo.InvariantCulture);
        return own;
    }

    private static string Source()
    {
        for (var folder = TestContext.CurrentContext.TestDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Directory.Exists($"{folder}/{FolderName}"))
                return $"{folder}/{FolderName}";
        }
        throw new DirectoryNotFoundException(FolderName);
    }

    [GeneratedRegex(@"\b91\d\d\b")]
    private static partial Regex Port();
}
