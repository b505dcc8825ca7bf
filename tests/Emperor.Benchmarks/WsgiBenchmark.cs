using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>
/// The same apps, by the same number of workers and the same ini files, served by uwsgi (under its own emperor), by Emperor's built-in server and by gunicorn, one
/// after the other: requests a second, memory of idle apps, requests lost over reloads, and the time from an ini to the first answer.
/// </summary>
internal sealed class WsgiBenchmark(string folder, CancellationToken cancel)
{
    public const string Name = "wsgi";

    private const int Seconds = 3;
    private const int Reloads = 50;
    private const int ManyApps = 50;
    private const double HelloTarget = 0.9;
    private const double PageTarget = 1.0;
    private const double MemoryTarget = 0.75;

    private static readonly (string Title, string App, string Path, int Connections, bool IsDirect, bool IsUpload)[] cases =
    [
        ("hello, nginx, 16 connections", "plain", "/hello", 16, false, false),
        ("hello, nginx, 200 connections", "plain", "/hello", 200, false, false),
        ("hello, direct, 16 connections", "plain", "/hello", 16, true, false),
        ("hello, direct, 200 connections", "plain", "/hello", 200, true, false),
        ("Django page, nginx, 16 connections", "page", "/page", 16, false, false),
        ("Django page, direct, 16 connections", "page", "/page", 16, true, false),
        ("Django page, nginx, 200 connections", "page", "/page", 200, false, false),
        ("Django page, direct, 200 connections", "page", "/page", 200, true, false),
        ("1 MB answer, nginx, 16 connections", "plain", "/large", 16, false, false),
        ("1 MB answer, direct, 16 connections", "plain", "/large", 16, true, false),
        ("1 MB answer, nginx, 200 connections", "plain", "/large", 200, false, false),
        ("1 MB answer, direct, 200 connections", "plain", "/large", 200, true, false),
        ("10 MB upload, nginx, 4 connections", "plain", "/upload", 4, false, true),
        ("10 MB upload, direct, 4 connections", "plain", "/upload", 4, true, true),
    ];

    private readonly Dictionary<(string Figure, string Server), double> figures = [];
    private readonly List<string> order = [];

    /// <exception cref="BenchmarkException">A server is not there, or fails.</exception>
    /// <returns>Whether all targets are reached that can be judged.</returns>
    public bool Run(IReadOnlyList<Contender> contenders)
    {
        foreach (var contender in contenders)
        {
            var isBuiltIn = contender.Name == Results.Emperor;
            using (var site = WsgiSite.OfUwsgiFiles(contender, isBuiltIn, Root(contender.Name), cancel))
            {
                MeasureRates(contender.Name, site);
                MeasureReloads(contender, site);
            }
            foreach (var apps in new[] { 1, ManyApps })
                MeasureMemory(contender, isBuiltIn, apps);
        }
        using (var site = WsgiSite.OfGunicorn(Root("gunicorn"), cancel))
            MeasureRates("gunicorn", site);
        return Print();
    }

    private string Root(string name) => Path.Combine(folder, name);

    private void MeasureRates(string server, WsgiSite site)
    {
        var script = Path.Combine(folder, "upload.lua");
        File.WriteAllText(script, "wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", 10 * 1024 * 1024)\n");
        foreach (var ports in new[] { site.Direct, site.Proxied })
        {
            site.AwaitAnswer(ports["plain"], "/hello");
            site.AwaitAnswer(ports["page"], "/page");
        }
        foreach (var one in cases)
        {
            var port = (one.IsDirect ? site.Direct : site.Proxied)[one.App];
            _ = WrkResult.Run(port, one.Path, one.Connections, 1, one.IsUpload ? script : null, cancel);
            var seen = WrkResult.Run(port, one.Path, one.Connections, Seconds, one.IsUpload ? script : null, cancel);
            Note($"{one.Title}, requests/s", server, seen.Rate);
            Note($"{one.Title}, p99 ms", server, seen.P99);
            // uwsgi's http-socket answers as HTTP/1.1 without "Connection: close" and closes, which wrk takes for an error of each.
            if (seen.Failed > 0 && !one.IsDirect)
                Note($"{one.Title}, failed", server, seen.Failed);
        }
    }

