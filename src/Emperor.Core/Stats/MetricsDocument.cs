using System.Buffers;
using System.Globalization;
using System.Text;

namespace Emperor.Core.Stats;

/// <summary>
/// The empire as metrics: OpenMetrics text 1.0.0, or Prometheus' text format 0.0.4, which differ in the names of counters, in units and in
/// the last line.
/// </summary>
/// <param name="identity">Whose metrics.</param>
public sealed class MetricsDocument(EmperorIdentity identity)
{
    /// <summary>The content type of OpenMetrics text.</summary>
    public const string OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// <summary>The content type of Prometheus' text.</summary>
    public const string PrometheusType = "text/plain; version=0.0.4; charset=utf-8";

    private const string Total = "_total";

    private static readonly string[] States =
    [
        "on-demand",
        "waiting",
        "starting",
        "ready",
        "accepting",
        "loyal",
        "reloading",
        "cursed",
        "stopping",
        "killing",
        "backoff",
        "stopped",
        "suspended",
        "config-error",
    ];

    /// <summary>Which of the two a client gets that sends this Accept header.</summary>
    /// <param name="accept">Its value; null when there was none.</param>
    public static bool WantsOpenMetrics(string? accept)
    {
        foreach (var part in (accept ?? "").Split(','))
        {
            var words = part.Split(';', StringSplitOptions.TrimEntries);
            var isIt = words[0].Equals("application/openmetrics-text", StringComparison.OrdinalIgnoreCase);
            if (isIt && !words.Any(w => w.Replace(" ", "", StringComparison.Ordinal) is "q=0" or "q=0.0" or "q=0.00" or "q=0.000"))
                return true;
        }
        return false;
    }

    /// <summary>Writes all metrics.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="empire">What is told.</param>
    /// <param name="usage">What processes use.</param>
    /// <param name="openMetrics">In which of the two formats.</param>
    public void Write(IBufferWriter<byte> output, EmpireSnapshot empire, Usage usage, bool openMetrics)
    {
        ArgumentNullException.ThrowIfNull(empire);
        ArgumentNullException.ThrowIfNull(usage);
        var text = new Page(output, openMetrics);
        WriteEmpire(text, empire);
        var labels = new string[empire.Count];
        for (var i = 0; i < labels.Length; i++)
            labels[i] = $"vassal=\"{Escaped(empire[i].Name)}\"";

        void Each(Func<VassalSnapshot, double?> value, string suffix = "")
        {
            for (var i = 0; i < labels.Length; i++)
            {
                if (value(empire[i]) is { } number)
                    text.Sample(labels[i], number, suffix);
            }
        }

        text.Family("emperor_vassal_up", "gauge", "Whether the vassal accepts requests");
        Each(v => v.IsUp ? 1 : 0);
        text.Family("emperor_vassal_adopted", "gauge", "Whether a process of the vassal was started by an emperor before this one");
        Each(v => v.Raw.Adopted ? 1 : 0);
        WriteStates(text, empire, labels);
        WriteCopies(text, empire, labels);
        text.Family("emperor_vassal_restarts", "counter", "Starts of the vassal after its first");
        Each(v => v.Restarts, Total);
        text.Family("emperor_vassal_deaths", "counter", "Processes of the vassal that ended without being told to");
        Each(v => v.Raw.Deaths, Total);
        text.Family("emperor_vassal_reloads", "counter", "Reloads that the vassal has answered");
        Each(v => v.Raw.History.ReloadsAnswered, Total);
        text.Family("emperor_vassal_failures", "gauge", "Failures of the vassal in a row");
        Each(v => v.Failures);
        text.Family("emperor_vassal_config_latest", "gauge", "Whether the vassal runs with its file as it is now");
        Each(v => v.IsLatest ? 1 : 0);
        text.Family(
            "emperor_vassal_last_exit_code",
            "gauge",
            "Exit code of the vassal's last process; 128 and the signal's number when killed"
        );
        Each(v => v.LastExit is { } exit ? exit.End.Code + (exit.End.Signaled ? 128 : 0) : null);
        text.Family("emperor_vassal_last_exit_timestamp_seconds", "gauge", "When the vassal's last process ended", "seconds");
        Each(v => v.LastExit is { } exit ? exit.At / 1000.0 : null);
        text.Family("emperor_vassal_next_retry_timestamp_seconds", "gauge", "When the vassal is started again after a failure", "seconds");
        Each(v => v.NextRetry > 0 ? v.NextRetry / 1000.0 : null);
        text.Family("emperor_vassal_uptime_seconds", "gauge", "How long the vassal's process has lived", "seconds");
        Each(v => v.Uptime / 1000.0);
        text.Family(
            "emperor_vassal_memory_bytes",
            "gauge",
            "Memory of the vassal's processes, PSS where it may be read, else RSS",
            "bytes"
        );
        Each(v => usage.Of(v)?.Memory);
        text.Family("emperor_vassal_cpu_seconds", "counter", "Processor time of the vassal's processes", "seconds");
        Each(v => usage.Of(v)?.CpuMilliseconds / 1000.0, Total);
        text.Family("emperor_vassal_processes", "gauge", "Processes of the vassal");
        Each(v => usage.Of(v)?.Processes);
        text.Family("emperor_vassal_sockets", "gauge", "Open sockets of the vassal's processes");
        Each(v => usage.Of(v)?.Sockets);
        if (openMetrics)
            text.Put("# EOF\n");
    }

