using System.Text.Json;
using System.Text.Json.Serialization;
using Emperor.Configuration;
using Emperor.Core.Checks;
using Emperor.Core.Configuration;
using Emperor.Linux;

namespace Emperor.Commands;

/// <summary>emperor check: looks for mistakes in vassals' files. It runs nothing, writes nothing and asks no emperor.</summary>
internal static class CheckCommand
{
    // uWSGI's usual ending of the files of --emperor-on-demand-extension; their content is the address.
    private const string OnDemandEnding = ".socket";

    /// <summary>Checks files, each by itself and then all against each other.</summary>
    /// <returns>0 without errors, 1 with.</returns>
    public static int Run(IReadOnlyList<string> files, IReadOnlyList<string> attributes, bool isJson)
    {
        var home = Environment.CurrentDirectory;
        var findings = new List<Finding>();
        var claims = new List<(string File, SocketClaim Claim)>();
        var orders = new List<(string File, CheckResult Result)>();
        foreach (var file in files)
        {
            var result = Examine(file, home, attributes);
            findings.AddRange(result.Problems.Select(p => Finding.Of(file, p)));
            orders.Add((file, result));
            foreach (var claim in result.Sockets)
            {
                if (claims.FirstOrDefault(c => c.Claim.Collides(claim)) is { Claim: not null } other && other.File != file)
                    findings.Add(
                        Finding.Of(
                            file,
                            new ConfigProblem(
                                Severity.Error,
                                claim.Origin,
                                $"\"{claim.Option} = {claim.Address}\": {Place(other.File, other.Claim.Origin)} claims it too "
                                    + "(and who starts first gets it); give each vassal its own"
                            )
                        )
                    );
                claims.Add((file, claim));
            }
        }
        OrderCheck.Run(orders, home, findings);
        Tell(files, findings, isJson);
        return findings.Any(f => f.Severity == "error") ? ExitCode.Failed : ExitCode.Well;
    }

    /// <summary>A host that stands where a vassal of that file would.</summary>
    public static SystemConfigHost HostIn(string folder)
    {
        Environment.CurrentDirectory = folder;
        return new SystemConfigHost(path => FileStatus.Get(path, follow: false, out var status).Number == 0 ? status.Inode : null);
    }

    private static CheckResult Examine(string file, string home, IReadOnlyList<string> attributes)
    {
        var path = Path.GetFullPath(file, home);
        var folder = Path.GetDirectoryName(path) ?? "/";
        if (!Directory.Exists(folder))
            return new CheckResult([new ConfigProblem(Severity.Error, null, $"there is no folder {folder}; correct the name")], []);
        if (Path.GetExtension(path) is not ".ini")
            return new CheckResult([new ConfigProblem(Severity.Error, null, "only files that end in .ini are looked into")], []);
        var result = VassalCheck.Examine(
            Path.GetFileName(path),
            HostIn(folder),
            new KnownAccounts(name => Accounts.UserByName(name, out _) is not null, name => Accounts.GroupByName(name, out _) is not null),
            attributes
        );
        return OnDemandClaim(path) is { } claim ? WithOnDemand(result, claim) : result;
    }

    private static SocketClaim? OnDemandClaim(string path)
    {
        var place = path + OnDemandEnding;
        if (!File.Exists(place))
            return null;
        var address = File.ReadLines(place).FirstOrDefault() ?? "";
        var origin = OptionOrigin.File(place, 1);
        var claims = SocketClaim.Of([new ExportedOption("socket", address, origin)], Path.GetDirectoryName(path)!);
        return claims.Count > 0 ? claims[0] : null;
    }

    private static CheckResult WithOnDemand(CheckResult result, SocketClaim claim)
    {
        var collisions = result
            .Sockets.Where(claim.Collides)
            .Select(own => new ConfigProblem(
                Severity.Error,
                own.Origin,
                $"\"{own.Option} = {own.Address}\": the emperor listens there for it on demand ({claim.Origin}); remove the option, or that file"
            ));
        return new CheckResult([.. result.Problems, .. collisions], result.Sockets);
    }

    private static string Place(string file, OptionOrigin origin) =>
        origin.Line > 0 ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{file}:{origin.Line}") : file;

    private static void Tell(IReadOnlyList<string> files, List<Finding> findings, bool isJson)
    {
        var errors = findings.Count(f => f.Severity == "error");
        if (isJson)
        {
            var report = new CheckReport(files, errors, findings.Count - errors, findings);
            Screen.Print([JsonSerializer.Serialize(report, CheckJson.Default.CheckReport)]);
            return;
        }
        var style = Screen.Style(isCut: false);
        foreach (var f in findings)
        {
            var place = f.Line is { } line ? $"{f.File}:{line}" : f.File;
            var severity = style.Toned(f.Severity, f.Severity == "error" ? Core.Control.Tone.Bad : Core.Control.Tone.Busy);
            Screen.Print([$"{Core.PlainText.OneLine(place)}: {severity}: {Core.PlainText.OneLine(f.Message)}"]);
        }
    }
}

/// <summary>Something that was found.</summary>
/// <param name="Severity">"error" or "warning".</param>
/// <param name="File">In which file.</param>
/// <param name="Line">On which line, from 1; null for the file as a whole.</param>
/// <param name="Message">The thing, the cause and the cure.</param>
internal sealed record Finding(string Severity, string File, int? Line, string Message)
{
    /// <summary>Makes one; names within the file's folder are told as the file was.</summary>
    public static Finding Of(string file, ConfigProblem problem)
    {
        var name = problem.Origin is { Kind: OriginKind.File, Name: { } origin }
            ? Path.IsPathRooted(origin)
                ? origin
                : Path.Combine(Path.GetDirectoryName(file) ?? "", origin)
            : file;
        var line = problem.Origin is { Line: > 0 } place ? place.Line : (int?)null;
        return new Finding(problem.Severity == Core.Configuration.Severity.Warning ? "warning" : "error", name, line, problem.Message);
    }
}

/// <summary>What check --json prints.</summary>
internal sealed record CheckReport(IReadOnlyList<string> Files, int Errors, int Warnings, IReadOnlyList<Finding> Findings);

/// <summary>How that is written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CheckReport))]
internal sealed partial class CheckJson : JsonSerializerContext;
