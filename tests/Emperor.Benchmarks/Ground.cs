using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>
/// The folders of one reign, as a deployment has them: apps/NAME/uwsgi.ini, each linked into vassals/ as NAME.ini. Acts are named for what
/// an operator does.
/// </summary>
internal sealed class Ground
{
    private readonly string apps;
    private readonly string script;
    private readonly string staging;

    public Ground(string root, int vassals, int stopDelay)
    {
        // Loyal at once: what is measured are an emperor's dealings with vassals in good standing.
        script = string.Create(
            CultureInfo.InvariantCulture,
            $"[uwsgi]\nx-do = spawned\nx-do = accept\nx-do = loyal\nx-do = stop-delay {stopDelay}\n"
        );
        Root = root;
        Vassals = Path.Combine(root, "vassals");
        apps = Path.Combine(root, "apps");
        staging = Path.Combine(root, "staging.ini");
        Directory.CreateDirectory(Vassals);
        Directory.CreateDirectory(apps);
        Names = [.. Enumerable.Range(0, vassals).Select(i => $"app{i:d5}")];
        foreach (var name in Names)
        {
            Prepare(name);
            Link(name);
        }
    }

    public string Root { get; }

    /// <summary>The folder that the emperor watches.</summary>
    public string Vassals { get; }

    public IReadOnlyList<string> Names { get; }

    /// <summary>Makes the app's folder and file, which nobody sees yet.</summary>
    public void Prepare(string name)
    {
        Directory.CreateDirectory(Path.Combine(apps, name));
        File.WriteAllText(Target(name), script);
    }

    /// <summary>Writes the file that <see cref="Drop"/> moves.</summary>
    public void Stage() => File.WriteAllText(staging, script);

    public void Drop(string name) => File.Move(staging, Ini(name));

    public void Link(string name) => File.CreateSymbolicLink(Ini(name), Target(name));

    public void Edit(string name) => File.AppendAllText(Target(name), "# edited\n");

    public void Remove(string name) => File.Delete(Ini(name));

    /// <summary>Does everything once where nobody watches: the first call of each is compiled in the time that it would measure.</summary>
    public static void WarmUp(string root)
    {
        var ground = new Ground(root, vassals: 1, stopDelay: 0);
        ground.Stage();
        ground.Drop("dropped");
        ground.Prepare("linked");
        ground.Link("linked");
        ground.Edit("linked");
        ground.Remove("linked");
        Directory.Delete(root, recursive: true);
    }

    private string Ini(string name) => Path.Combine(Vassals, name + ".ini");

    private string Target(string name) => Path.Combine(apps, name, "uwsgi.ini");
}
