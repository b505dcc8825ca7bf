using System.Text;
using Emperor.Core.Configuration;
using Emperor.Core.Programs;
using Emperor.Tests.Configuration;

namespace Emperor.Tests.Programs;

/// <summary>Reads sections [emperor] of /etc/v/blog.ini.</summary>
internal static class Section
{
    public const string File = "blog.ini";

    public static FakeConfigHost Host() => new() { WorkingDirectory = "/etc/v" };

    /// <summary>The lines after "[emperor]", which is line 1.</summary>
    public static ProgramReading Read(string lines, FakeConfigHost? host = null) => ReadFile("[emperor]\n" + lines, host);

    /// <summary>The same with "exec = app", which is line 2.</summary>
    public static ProgramReading ReadApp(string lines, FakeConfigHost? host = null) => Read("exec = app\n" + lines, host);

    public static ProgramReading ReadFile(string text, FakeConfigHost? host = null)
    {
        host = (host ?? Host()).With(File, text);
        var verdict = VassalFileCheck.Examine(File, Encoding.UTF8.GetBytes(text));
        if (!verdict.HasProgram)
            throw new ArgumentException("no section [emperor]", nameof(text));
        return ProgramReader.Read(File, verdict.HasUwsgi, host);
    }

    /// <summary>What a good section makes.</summary>
    public static ProgramPlan PlanOf(ProgramReading reading) =>
        reading.Plan ?? throw new InvalidOperationException(string.Join('\n', reading.Problems));

    /// <summary>LINE: MESSAGE of each problem, with "warning" in front of a warning.</summary>
    public static string[] Told(ProgramReading reading) =>
        [.. reading.Problems.Select(p => $"{(p.Severity == Severity.Warning ? "warning " : "")}{p.Origin?.Line}: {p.Message}")];
}
