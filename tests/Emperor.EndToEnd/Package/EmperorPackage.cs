using System.Diagnostics;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Package;

/// <summary>
/// The Debian package as deploy/package builds it, and a later version of it. The program is compiled once in a run of the tests, which takes
/// half a minute; EMPEROR_PUBLISHED names a folder that deploy/package --publish has made, so that it is not.
/// </summary>
[SetUpFixture]
internal sealed class EmperorPackage
{
    /// <summary>The version of the first one.</summary>
    public const string First = "0.2.0-1";

    /// <summary>The version of the later one.</summary>
    public const string Later = "0.2.0-2";

    // Less than tests/run has patience for with a test run that says nothing.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);
    private static TempFolder? _temp;

    /// <summary>The folder deploy/ of this source tree.</summary>
    public static string Deploy { get; } = FindDeploy();

    /// <summary>The folder of both packages.</summary>
    public static string Folder => _temp!["packages"];

    /// <summary>The files of the first one, unpacked.</summary>
    public static string Contents => _temp!["contents"];

    /// <summary>The program in it.</summary>
    public static string Program => $"{Contents}/usr/bin/emperor";

    /// <summary>The name of a version's file.</summary>
    public static string FileOf(string version) => $"emperor_{version}_{Output("dpkg", "--print-architecture").Trim()}.deb";

    [OneTimeSetUp]
    public static void Build()
    {
        _temp = new TempFolder();
        var program = Environment.GetEnvironmentVariable("EMPEROR_PUBLISHED");
        if (program is null)
        {
            program = _temp["program"];
            _ = Output($"{Deploy}/package", "--publish", program);
        }
        foreach (var version in (string[])[First, Later])
        {
            var built = Output($"{Deploy}/package", "--program", $"{program}/emperor", "--version", version, "--output", Folder);
            Assert.That(built.Trim(), Is.EqualTo($"{Folder}/{FileOf(version)}"));
        }
        _ = Output("dpkg-deb", "--extract", $"{Folder}/{FileOf(First)}", Contents);
    }

    [OneTimeTearDown]
    public static void Remove() => _temp?.Dispose();

    /// <summary>Runs a program to its end; it must succeed.</summary>
    /// <returns>What it wrote to its standard output.</returns>
    public static string Output(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // What is shipped is packed well; what is tested is packed fast.
        info.Environment["DPKG_DEB_COMPRESSOR_TYPE"] = "gzip";
        info.Environment["DPKG_DEB_COMPRESSOR_LEVEL"] = "1";
        // The test runner's build settings are its own.
        foreach (var name in info.Environment.Keys.Where(n => n.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            info.Environment.Remove(name);
        using var process = Process.Start(info)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)} has not ended after {Limit.TotalMinutes} minutes");
        }
        var text = output.GetAwaiter().GetResult();
        var trouble = errors.GetAwaiter().GetResult();
        Assert.That(process.ExitCode, Is.Zero, $"{program} {string.Join(' ', arguments)}\n{text}{trouble}");
        return text;
    }

    private static string FindDeploy()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists($"{folder.FullName}/Emperor.sln"))
            folder = folder.Parent;
        return $"{folder!.FullName}/deploy";
    }
}
