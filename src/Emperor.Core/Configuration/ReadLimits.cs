namespace Emperor.Core.Configuration;

/// <summary>The bounds of reading a configuration. uWSGI has none and hangs, crashes or fills the memory instead.</summary>
public static class ReadLimits
{
    /// <summary>Bytes of one configuration file.</summary>
    public const int FileBytes = 1024 * 1024;

    /// <summary>Bytes of one value, before and after its expansion.</summary>
    public const int ValueBytes = 64 * 1024;

    /// <summary>Files open at once through ini and include.</summary>
    public const int Depth = 16;

    /// <summary>Files read in all.</summary>
    public const int Files = 1000;

    /// <summary>Rounds of one for-times.</summary>
    public const int Rounds = 10_000;

    /// <summary>Options in all.</summary>
    public const int Options = 100_000;

    /// <summary>Bytes of all options together.</summary>
    public const int TotalBytes = 64 * 1024 * 1024;

    /// <summary>Replacements in one value.</summary>
    public const int Replacements = 1000;

    /// <summary>Characters looked at while all values are expanded.</summary>
    public const long ExpansionWork = 200_000_000;

    /// <summary>The bounds of reading one section [emperor], all included files taken together: the main thread waits for it.</summary>
    internal static class Program
    {
        /// <summary>Files read in all.</summary>
        public const int Files = 32;

        /// <summary>Bytes of these.</summary>
        public const int FileBytes = 4 * 1024 * 1024;

        /// <summary>Options in all.</summary>
        public const int Options = 5000;

        /// <summary>Bytes of all options together.</summary>
        public const int TotalBytes = 1024 * 1024;

        /// <summary>Characters looked at while all values are expanded.</summary>
        public const long ExpansionWork = 10_000_000;
    }

    /// <summary>How long if-hostname-match may search.</summary>
    public static readonly TimeSpan MatchTime = TimeSpan.FromMilliseconds(250);
}
