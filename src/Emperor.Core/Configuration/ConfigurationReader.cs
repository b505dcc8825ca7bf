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
        return new ReadingSession(host, isVassal ? ReadingManner.Vassal : ReadingManner.Own).Run(arguments);
    }

    /// <summary>
    /// Reads the section [emperor] of a vassal's ini file in the same way, except that its keys are not uWSGI's options, so that those that uWSGI
    /// acts on at once (listen, umask …) are expanded too; that a '%' before a blank or a line's end is itself; that included files are read
    /// for their section [emperor]; and that all is bounded more tightly, because the main thread waits for it. Never throws because of what it reads.
    /// </summary>
    /// <param name="file">The file's name in the host's working folder.</param>
    /// <param name="host">What may be asked of the world.</param>
    public static ReadResult ReadProgram(string file, IConfigHost host)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(host);
        return new ReadingSession(host, ReadingManner.Program).Run(["--ini", $"{file}:{ReadingManner.Program.Section}"]);
    }
}