    private void MeasureReloads(Contender contender, WsgiSite site)
    {
        var ini = Path.Combine(site.Vassals, "plain.ini");
        // Each reload is to be seen: uwsgi's emperor looks every three seconds, which half a minute of this shows well enough.
        var count = contender.Polls ? 10 : Reloads;
        using var load = WrkResult.Begin(site.Proxied["plain"], "/hello", 16, 300, script: null);
        var time = DateTime.UtcNow;
        for (var i = 0; i < count; i++)
        {
            Clock.Pause(TimeSpan.FromMilliseconds(contender.Polls ? 3_200 : 500), cancel);
            File.SetLastWriteTimeUtc(ini, time = time.AddSeconds(1));
        }
        Clock.Pause(TimeSpan.FromSeconds(2), cancel);
        _ = Native.Kill(load.Id, Native.SignalInterrupt);
        var text = load.StandardOutput.ReadToEnd();
        load.WaitForExit();
        var seen = WrkResult.Read(text);
        Note("reloads under load, nginx", contender.Name, count);
        Note("requests answered meanwhile", contender.Name, seen.Requests);
        Note("requests failed meanwhile", contender.Name, seen.Failed);
    }

    private void MeasureMemory(Contender contender, bool isBuiltIn, int apps)
    {
        Progress.Say($"{contender.Name}: {apps} idle apps …");
        using var site = WsgiSite.OfNone(contender, isBuiltIn, Root($"{contender.Name}-{apps}"), cancel);
        // It is up, and its kernel of Python in the page cache.
        Clock.Pause(TimeSpan.FromSeconds(apps == 1 ? 4 : 2), cancel);
        var ports = Enumerable.Range(0, apps).Select(_ => WsgiSite.FreePort()).ToArray();
        var from = Clock.Now;
        for (var i = 0; i < apps; i++)
            site.WriteVassal($"app{i}", "page", isBuiltIn, $"http-socket = 127.0.0.1:{ports[i]}");
        foreach (var port in ports)
            site.AwaitAnswer(port, "/page");
        Note(
            apps == 1 ? "ini dropped to first answer, ms" : $"{apps} inis dropped to all answers, ms",
            contender.Name,
            Clock.Milliseconds(Clock.Now - from)
        );
        // What processes share when they have just been forked is no measure: only some hundred requests show what they come to have of their own.
        foreach (var port in ports)
            _ = WrkResult.Run(port, "/page", 4, 1, script: null, cancel);
        Clock.Pause(TimeSpan.FromSeconds(6), cancel);
        var shared = ProcFs.Proportional(site.Below());
        Note($"memory of {apps} idle apps, MB", contender.Name, shared);
        Note($"memory of {apps} idle apps and the emperor, MB", contender.Name, shared + ProcFs.Proportional([site.Pid]));
    }

    private void Note(string figure, string server, double value)
    {
        if (!order.Contains(figure))
            order.Add(figure);
        figures[(figure, server)] = value;
        Progress.Say($"{server}: {figure}: {Format.Number(value)}");
    }

    private bool Print()
    {
        string[] servers = [Results.Uwsgi, Results.Emperor, "gunicorn"];
        Console.WriteLine($"{"figure", -52}{string.Concat(servers.Select(s => $"{s, 12}"))}{"ratio", 9}  target");
        var isWell = true;
        foreach (var figure in order)
        {
            var values = servers.Select(s => figures.TryGetValue((figure, s), out var value) ? value : (double?)null).ToArray();
            var ratio = values[0] is > 0 && values[1] is not null ? values[1] / values[0] : null;
            var (words, isReached) = Judge(figure, values[1], ratio);
            isWell &= isReached != false;
            var mark = isReached switch
            {
                true => $"{words}: yes",
                false => $"{words}: NO",
                null => "",
            };
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{figure, -52}{string.Concat(values.Select(v => $"{(v is { } n ? Format.Number(n) : "-"), 12}"))}{ratio, 9:0.00}  {mark}"
                )
            );
        }
        return isWell;
    }

    private static (string Words, bool? IsReached) Judge(string figure, double? own, double? ratio)
    {
        if (figure.StartsWith("hello, nginx, 16", StringComparison.Ordinal) && figure.EndsWith("/s", StringComparison.Ordinal))
            return ($"at least {HelloTarget} of uwsgi", ratio is { } r ? r >= HelloTarget : null);
        if (figure.StartsWith("Django page, nginx", StringComparison.Ordinal) && figure.EndsWith("/s", StringComparison.Ordinal))
            return ($"at least {PageTarget} of uwsgi", ratio is { } r ? r >= PageTarget : null);
        if (figure == $"memory of {ManyApps} idle apps, MB")
            return ($"at most {MemoryTarget} of uwsgi", ratio is { } r ? r <= MemoryTarget : null);
        return figure == "requests failed meanwhile" ? ("none", own is { } failed ? failed == 0 : null) : ("", null);
    }
}
