using Emperor.Core.Configuration;
using Emperor.Core.Sockets;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Succession;

/// <summary>
/// Overview: the options that an emperor obeys, as a file in memory that the service manager keeps. Should it be killed, and its successor find a
/// configuration that it cannot start with (somebody has made a slip in emperor.ini since, and nobody has noticed), that one governs on by these: otherwise all
/// vassals would end for the sake of a file that none of them reads.
/// </summary>
internal static class FormerRules
{
    private const string Kind = "rules";

    /// <summary>Keeps the options of this emperor.</summary>
    /// <param name="heirlooms">Where.</param>
    /// <param name="options">The options.</param>
    /// <param name="log">Where it is told that they cannot be kept.</param>
    /// <returns>The file, which must stay open as long as it is kept; null when it could not be made.</returns>
    public static SafeFd? Keep(Heirlooms heirlooms, IReadOnlyList<ExportedOption> options, EmperorLog log)
    {
        try
        {
            var legacy = new Legacy
            {
                Program = Program.Version,
                Empire = new EmpireLegacy { Options = options },
            };
            var file = Files.CreateSealedFile("emperor-rules", LegacyText.Write(legacy));
            _ = heirlooms.Keep(Kind, file.Number, isVital: true);
            return file;
        }
        catch (LinuxException e)
        {
            log.Warning("rules", $"should the emperor be killed, and its configuration be broken then, its vassals end: {e.Message}");
            return null;
        }
    }

    /// <summary>The options of an emperor that was killed, which stay where they are; null when it has left none.</summary>
    /// <param name="environment">Where the service manager tells of what it has kept.</param>
    public static IReadOnlyList<ExportedOption>? Find(IReadOnlyDictionary<string, string> environment)
    {
        foreach (var (number, name) in ListenFds.Read(environment, Self.Pid, out _))
        {
            if (!name.StartsWith($"{Heirlooms.Prefix}{Kind[0]}", StringComparison.Ordinal) || !Files.IsInherited(number))
                continue;
            try
            {
                return LegacyText.Read(Arrival.ReadAll(number)).Empire.Options;
            }
            catch (LegacyException)
            {
                // A damaged one is as good as none; what it was for follows.
            }
        }
        return null;
    }
}
