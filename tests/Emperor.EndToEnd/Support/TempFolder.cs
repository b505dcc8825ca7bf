namespace Emperor.EndToEnd.Support;

/// <summary>A folder of one test, removed with all that is in it.</summary>
internal sealed class TempFolder : IDisposable
{
    private const UnixFileMode Open =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    public TempFolder()
    {
        Path = Directory.CreateTempSubdirectory("emperor-e2e-").FullName;
        // Daemons under other users look in too.
        File.SetUnixFileMode(Path, Open);
    }

    public string Path { get; }

    /// <summary>A path in it.</summary>
    public string this[string name] => $"{Path}/{name}";

    /// <summary>Makes a folder in it.</summary>
    public string Folder(string name) => Directory.CreateDirectory(this[name]).FullName;

    /// <summary>Writes a file in it.</summary>
    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    // The base library cannot remove a name that is not UTF-8.
    public void Dispose() => System.Diagnostics.Process.Start("rm", ["-rf", "--", Path]).WaitForExit();
}
