using System.Diagnostics;

namespace Emperor.EndToEnd.Support;

/// <summary>
/// Programs that a test writes and that are executed at once. The kernel executes nothing that somebody has open for writing (ETXTBSY), and what this
/// process has open is open in each of its children too until that executes something: other tests start some all the time. So it is a child that
/// writes them.
/// </summary>
internal static class Executable
{
    /// <summary>Writes one, for all to execute, in place of what is at the path.</summary>
    /// <returns>The path.</returns>
    public static string Write(string path, string text)
    {
        using var install = Install("/dev/stdin", path);
        install.StandardInput.Write(text);
        End(install);
        return path;
    }

    /// <summary>Copies one.</summary>
    /// <returns>The path of the copy.</returns>
    public static string Copy(string from, string to)
    {
        using var install = Install(from, to);
        End(install);
        return to;
    }

    private static Process Install(string from, string to) =>
        Process.Start(
            new ProcessStartInfo("install", ["--mode=755", "--", from, to]) { RedirectStandardInput = true, RedirectStandardError = true }
        )!;

    private static void End(Process install)
    {
        install.StandardInput.Close();
        var errors = install.StandardError.ReadToEnd();
        install.WaitForExit();
        Assert.That(install.ExitCode, Is.Zero, errors);
    }
}
