using Emperor.Core.Checks;
using Emperor.Core.Configuration;

namespace Emperor.Core.Programs;

/// <summary>What a section [emperor] asks for, or what is wrong with it.</summary>
/// <param name="Plan">What it asks for; null after an error, and when it stands beside [uwsgi] and holds nothing.</param>
/// <param name="Problems">What is wrong, in the order of the lines; without an error the plan is good.</param>
/// <param name="Options">Its keys with their values, as they were read.</param>
public sealed record ProgramReading(ProgramPlan? Plan, IReadOnlyList<ConfigProblem> Problems, IReadOnlyList<ExportedOption> Options)
{
    /// <summary>Why the file cannot be run, in one sentence that names line and key; null when it can.</summary>
    /// <param name="file">The vassal's file, as it was read; problems of other files name theirs.</param>
    public string? Refusal(string file)
    {
        ConfigProblem[] errors = [.. Problems.Where(p => p.Severity != Severity.Warning)];
        if (errors.Length == 0)
            return null;
        var place = errors[0].Origin switch
        {
            { Kind: OriginKind.File, Line: > 0 } origin when origin.Name == file => $"line {origin.Line}: ",
            { Kind: OriginKind.File } origin when origin.Name != file => $"{origin}: ",
            _ => "",
        };
        return place + errors[0].Message + (errors.Length > 1 ? $" (and {errors.Length - 1} more: emperor check)" : "");
    }
}

/// <summary>
/// Reads the section [emperor] of a vassal's ini file. uWSGI does not look at it. Placeholders, magic variables, environment, files and
/// conditions work as in any ini of uWSGI (<see cref="ConfigurationReader.ReadProgram"/>); %(fd) and %(fd:NAME) in exec are left for whoever
/// starts the program.
/// </summary>
public static class ProgramReader
{
    /// <summary>The section's name.</summary>
    public const string Section = "emperor";

    private const int MostStrangers = 100;

    /// <summary>Reads it. Never throws because of what it reads.</summary>
    /// <param name="file">The file's name in the host's working folder.</param>
    /// <param name="besideUwsgi">Whether the file has a section [uwsgi], whose vassal this one refines.</param>
    /// <param name="host">What may be asked of the world.</param>
    public static ProgramReading Read(string file, bool besideUwsgi, IConfigHost host)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(host);
        var read = ConfigurationReader.ReadProgram(file, new VassalHost(host));
        ExportedOption[] options =
        [
            .. read.Options.Where(o =>
                o.Origin.Kind == OriginKind.File && o.Naming != OptionNaming.Placeholder && !ProgramKeys.IsForReader(o.Key)
            ),
        ];
        var isEmpty = !read.Options.Any(o => o.Origin.Kind == OriginKind.File);
        // That the section is empty is told in other words below.
        List<ConfigProblem> problems = [.. read.Problems.Where(p => !(isEmpty && p.Severity == Severity.Error && p.Origin?.Line == 0))];
        ProgramPlan? plan = null;
        if (!problems.Exists(IsError))
        {
            FindStrangers(options, read.ReferencedNames, besideUwsgi, problems);
            FindRepeated(options, problems);
            var values = new ProgramValues(options.Where(o => ProgramKeys.Find(o.Key) is not null), problems);
            if (!besideUwsgi && !values.Has("exec"))
                problems.Add(NoProgram(file));
            plan = new ProgramBuilder(values, file, besideUwsgi, host).Build();
        }
        ConfigProblem[] sorted = [.. problems.Distinct().OrderBy(p => p.Origin?.Name == file ? 0 : 1).ThenBy(p => p.Origin?.Line ?? 0)];
        return new ProgramReading(Array.Exists(sorted, IsError) || (besideUwsgi && options.Length == 0) ? null : plan, sorted, options);
    }

    private static bool IsError(ConfigProblem problem) => problem.Severity != Severity.Warning;

    private static ConfigProblem NoProgram(string file) =>
        new(
            Severity.Error,
            OptionOrigin.File(file, 0),
            "section [emperor] has no exec, and there is no section [uwsgi]; add a line \"exec = PROGRAM ARGUMENTS\""
        );

    private static void FindStrangers(
        ExportedOption[] options,
        IReadOnlySet<string> referenced,
        bool besideUwsgi,
        List<ConfigProblem> problems
    )
    {
        foreach (var option in options)
        {
            var message = ProgramKeys.Find(option.Key) switch
            {
                null when !referenced.Contains(option.Key) || ProgramKeys.IsTaken(option.Key) => Stranger(option.Key),
                { NotForUwsgi: { } reason } when besideUwsgi => $"\"{option.Key}\" cannot stand here: {reason}",
                _ => null,
            };
            if (message is not null)
                problems.Add(new ConfigProblem(Severity.Error, option.Origin, message));
            // The nearest key of thousands would be looked for, while all vassals wait.
            if (problems.Count >= MostStrangers)
                return;
        }
    }

    private static string Stranger(string key)
    {
        const string Otherwise = "remove it, or define it with set-placeholder = NAME=VALUE when it is a placeholder";
        var name = Messages.Shown(key);
        if (key.Length == 0)
            return "nothing stands before the '='; write a key there, or remove the line";
        if (key.IndexOf(' ', StringComparison.Ordinal) is var blank and > 0 && ProgramKeys.Find(key[..blank]) is { } start)
            return $"a '=' is missing after \"{start.Name}\"; add it";
        var isUwsgis = OptionTable.Instance.IsUwsgis(key);
        if ((ProgramKeys.Meant(key) ?? (isUwsgis ? null : ProgramKeys.Nearest(key))) is { } nearest)
            return $"there is no key \"{name}\" in section [emperor]; did you mean \"{nearest}\"?";
        return isUwsgis
            ? $"\"{name}\" is an option of uwsgi, which means nothing in section [emperor]; remove it, or move it to a section [uwsgi]"
            : $"there is no key \"{name}\" in section [emperor]; {Otherwise}";
    }

    // One in an included file that another replaces is a preset, and meant so.
    private static void FindRepeated(ExportedOption[] options, List<ConfigProblem> problems)
    {
        var last = new Dictionary<(string File, string Key), ExportedOption>();
        foreach (var option in options)
        {
            if (ProgramKeys.Find(option.Key) is not { Repeats: false })
                continue;
            var place = (option.Origin.Name ?? "", option.Key);
            if (last.TryGetValue(place, out var former) && former.Origin.Line != option.Origin.Line)
            {
                var (isSame, line) = (former.Value == option.Value, former.Origin.Line);
                problems.Add(
                    new ConfigProblem(
                        isSame ? Severity.Warning : Severity.Error,
                        option.Origin,
                        isSame
                            ? $"\"{option.Key}\" stands on line {line} already, with the same value; remove one"
                            : $"\"{option.Key}\" takes one value, and has one on line {line} already; remove one"
                    )
                );
            }
            last[place] = option;
        }
    }
}
