namespace Emperor.Core.Configuration;

/// <summary>Options of one value that a file gives more than one.</summary>
internal static class RepeatedOptions
{
    /// <summary>Finds them. One in an included file that another replaces is a preset, and meant so.</summary>
    /// <param name="options">All options, in their order.</param>
    /// <param name="isSingle">Whether an option of that name takes one value.</param>
    /// <param name="same">What is said of the option when its former value, on that line, is the same.</param>
    /// <param name="other">What is said when it is another.</param>
    /// <param name="problems">Where they are told.</param>
    public static void Find(
        IEnumerable<ExportedOption> options,
        Func<string, bool> isSingle,
        Func<string, int, string> same,
        Func<string, int, string> other,
        List<ConfigProblem> problems
    )
    {
        var last = new Dictionary<(string File, string Key), ExportedOption>();
        foreach (var option in options)
        {
            if (!isSingle(option.Key))
                continue;
            var place = (option.Origin.Name ?? "", option.Key);
            if (last.TryGetValue(place, out var former) && former.Origin.Line != option.Origin.Line)
            {
                var isSame = former.Value == option.Value;
                var words = (isSame ? same : other)(option.Key, former.Origin.Line);
                problems.Add(new ConfigProblem(isSame ? Severity.Warning : Severity.Error, option.Origin, words));
            }
            last[place] = option;
        }
    }
}