    private void WriteEmpire(Page text, EmpireSnapshot empire)
    {
        text.Family("emperor_build_info", "gauge", "Version of the emperor");
        text.Sample($"version=\"{Escaped(identity.Version)}\"", 1);
        text.Family("emperor_start_timestamp_seconds", "gauge", "When the emperor started", "seconds");
        text.Sample("", identity.Started / 1000.0);
        text.Family("emperor_upgrades", "counter", "Upgrades of the emperor that its vassals have lived on over");
        text.Sample("", empire.Continuity.Upgrades, Total);
        text.Family("emperor_crashes", "counter", "Crashes of the emperor that its vassals have lived on over");
        text.Sample("", empire.Continuity.Crashes, Total);
        text.Family("emperor_survives", "gauge", "Whether vassals would live on over it");
        text.Sample("event=\"upgrade\"", empire.Continuity.OverUpgrade ? 1 : 0);
        text.Sample("event=\"crash\"", empire.Continuity.OverCrash ? 1 : 0);
        text.Family("emperor_ready", "gauge", "Whether the emperor is ready and does not leave");
        text.Sample("", empire.IsReady ? 1 : 0);
        text.Family("emperor_vassals", "gauge", "Vassals in each state");
        foreach (var state in States)
            text.Sample($"state=\"{state}\"", empire.Vassals.Count(v => v.State == state));
        text.Family("emperor_loop_turns", "counter", "Turns of the main loop");
        text.Sample("", empire.Loop.Turns, Total);
        text.Family("emperor_loop_busy_seconds", "counter", "Time that turns of the main loop took", "seconds");
        text.Sample("", empire.Loop.Total / 1000, Total);
        text.Family("emperor_loop_longest_turn_seconds", "gauge", "The longest turn of the main loop but for the first", "seconds");
        text.Sample("", empire.Loop.Longest / 1000);
        WriteScans(text, empire);
        text.Family(
            "emperor_reload_duration_seconds",
            "histogram",
            "From the order to reload to the word that requests are accepted",
            "seconds"
        );
        var (sum, counts) = (0L, empire.Reloads.Counts);
        for (var i = 0; i < counts.Count; i++)
        {
            sum += counts[i];
            var bound = i < DurationCounts.Bounds.Count ? Bound(DurationCounts.Bounds[i]) : "+Inf";
            text.Sample($"le=\"{bound}\"", sum, "_bucket");
        }
        text.Sample("", empire.Reloads.Sum / 1000.0, "_sum");
        text.Sample("", sum, "_count");
    }

