using System.Buffers;
using System.Text.Json;
using Emperor.Core.Vassals;

namespace Emperor.Core.Stats;

/// <summary>
/// The document of the stats socket. Keys, types and order of its first part are those of uWSGI's emperor (emperor_send_stats in
/// core/emperor.c); what is Emperor's own stands behind them, in each vassal and in the whole.
/// </summary>
/// <param name="identity">Whose document.</param>
/// <param name="minified">Without line breaks and tabs (--stats-minified).</param>
public sealed class StatsDocument(EmperorIdentity identity, bool minified)
{
    // uWSGI shows a vassal without a process so.
    private const int NoProcess = -1;

    private readonly JsonWriterOptions _options = new()
    {
        Indented = !minified,
        IndentCharacter = '\t',
        IndentSize = 1,
        NewLine = "\n",
        // The order of calls below is fixed, and a test reads what comes of it.
        SkipValidation = true,
    };
    private readonly ArrayBufferWriter<byte> _scratch = new();
    private Utf8JsonWriter? _writer;
    private Written[] _written = [];

    private readonly record struct Written(VassalState State, ProcessFigures? Figures, WorkCounts? Work, byte[] Json);

    /// <summary>Writes the whole document.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="empire">What is told.</param>
    /// <param name="usage">What processes use.</param>
    public void Write(IBufferWriter<byte> output, EmpireSnapshot empire, Usage usage)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(empire);
        ArgumentNullException.ThrowIfNull(usage);
        output.Write(Head());
        if (_written.Length < empire.Count)
            Array.Resize(ref _written, empire.Count);
        for (var i = 0; i < empire.Count; i++)
        {
            if (i > 0)
                output.Write(","u8);
            output.Write(JsonOf(i, empire[i], usage.Of(empire[i]), empire.WorkOf(empire[i].Name)));
        }
        output.Write(minified || empire.Count == 0 ? "],"u8 : "\n\t],"u8);
        output.Write(Tail(empire, usage));
    }

    /// <summary>Gives back the memory that makes the next document cheap.</summary>
    public void Forget() => _written = [];

    private ReadOnlySpan<byte> Head()
    {
        var json = Begin();
        json.WriteStartObject();
        json.WriteString("version"u8, identity.Version);
        json.WriteNumber("pid"u8, identity.Pid);
        json.WriteNumber("uid"u8, identity.Uid);
        json.WriteNumber("gid"u8, identity.Gid);
        json.WriteString("cwd"u8, identity.Folder);
        json.WriteStartArray("emperor"u8);
        foreach (var monitor in identity.Monitors)
            json.WriteStringValue(monitor);
        json.WriteEndArray();
        json.WriteNumber("emperor_tyrant"u8, identity.IsTyrant ? 1 : 0);
        json.WriteNumber("throttle_level"u8, 0);
        json.WriteStartArray("vassals"u8);
        json.Flush();
        return _scratch.WrittenSpan;
    }

    // What is known of a vassal never changes, it is replaced. So what was written of it stays right as long as it is the same object, and of
    // thousands of vassals few have changed since the last document.
    private byte[] JsonOf(int index, VassalSnapshot vassal, ProcessFigures? figures, WorkCounts? work)
    {
        ref var written = ref _written[index];
        if (ReferenceEquals(written.State, vassal.Raw) && ReferenceEquals(written.Figures, figures) && written.Work == work)
            return written.Json;
        var json = Begin();
        // As deep as it stands in the document.
        json.WriteStartArray();
        json.WriteStartArray();
        json.Flush();
        var start = _scratch.WrittenCount;
        Write(json, vassal, figures, work);
        json.Flush();
        written = new Written(vassal.Raw, figures, work, _scratch.WrittenSpan[start..].ToArray());
        return written.Json;
    }

    private ReadOnlySpan<byte> Tail(EmpireSnapshot empire, Usage usage)
    {
        var json = Begin();
        json.WriteStartObject();
        json.WriteStartArray("blacklist"u8);
        for (var i = 0; i < empire.Count; i++)
        {
            if (empire[i].Failures > 0)
                WriteBlacklisted(json, empire[i]);
        }
        json.WriteEndArray();
        WriteHealth(json, empire, usage);
        json.WriteEndObject();
        json.Flush();
        // The brace was written with the head.
        return _scratch.WrittenSpan[1..];
    }

    private Utf8JsonWriter Begin()
    {
        _scratch.ResetWrittenCount();
        _writer ??= new Utf8JsonWriter(_scratch, _options);
        _writer.Reset();
        return _writer;
    }

    private static void Write(Utf8JsonWriter json, VassalSnapshot vassal, ProcessFigures? figures, WorkCounts? work)
    {
        var raw = vassal.Raw;
        var history = raw.History;
        json.WriteStartObject();
        json.WriteString("id"u8, raw.Name);
        json.WriteNumber("pid"u8, raw.Pid ?? NoProcess);
        json.WriteNumber("born"u8, raw.File.Born);
        json.WriteNumber("last_mod"u8, raw.File.LastModified);
        json.WriteNumber("last_heartbeat"u8, Seconds(history.LastHeartbeat));
        json.WriteNumber("loyal"u8, raw.Loyal && raw.HasProcess ? 1 : 0);
        json.WriteNumber("ready"u8, raw.Ready ? 1 : 0);
        json.WriteNumber("accepting"u8, raw.Accepting ? 1 : 0);
        json.WriteNumber("last_loyal"u8, Seconds(history.LastLoyal));
        json.WriteNumber("last_ready"u8, Seconds(history.LastReady));
        json.WriteNumber("last_accepting"u8, Seconds(history.LastAccepting));
        // In uWSGI a new process is a new instance, so these two are about the process, and respawns are its reloads.
        json.WriteNumber("first_run"u8, Seconds(history.LastStart));
        json.WriteNumber("last_run"u8, Seconds(history.LastRun));
        json.WriteNumber("cursed"u8, Seconds(history.Cursed));
        json.WriteNumber("zerg"u8, raw.Lord is null ? 0 : 1);
        json.WriteString("on_demand"u8, vassal.OnDemand ?? "");
        json.WriteNumber("uid"u8, raw.Source?.Uid ?? 0);
        json.WriteNumber("gid"u8, raw.Source?.Gid ?? 0);
        json.WriteString("monitor"u8, raw.Source?.Monitor ?? "");
        json.WriteNumber("respawns"u8, raw.Reloads);
        WriteMore(json, vassal, work);
        WriteExit(json, vassal.LastExit);
        WriteFigures(json, figures);
        json.WriteEndObject();
    }

    private static void WriteMore(Utf8JsonWriter json, VassalSnapshot vassal, WorkCounts? work)
    {
        var raw = vassal.Raw;
        json.WriteString("state"u8, vassal.State);
        json.WriteString("reason"u8, vassal.Reason);
        json.WriteNumber("since"u8, Seconds(vassal.Since));
        json.WriteBoolean("up"u8, vassal.IsUp);
        json.WriteNumber("first_start"u8, Seconds(raw.History.FirstStart));
        json.WriteNumber("restarts"u8, vassal.Restarts);
        json.WriteNumber("deaths"u8, raw.Deaths);
        json.WriteNumber("failures"u8, vassal.Failures);
        json.WriteNumber("next_retry"u8, Seconds(vassal.NextRetry));
        json.WriteNumber("reloads"u8, raw.History.ReloadsAnswered);
        json.WriteNumber("last_reload_ms"u8, raw.History.LastReloadTook);
        json.WriteString("path"u8, raw.Source?.Path ?? "");
        json.WriteString("target"u8, raw.Source?.Target ?? "");
        json.WriteString("digest"u8, raw.LaunchedDigest ?? "");
        json.WriteBoolean("latest"u8, vassal.IsLatest);
        json.WriteString("kind"u8, vassal.Kind);
        json.WriteNumber("copies"u8, vassal.Copies);
        json.WriteNumber("copies_ready"u8, vassal.CopiesReady);
        json.WriteString("status_text"u8, vassal.StatusText);
        json.WriteString("failed_reload"u8, raw.FailedReload);
        WriteNewer(json, raw);
        if (work is not { } counts)
            return;
        json.WriteStartObject("workers"u8);
        json.WriteNumber("requests"u8, counts.Requests);
        json.WriteNumber("exceptions"u8, counts.Exceptions);
        json.WriteNumber("busy"u8, counts.Busy);
        json.WriteNumber("harakiri"u8, counts.Harakiri);
        json.WriteEndObject();
    }

    // Keys of newer uWSGI, but that its attributes are no JSON: a list of "name": "value".
    private static void WriteNewer(Utf8JsonWriter json, VassalState raw)
    {
        json.WriteNumber("suspended"u8, raw.Suspended ? 1 : 0);
        json.WriteNumber("adopted"u8, raw.Adopted ? 1 : 0);
        json.WriteStartArray("attrs"u8);
        foreach (var attribute in raw.Source?.Attributes ?? [])
        {
            json.WriteStartObject();
            json.WriteString(attribute.Name, attribute.Value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteString("lord"u8, raw.Lord);
    }

    private static void WriteExit(Utf8JsonWriter json, LastExit? exit)
    {
        if (exit is null)
        {
            json.WriteNull("last_exit"u8);
            return;
        }
        json.WriteStartObject("last_exit"u8);
        if (exit.End.Signaled)
            json.WriteNull("code"u8);
        else
            json.WriteNumber("code"u8, exit.End.Code);
        json.WriteString("signal"u8, exit.End.SignalName);
        json.WriteBoolean("core"u8, exit.End.CoreDumped);
        json.WriteBoolean("oom"u8, exit.End.OutOfMemory);
        json.WriteNumber("at"u8, Seconds(exit.At));
        json.WriteNumber("lived_ms"u8, exit.Lived);
        json.WriteEndObject();
    }

    private static void WriteFigures(Utf8JsonWriter json, ProcessFigures? used)
    {
        if (used is null)
        {
            json.WriteNull("resources"u8);
            return;
        }
        json.WriteStartObject("resources"u8);
        json.WriteNumber("processes"u8, used.Processes);
        json.WriteNumber("cpu_ms"u8, used.CpuMilliseconds);
        json.WriteNumber("memory"u8, used.Memory);
        json.WriteString("memory_kind"u8, used.IsProportional ? "pss"u8 : "rss"u8);
        WriteCount(json, "descriptors"u8, used.Descriptors);
        WriteCount(json, "sockets"u8, used.Sockets);
        json.WriteEndObject();
    }

    private static void WriteCount(Utf8JsonWriter json, ReadOnlySpan<byte> name, int? count)
    {
        if (count is { } known)
            json.WriteNumber(name, known);
        else
            json.WriteNull(name);
    }

    // uWSGI counts the first failure as attempt 0.
    private static void WriteBlacklisted(Utf8JsonWriter json, VassalSnapshot vassal)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, vassal.Name);
        json.WriteNumber("throttle_level"u8, vassal.Delay);
        json.WriteNumber("attempt"u8, vassal.Failures - 1);
        json.WriteNumber("first_attempt"u8, Seconds(vassal.Raw.History.FirstFailure));
        json.WriteNumber("last_attempt"u8, Seconds(vassal.Raw.History.LastFailure));
        json.WriteEndObject();
    }

    private void WriteHealth(Utf8JsonWriter json, EmpireSnapshot empire, Usage usage)
    {
        json.WriteNumber("time"u8, Seconds(empire.At.Unix));
        json.WriteNumber("started"u8, Seconds(identity.Started));
        json.WriteString(
            "state"u8,
            empire.IsEnding ? "stopping"u8
                : empire.IsReady ? "ready"u8
                : "starting"u8
        );
        json.WriteNumber("upgrades"u8, empire.Continuity.Upgrades);
        json.WriteNumber("crashes"u8, empire.Continuity.Crashes);
        json.WriteString("survives"u8, empire.Continuity.Survives);
        json.WriteNumber("sampled_at"u8, Seconds(usage.At));
        json.WriteStartObject("loop"u8);
        json.WriteNumber("turns"u8, empire.Loop.Turns);
        json.WriteNumber("longest_turn_ms"u8, Math.Round(empire.Loop.Longest, 3));
        json.WriteNumber("longest_turn_at"u8, Seconds(empire.Loop.LongestAt));
        json.WriteNumber("last_turn_ms"u8, Math.Round(empire.Loop.Last, 3));
        json.WriteEndObject();
        if (empire.Commands is { } commands)
        {
            json.WriteStartObject("command_socket"u8);
            json.WriteNumber("obeyed"u8, commands.Obeyed);
            json.WriteNumber("refused"u8, commands.Refused);
            json.WriteNumber("malformed"u8, commands.Malformed);
            json.WriteNumber("forbidden"u8, commands.Forbidden);
            json.WriteEndObject();
        }
        json.WriteStartArray("scans"u8);
        foreach (var scan in empire.Scans)
        {
            json.WriteStartObject();
            json.WriteString("monitor"u8, scan.Monitor);
            json.WriteNumber("scans"u8, scan.Scans);
            json.WriteNumber("last_scan"u8, Seconds(scan.LastAt));
            json.WriteNumber("took_ms"u8, Math.Round(scan.Took, 3));
            json.WriteNumber("files"u8, scan.Files);
            json.WriteString("hints"u8, scan.IsHinted ? "working"u8 : "polling"u8);
            json.WriteString("trouble"u8, scan.Trouble);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static long Seconds(long milliseconds) => milliseconds / 1000;
}
