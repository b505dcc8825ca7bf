using System.Globalization;

namespace Emperor.Core.Programs;

/// <summary>Reads what a section [emperor] allows its vassal to use.</summary>
/// <param name="values">Its values.</param>
/// <param name="folder">Where relative paths start.</param>
internal sealed class ProgramLimits(ProgramValues values, string folder)
{
    private const long Mebibyte = 1L << 20;
    private const int MostPaths = 64;

    // PID_MAX_LIMIT of 64-bit kernels.
    private const long MostTasks = 4_194_304;

    // sysctl_nr_open_max of 64-bit kernels.
    private const long MostFiles = 0x7FFF_FFC0;

    private const int MostProcessors = 8192;

    /// <summary>Reads them.</summary>
    public LimitRules Read()
    {
        var limits = new LimitRules
        {
            MemoryMax = values.Size("memory-max", 1, Mebibyte),
            MemoryHigh = values.Size("memory-high", 1, Mebibyte),
            CpuMax = CpuMax(),
            TasksMax = values.Number("tasks-max", 1, MostTasks),
            IoWeight = (int?)values.Number("io-weight", 1, 10_000),
            OpenFiles = values.Number("limit-nofile", 16, MostFiles),
            // uWSGI's option of this name counts megabytes (core/uwsgi.c, uwsgi_opt_set_megabytes).
            AddressSpace = values.Size("limit-as", Mebibyte, Mebibyte),
            Nice = (int?)values.Number("nice", -20, 19),
            OomScoreAdjust = (int?)values.Number("oom-score-adj", -1000, 1000),
            CpuAffinity = CpuAffinity(),
            NoNewPrivileges = values.Flag("no-new-privs"),
            PrivateTmp = values.Flag("private-tmp"),
            ReadOnlyPaths = ReadOnlyPaths(),
        };
        if (limits.MemoryHigh > limits.MemoryMax)
            values.Refuse(
                values.Last("memory-high")!,
                $"it is above memory-max ({Quantity.SizeText(limits.MemoryMax.Value)}), so it never has an effect",
                "write a smaller one, or remove it"
            );
        return limits;
    }

    private int? CpuMax()
    {
        if (values.Last("cpu-max") is not { } option)
            return null;
        var text = option.Value ?? "";
        var isShare = text.EndsWith('%');
        if (!Quantity.TryReadNumber(isShare ? text[..^1].TrimEnd(' ') : text, out var number))
            values.Refuse(option, "it is no share of processors", "write one such as 50% or 1.5");
        else if (number * (isShare ? 10 : 1000) is var thousandths && thousandths is < 10 or > MostProcessors * 1000)
            values.Refuse(option, "it is no such share of processors", $"write one from 1% to {MostProcessors}");
        else
            return (int)Math.Round(thousandths);
        return null;
    }

    // cpu-list of taskset(1): 0,2-3 or 0-31:2.
    private string? CpuAffinity()
    {
        if (values.Last("cpu-affinity") is not { } option)
            return null;
        var text = (option.Value ?? "").Replace(" ", "", StringComparison.Ordinal);
        if (text.Length is > 0 and <= 1024 && text.Split(',').All(IsRange))
            return text;
        values.Refuse(option, "it is no list of processors", "write their numbers and ranges, such as 0,2-3");
        return null;
    }

    private static bool IsRange(string text)
    {
        var stride = text.Split(':', 2);
        var ends = stride[0].Split('-', 2);
        return IsProcessor(ends[0], out var first)
            && IsProcessor(ends[^1], out var last)
            && first <= last
            && (stride.Length == 1 || (ends.Length == 2 && IsProcessor(stride[1], out var step) && step > 0));
    }

    private static bool IsProcessor(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < MostProcessors;

    private List<string> ReadOnlyPaths()
    {
        var paths = new List<string>();
        foreach (var option in values.All("read-only", MostPaths))
        {
            if (values.Full(option, option.Value ?? "", folder) is { } path && !paths.Contains(path))
                paths.Add(path);
        }
        return paths;
    }
}
