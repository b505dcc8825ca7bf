using Emperor.Core.Hooks;

namespace Emperor.Core.Configuration;

// Namespaces and hooks.
internal sealed partial class SettingValues
{
    // They call functions inside uWSGI's own process.
    private static readonly string[] Calls =
    [
        "call-as-vassal",
        "call-as-vassal1",
        "call-as-vassal3",
        "call-as-emperor",
        "call-as-emperor1",
        "call-as-emperor2",
        "call-as-emperor4",
    ];

    /// <summary>Refuses what Emperor cannot do whatever its value.</summary>
    public static void RefuseCalls(IReadOnlyList<ExportedOption> options, List<ConfigProblem> problems)
    {
        foreach (var option in options.Where(o => o.Naming != OptionNaming.Placeholder && Calls.Contains(o.Key)))
            problems.Add(
                new ConfigProblem(
                    Severity.Fatal,
                    option.Origin,
                    $"option \"{option.Key}\" calls a function inside uWSGI's own process, which Emperor is not; write a program, and run it by "
                        + $"{option.Key.Replace("call-", "exec-", StringComparison.Ordinal).TrimEnd('1', '2', '3', '4')}"
                )
            );
    }

    /// <summary>Kinds of namespaces by uWSGI's words with commas between; several options add up, as in uWSGI.</summary>
    public NamespaceKinds Namespaces(string name)
    {
        var kinds = NamespaceKinds.None;
        foreach (var option in Options(name))
        foreach (var word in (option.Value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            kinds |= NamespaceWords.Read(word, out var failure);
            if (failure is not null)
                Complain(option, failure);
        }
        return kinds;
    }

    /// <summary>All hooks, each list in the order in which uWSGI runs it (core/emperor.c, uwsgi_emperor_spawn_vassal and uwsgi_emperor_vassal_start).</summary>
    public HookSettings Hooks() =>
        new()
        {
            AsVassal =
            [
                .. Program("vassals-start-hook"),
                .. Actions("hook-as-vassal", HookText.Read),
                .. Actions("mount-as-vassal", HookText.Mount),
                .. Actions("umount-as-vassal", HookText.Unmount),
                .. NotEmpty("exec-as-vassal", "a command").Select(c => HookText.Command("exec-as-vassal", c)),
            ],
            AsEmperor =
            [
                .. Actions("hook-as-emperor", HookText.Read),
                .. Actions("mount-as-emperor", HookText.Mount),
                .. Actions("umount-as-emperor", HookText.Unmount),
                .. NotEmpty("exec-as-emperor", "a command").Select(c => HookText.Command("exec-as-emperor", c)),
            ],
            AfterVassal = [.. Program("vassals-stop-hook")],
            EmperorStart = [.. Actions("hook-emperor-start", HookText.Read)],
            EmperorStop = [.. Actions("hook-emperor-stop", HookText.Read)],
            EmperorReload = [.. Actions("hook-emperor-reload", HookText.Read)],
            EmperorLost = [.. Actions("hook-emperor-lost", HookText.Read)],
            Limit = TimeSpan.FromSeconds(Math.Max(1, Number("emperor-hook-timeout", 60, "seconds"))),
        };

    private delegate HookAction? Reader(string option, string text, out string? failure);

    // The last one counts, as in uWSGI.
    private IEnumerable<HookAction> Program(string name) =>
        TextNotEmpty(name, "a program") is { } program ? [HookText.Program(name, program)] : [];

    private List<HookAction> Actions(string name, Reader read)
    {
        var actions = new List<HookAction>();
        foreach (var option in Options(name))
        {
            if (read(name, option.Value ?? "", out var failure) is { } action)
                actions.Add(action);
            else
                Complain(option, failure!);
        }
        return actions;
    }

    private List<ExportedOption> Options(string name) => _byName.TryGetValue(name, out var options) ? options : [];

    private void Complain(ExportedOption option, string failure) =>
        _problems.Add(
            new ConfigProblem(
                Severity.Fatal,
                option.Origin,
                $"option \"{option.Key}\" = \"{Messages.Shown(option.Value ?? "")}\" {failure}"
            )
        );
}
