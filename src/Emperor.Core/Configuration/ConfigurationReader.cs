namespace Emperor.Core.Configuration;

/// <summary>
/// Reads environment, command line and ini files into one list of options, with uWSGI 2.0.21's order and quirks (core/config.c,
/// core/ini.c, core/uwsgi.c). Where uWSGI would crash, hang or run a program, a fatal problem is reported instead.
/// </summary>
public static class ConfigurationReader
{
    /// <summary>Reads everything. Never throws because of what it reads.</summary>
    /// <param name="arguments">The command line without the program's name, in the text of <see cref="ConfigText"/>.</param>
    /// <param name="host">What may be asked of the world.</param>
    /// <param name="isVassal">
    /// It is a vassal's configuration, and read to be looked at: what Emperor would refuse in its own (running a program, other formats) is told
    /// as a warning and left as it is.
    /// </param>
    public static ReadResult Read(IReadOnlyList<string> arguments, IConfigHost host, bool isVassal = false)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(host);
        return new ReadingSession(host, isVassal).Run(arguments);
    }
}