    private static void WriteScans(Page text, EmpireSnapshot empire)
    {
        // The same --emperor may be given twice, but two samples must not have the same labels.
        var scans = empire.Scans.Select((s, i) => (Labels: $"monitor=\"{Escaped(s.Monitor)}\",index=\"{i}\"", Scan: s)).ToArray();
        void Each(Func<ScanHealth, double> value, string suffix = "")
        {
            foreach (var (labels, scan) in scans)
                text.Sample(labels, value(scan), suffix);
        }
        text.Family("emperor_scans", "counter", "Scans of a vassals folder");
        Each(s => s.Scans, Total);
        text.Family("emperor_scan_duration_seconds", "gauge", "How long the last scan took", "seconds");
        Each(s => s.Took / 1000);
        text.Family("emperor_scan_timestamp_seconds", "gauge", "When the last scan ended", "seconds");
        Each(s => s.LastAt / 1000.0);
        text.Family("emperor_scan_files", "gauge", "Files that the last scan found");
        Each(s => s.Files);
        text.Family("emperor_scan_hinted", "gauge", "Whether the kernel tells of changes; otherwise the folder is polled");
        Each(s => s.IsHinted ? 1 : 0);
    }

    private static void WriteStates(Page text, EmpireSnapshot empire, string[] labels)
    {
        text.Family("emperor_vassal_state", text.IsOpenMetrics ? "stateset" : "gauge", "The state that the vassal is in");
        for (var i = 0; i < labels.Length; i++)
        {
            var current = empire[i].State;
            foreach (var state in States)
                text.Sample($"{labels[i]},emperor_vassal_state=\"{state}\"", state == current ? 1 : 0);
        }
    }

    private static void WriteCopies(Page text, EmpireSnapshot empire, string[] labels)
    {
        void Each(Func<VassalSnapshot, double?> value)
        {
            for (var i = 0; i < labels.Length; i++)
            {
                if (value(empire[i]) is { } number)
                    text.Sample(labels[i], number);
            }
        }

        text.Family("emperor_vassal_kind", "gauge", "What the vassal is: uwsgi or program");
        for (var i = 0; i < labels.Length; i++)
            text.Sample($"{labels[i]},kind=\"{(empire[i].Raw.IsProgram ? "program" : "uwsgi")}\"", 1);
        text.Family("emperor_vassal_copies", "gauge", "Copies of the vassal that shall run (processes of [emperor])");
        Each(v => v.Copies);
        text.Family("emperor_vassal_copies_ready", "gauge", "Copies of the vassal that are ready");
        Each(v => v.CopiesReady);
        text.Family("emperor_vassal_reload_failed", "gauge", "Whether the program's last reload failed and the former processes serve on");
        Each(v => v.Raw.IsProgram ? (v.Raw.FailedReload is null ? 0 : 1) : null);
        text.Family("emperor_vassal_last_exit_oom", "gauge", "Whether the vassal's last process ended for want of memory (memory-max)");
        Each(v => v.LastExit is { } exit ? (exit.End.OutOfMemory ? 1 : 0) : null);
    }

    // The three characters that the formats escape; what is no text at all (a lone surrogate) would not be UTF-8.
    private static string Escaped(string value) =>
        value
            .Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);

    // OpenMetrics wants bounds of buckets as floating-point numbers.
    private static string Bound(long milliseconds) => (milliseconds / 1000.0).ToString("0.0##", CultureInfo.InvariantCulture);

    private sealed class Page(IBufferWriter<byte> output, bool openMetrics)
    {
        private const int LongestNumber = 64;

        private string _name = "";

        internal bool IsOpenMetrics => openMetrics;

        internal void Family(string name, string type, string help, string? unit = null)
        {
            _name = name;
            // The older format knows a counter by the name of its samples.
            var shown = type == "counter" && !openMetrics ? name + Total : name;
            Put($"# HELP {shown} {help}\n# TYPE {shown} {type}\n");
            if (openMetrics && unit is not null)
                Put($"# UNIT {shown} {unit}\n");
        }

        internal void Sample(string labels, double value, string suffix = "")
        {
            Put(_name);
            Put(suffix);
            if (labels.Length > 0)
            {
                Put("{");
                Put(labels);
                Put("}");
            }
            Put(" ");
            _ = value.TryFormat(output.GetSpan(LongestNumber), out var length, "0.######", CultureInfo.InvariantCulture);
            output.Advance(length);
            Put("\n");
        }

        internal void Put(string text) => Encoding.UTF8.GetBytes(text, output);
    }
}
