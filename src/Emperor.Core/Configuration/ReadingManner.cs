namespace Emperor.Core.Configuration;

/// <summary>For whom a configuration is read, and what follows from that.</summary>
internal sealed record ReadingManner
{
    /// <summary>The emperor's own, to be obeyed.</summary>
    public static ReadingManner Own { get; } = new();

    /// <summary>A vassal's section [uwsgi], to be looked at: what would end the reading for Emperor is told and left as it is.</summary>
    public static ReadingManner Vassal { get; } = new() { IsLenient = true };

    /// <summary>A vassal's section [emperor].</summary>
    public static ReadingManner Program { get; } =
        new()
        {
            Section = "emperor",
            IsProgram = true,
            Files = ReadLimits.Program.Files,
            FileBytes = ReadLimits.Program.FileBytes,
            Options = ReadLimits.Program.Options,
            TotalBytes = ReadLimits.Program.TotalBytes,
            ExpansionWork = ReadLimits.Program.ExpansionWork,
        };

    /// <summary>The section that is read where none is named.</summary>
    public string Section { get; private init; } = "uwsgi";

    /// <summary>What Emperor would refuse in its own configuration is a warning.</summary>
    public bool IsLenient { get; private init; }

    /// <summary>Keys are those of the section [emperor].</summary>
    public bool IsProgram { get; private init; }

    /// <summary>Files read in all.</summary>
    public int Files { get; private init; } = ReadLimits.Files;

    /// <summary>Bytes of all files read; 0 where only each one is bounded.</summary>
    public int FileBytes { get; private init; }

    /// <summary>Options in all.</summary>
    public int Options { get; private init; } = ReadLimits.Options;

    /// <summary>Bytes of all options together.</summary>
    public int TotalBytes { get; private init; } = ReadLimits.TotalBytes;

    /// <summary>Characters looked at while all values are expanded.</summary>
    public long ExpansionWork { get; private init; } = ReadLimits.ExpansionWork;
}
