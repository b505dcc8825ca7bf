using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Emperor.Core.Stats;

/// <summary>A listening socket.</summary>
/// <param name="Name">Its address.</param>
/// <param name="Protocol">uwsgi or http.</param>
/// <param name="Waiting">How many connections wait in it.</param>
/// <param name="Most">How many may.</param>
public sealed record SocketFigures(string Name, string Protocol, int Waiting, int Most);

/// <summary>A command that runs beside the workers.</summary>
/// <param name="Command">The command.</param>
/// <param name="Pid">Its process; 0 when it is not there.</param>
/// <param name="Respawns">How often it was started again.</param>
public sealed record DaemonFigures(string Command, int Pid, int Respawns);

/// <summary>
/// The document of a vassal's own stats socket (stats): that of uWSGI 2.0.21's master (uwsgi_master_generate_stats in core/master_utils.c), with its keys,
/// order and types, so that uwsgitop and others read it. What the built-in server has not (signals, locks, caches) is 0 or empty.
/// </summary>
public sealed record WorkerDocument
{
    private const ulong Second = 1_000_000_000;
    private const string Version = Configuration.MagicVariables.Version;

    /// <summary>The emperor's process, which is the master; its user, group and folder.</summary>
    public required EmperorIdentity Master { get; init; }

    /// <summary>The app's folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Now, seconds since the epoch, and by the clock of <see cref="CoreFigures.RequestStart"/>.</summary>
    public required (long Unix, ulong Clock) Now { get; init; }

    /// <summary>The vassal's sockets.</summary>
    public IReadOnlyList<SocketFigures> Sockets { get; init; } = [];

    /// <summary>What runs beside the workers; null when the file names nothing.</summary>
    public IReadOnlyList<DaemonFigures>? Daemons { get; init; }

    /// <summary>The mountpoint of each app, in the order in which they are loaded.</summary>
    public IReadOnlyList<string> Mountpoints { get; init; } = [];

    /// <summary>The workers, by their numbers.</summary>
    public IReadOnlyList<WorkerFigures> Workers { get; init; } = [];

