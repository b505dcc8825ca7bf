using System.Diagnostics;
using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.EndToEnd.Configuration;

/// <summary>The uwsgi of this machine, which lists what it read and ends before it starts anything.</summary>
internal static class InstalledUwsgi
{
    private const string Program = "/usr/bin/uwsgi";

    public static void Require()
    {
        if (!File.Exists(Program))
            Assert.Fail($"{Program} is not there: tests/run installs it, or apt-get install uwsgi-core");
    }

    /// <summary>"key = value" of every option, in order; an option without a value is "key = true" there.</summary>
    public static async Task<string> ShowConfigAsync(string folder, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Program, ["--show-config", "--no-server", .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            StandardOutputEncoding = System.Text.Encoding.Latin1,
            StandardErrorEncoding = System.Text.Encoding.Latin1,
        };
        using var process = Process.Start(start)!;
        try
        {
            process.StandardInput.Close();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var log = await process.StandardError.ReadToEndAsync(limit.Token) + await output;
            await process.WaitForExitAsync(limit.Token);
            return Listed(log);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static string Listed(string log)
    {
        const string Begin = ";uWSGI instance configuration\n[uwsgi]\n";
        var begin = log.IndexOf(Begin, StringComparison.Ordinal);
        var end = log.IndexOf(";end of configuration\n", StringComparison.Ordinal);
        Assert.That(begin, Is.GreaterThanOrEqualTo(0), log);
        return log[(begin + Begin.Length)..end];
    }

    /// <summary>The same list, made by our reader on the same machine.</summary>
    public static string Read(IConfigHost host, IEnumerable<string> arguments)
    {
        var read = ConfigurationReader.Read(["--show-config", "--no-server", .. arguments], host);
        Assert.That(read.Problems.Where(problem => problem.Severity == Severity.Fatal), Is.Empty);
        var list = string.Concat(read.Options.Select(option => $"{option.Key} = {option.Value ?? "true"}\n"));
        return System.Text.Encoding.Latin1.GetString(ConfigText.Encode(list));
    }
}
