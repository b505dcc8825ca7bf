using Emperor.Core.Configuration;

namespace Emperor.Tests.Configuration;

/// <summary>Short forms of what the tests of the reader do all the time.</summary>
internal static class Reading
{
    /// <summary>Reads one file app.ini with --ini.</summary>
    public static ReadResult OfIni(string text, FakeConfigHost? host = null) =>
        Of((host ?? new FakeConfigHost()).With("app.ini", text), "--ini", "app.ini");

    public static ReadResult Of(FakeConfigHost host, params string[] arguments) => ConfigurationReader.Read(arguments, host);

    /// <summary>"key = value" of everything but the option ini itself.</summary>
    public static string[] Lines(this ReadResult read) =>
        [.. read.Options.Where(option => option.Origin.Kind != OriginKind.CommandLine || option.Key != "ini").Select(Line)];

    public static string Line(this ExportedOption option) => option.Value is null ? option.Key : $"{option.Key} = {option.Value}";

    public static string Value(this ReadResult read, string key) => read.Options.Last(option => option.Key == key).Value!;

    public static ConfigProblem Fatal(this ReadResult read) => read.Problems.Single(problem => problem.Severity == Severity.Fatal);

    public static (EmperorSettings? Settings, IReadOnlyList<ConfigProblem> Problems) Settings(params string[] arguments) =>
        Settings(new FakeConfigHost(), arguments);

    public static (EmperorSettings? Settings, IReadOnlyList<ConfigProblem> Problems) Settings(
        FakeConfigHost host,
        params string[] arguments
    ) => SettingsBuilder.Build(ConfigurationReader.Read(arguments, host), host);
}