    /// <summary>Writes it.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="minified">Without line breaks and tabs.</param>
    public void Write(IBufferWriter<byte> output, bool minified)
    {
        using var json = new Utf8JsonWriter(
            output,
            new JsonWriterOptions
            {
                Indented = !minified,
                IndentCharacter = '\t',
                IndentSize = 1,
                NewLine = "\n",
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            }
        );
        json.WriteStartObject();
        json.WriteString("version", Version);
        json.WriteNumber("listen_queue", Sockets.Count == 0 ? 0 : Sockets.Max(s => s.Waiting));
        json.WriteNumber("listen_queue_errors", 0);
        json.WriteNumber("signal_queue", 0);
        json.WriteNumber("load", Sockets.Sum(s => s.Waiting));
        json.WriteNumber("pid", Master.Pid);
        json.WriteNumber("uid", Master.Uid);
        json.WriteNumber("gid", Master.Gid);
        json.WriteString("cwd", Folder);
        if (Daemons is not null)
            WriteDaemons(json, Daemons);
        json.WriteStartArray("locks");
        json.WriteEndArray();
        json.WriteStartArray("sockets");
        foreach (var socket in Sockets)
        {
            json.WriteStartObject();
            json.WriteString("name", socket.Name);
            json.WriteString("proto", socket.Protocol);
            json.WriteNumber("queue", socket.Waiting);
            json.WriteNumber("max_queue", socket.Most);
            json.WriteNumber("shared", 0);
            json.WriteNumber("can_offload", 0);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("workers");
        foreach (var worker in Workers)
            WriteWorker(json, worker);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteDaemons(Utf8JsonWriter json, IReadOnlyList<DaemonFigures> daemons)
    {
        json.WriteStartArray("daemons");
        foreach (var daemon in daemons)
        {
            json.WriteStartObject();
            json.WriteString("cmd", daemon.Command);
            json.WriteNumber("pid", daemon.Pid);
            json.WriteNumber("respawns", daemon.Respawns);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteWorker(Utf8JsonWriter json, WorkerFigures worker)
    {
        var cores = worker.Cores;
        json.WriteStartObject();
        json.WriteNumber("id", worker.Id);
        json.WriteNumber("pid", worker.Pid);
        json.WriteNumber("accepting", worker.State == 2 ? 1 : 0);
        json.WriteNumber("requests", cores.Sum(c => c.Requests));
        json.WriteNumber("delta_requests", cores.Sum(c => c.Requests - c.RequestsBefore));
        json.WriteNumber("exceptions", cores.Sum(c => c.Exceptions));
        json.WriteNumber("harakiri_count", worker.Harakiris);
        json.WriteNumber("signals", 0);
        json.WriteNumber("signal_queue", 0);
        json.WriteString(
            "status",
            worker.Pid == 0 ? "cheap"
                : cores.Any(c => c.RequestStart != 0) ? "busy"
                : "idle"
        );
        json.WriteNumber("rss", worker.Rss);
        json.WriteNumber("vsz", worker.Vsz);
        json.WriteNumber("running_time", cores.Sum(c => c.RunningTime));
        json.WriteNumber("last_spawn", worker.Started);
        json.WriteNumber("respawn_count", worker.Starts);
        json.WriteNumber("tx", cores.Sum(c => c.Sent));
        json.WriteNumber("avg_rt", Average(cores));
        json.WriteStartArray("apps");
        for (var i = 0; i < Math.Min(Mountpoints.Count, CoreFigures.MostApps); i++)
            WriteApp(json, i, worker);
        json.WriteEndArray();
        if (worker.ShowsCores)
            WriteCores(json, cores);
        json.WriteEndObject();
    }

    private void WriteApp(Utf8JsonWriter json, int app, WorkerFigures worker)
    {
        json.WriteStartObject();
        json.WriteNumber("id", app);
        json.WriteNumber("modifier1", 0);
        json.WriteString("mountpoint", Mountpoints[app]);
        json.WriteNumber("startup_time", 0);
        json.WriteNumber("requests", worker.Cores.Sum(c => c.Apps[app].Requests));
        json.WriteNumber("exceptions", worker.Cores.Sum(c => c.Apps[app].Exceptions));
        json.WriteString("chdir", "");
        json.WriteEndObject();
    }

    private void WriteCores(Utf8JsonWriter json, IReadOnlyList<CoreFigures> cores)
    {
        json.WriteStartArray("cores");
        for (var i = 0; i < cores.Count; i++)
        {
            var core = cores[i];
            var isBusy = core.RequestStart != 0;
            json.WriteStartObject();
            json.WriteNumber("id", i);
            json.WriteNumber("requests", core.Requests);
            json.WriteNumber("static_requests", core.StaticRequests);
            json.WriteNumber("routed_requests", 0);
            json.WriteNumber("offloaded_requests", 0);
            json.WriteNumber("write_errors", core.WriteErrors);
            json.WriteNumber("read_errors", core.ReadErrors);
            json.WriteNumber("in_request", isBusy ? 1 : 0);
            json.WriteStartArray("vars");
            if (isBusy && core.Info.Split(' ', 3) is [var method, var address, var uri])
            {
                json.WriteStringValue($"REQUEST_METHOD={method}");
                json.WriteStringValue($"REQUEST_URI={uri}");
                json.WriteStringValue($"REMOTE_ADDR={address}");
            }
            json.WriteEndArray();
            json.WriteStartObject("req_info");
            if (isBusy)
                json.WriteNumber("request_start", Now.Unix - (long)((Math.Max(Now.Clock, core.RequestStart) - core.RequestStart) / Second));
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // Of the threads that have served at all.
    private static long Average(IReadOnlyList<CoreFigures> cores)
    {
        var used = cores.Where(c => c.Requests > 0).ToArray();
        return used.Length == 0 ? 0 : used.Sum(c => c.Average) / used.Length;
    }
}
