using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>What the driver shall start.</summary>
internal sealed record WsgiSetup
{
    /// <summary>Loaded once, in a template from which workers are forked; else every worker loads for itself.</summary>
    public bool Template { get; init; } = true;

    /// <summary>How many workers.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Whether workers are started at once and awaited.</summary>
    public bool Start { get; init; } = true;

    /// <summary>The only socket's protocol; null for two sockets, one of each.</summary>
    public string? Only { get; init; }

    /// <summary>The options, by uWSGI's names.</summary>
    public JsonObject Options { get; init; } = [];

    /// <summary>The interpreter.</summary>
    public string Python { get; init; } = "/usr/bin/python3";

    /// <summary>Added to the environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// The emperor's part of WORKER.md, played by driver.py: it holds two sockets, one for HTTP and one for the uwsgi protocol, and the shared memory,
/// starts a template or workers, and says what they say.
/// </summary>
internal sealed class WsgiDriver : IDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<JsonObject> _said = new();
    private readonly StringBuilder _log = new();
    private readonly string _folder;

    private WsgiDriver(Process process, string folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <summary>Where worker.py, driver.py and the apps are.</summary>
    public static string Files => Path.Combine(TestContext.CurrentContext.TestDirectory, "Wsgi");

    /// <summary>The port of the HTTP socket.</summary>
    public int Port { get; private set; }

    /// <summary>The path of the uwsgi socket.</summary>
    public string Socket => $"{_folder}/uwsgi.sock";

    /// <summary>What the workers have written.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>All that has been said so far.</summary>
    public IEnumerable<JsonObject> Said => _said;

    public static WsgiDriver Start(string folder, WsgiSetup setup)
    {
        var options = (JsonObject)setup.Options.DeepClone();
        options.TryAdd("chdir", Files);
        if (!options.ContainsKey("module") && !options.ContainsKey("wsgi-file") && !options.ContainsKey("mount"))
            options["module"] = "apps";
        var file = new JsonObject
        {
            ["python"] = setup.Python,
            ["worker"] = $"{Files}/worker.py",
            ["template"] = setup.Template,
            ["workers"] = setup.Workers,
            ["sockets"] = Sockets(folder, setup.Only),
            ["options"] = options,
        };
        File.WriteAllText($"{folder}/setup.json", file.ToJsonString());
        var start = new ProcessStartInfo("/usr/bin/python3", [$"{Files}/driver.py", $"{folder}/setup.json"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // No compiled files beside the tests.
            Environment = { ["PYTHONDONTWRITEBYTECODE"] = "1" },
        };
        foreach (var (name, value) in setup.Environment)
            start.Environment[name] = value;
        var driver = new WsgiDriver(Process.Start(start)!, folder);
        driver.Listen();
        var names = driver.Await(e => (string?)e["driver"] == "sockets")["names"]!.AsArray();
        if (names[0]!.GetValue<string>().Split(':') is [_, var port])
            driver.Port = int.Parse(port, CultureInfo.InvariantCulture);
        if (setup.Start)
            driver.StartWorkers(setup);
        return driver;
    }

    private static JsonArray Sockets(string folder, string? only) =>
        only switch
        {
            "http" => [Http()],
            "uwsgi" => [Uwsgi(folder)],
            _ => [Http(), Uwsgi(folder)],
        };

    private static JsonObject Http() => new() { ["protocol"] = "http", ["port"] = 0 };

    private static JsonObject Uwsgi(string folder) => new() { ["protocol"] = "uwsgi", ["path"] = $"{folder}/uwsgi.sock" };

    private void StartWorkers(WsgiSetup setup)
    {
        if (setup.Template)
        {
            AwaitEvent("template", "ready");
            for (var slot = 0; slot < setup.Workers; slot++)
                Tell($"fork {slot}");
        }
        for (var slot = 0; slot < setup.Workers; slot++)
            AwaitEvent(slot.ToString(CultureInfo.InvariantCulture), "ready");
    }

    private void Listen()
    {
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text)
                _said.Enqueue(JsonNode.Parse(text)!.AsObject());
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_log)
                _ = _log.AppendLine(line.Data);
        };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Gives the driver a command.</summary>
    public void Tell(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    /// <summary>Waits until something has been said, beyond what had been said before the mark.</summary>
    public JsonObject Await(Func<JsonObject, bool> what, int mark = 0) =>
        Wait.For(() => _said.Skip(mark).FirstOrDefault(what), () => $"not said; said was\n{Text()}");

    /// <summary>Waits until a process has said an event.</summary>
    public JsonObject AwaitEvent(string from, string name, int mark = 0) =>
        Await(e => e["from"]?.ToString() == from && (string?)e["event"] == name, mark);

    /// <summary>Waits until a process has ended; returns its exit code.</summary>
    public int AwaitExit(int pid) => Await(e => (string?)e["driver"] == "exit" && (int)e["pid"]! == pid)["code"]!.GetValue<int>();

    /// <summary>How much has been said until now.</summary>
    public int Mark => _said.Count;

    /// <summary>The process of a slot that was the last to say hello.</summary>
    public int Pid(int slot) =>
        (int)
            _said.Last(e => e["from"]?.ToString() == slot.ToString(CultureInfo.InvariantCulture) && (string?)e["event"] == "hello")["pid"]!;

    /// <summary>What the shared memory says of a slot now.</summary>
    public JsonObject Slot(int slot)
    {
        var mark = Mark;
        Tell("slots");
        return Await(e => (string?)e["driver"] == "slots", mark)["slots"]![slot]!.AsObject();
    }

    /// <summary>What has been said and logged.</summary>
    public string Text() => string.Join('\n', _said.Select(s => s.ToJsonString())) + "\n" + Log;

    /// <summary>Ends the driver, which ends all that it has started.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(Wait.Limit))
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
