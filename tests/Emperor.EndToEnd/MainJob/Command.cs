using System.Diagnostics;

namespace Emperor.EndToEnd.MainJob;

/// <summary>Programs that do one thing and end.</summary>
internal static class Command
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    /// <summary>Runs one to its end; fails when its exit code is not 0.</summary>
    /// <returns>What it wrote to its standard output.</returns>
    public static string Run(string folder, string program, params string[] arguments)
    {
        var (code, output, errors) = Try(folder, program, arguments);
        Assert.That(code, Is.Zero, $"{program} {string.Join(' ', arguments)}\n{output}{errors}");
        return output;
    }

    /// <summary>Runs one to its end.</summary>
    public static (int Code, string Output, string Errors) Try(string folder, string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(info)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            Assert.Fail($"{program} {string.Join(' ', arguments)} has not ended after {Limit.TotalSeconds} s");
        }
        return (process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }
}
