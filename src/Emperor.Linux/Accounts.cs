namespace Emperor.Linux;

/// <summary>A user as the system knows it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Uid">The number.</param>
/// <param name="Gid">The number of the primary group.</param>
public sealed record Account(string Name, uint Uid, uint Gid)
{
    /// <summary>The home folder; empty when none is known.</summary>
    public string Home { get; init; } = "";

    /// <summary>The login shell; empty when none is known.</summary>
    public string Shell { get; init; } = "";
}

/// <summary>Users and groups by the C library, so that every source of nsswitch.conf counts.</summary>
public static unsafe class Accounts
{
    // A group with very many members needs a large buffer; this holds some fifty thousand.
    private const int BufferSize = 1024 * 1024;

    /// <summary>The user of that name; null when there is none, or when that cannot be told now.</summary>
    /// <param name="name">The name.</param>
    /// <param name="error">Why it cannot be told (a directory server that does not answer); no error when there is none of that name.</param>
    public static Account? UserByName(string name, out Errno error)
    {
        var buffer = new byte[BufferSize];
        Passwd entry;
        Passwd* found = null;
        fixed (byte* text = buffer)
        {
            error = new Errno(Native.GetPwNam(name, &entry, text, BufferSize, &found));
            return error.Number == 0 && found is not null ? Read(found) : null;
        }
    }

    /// <summary>The user of that number; null when there is none.</summary>
    public static Account? UserById(uint uid)
    {
        var buffer = new byte[BufferSize];
        Passwd entry;
        Passwd* found = null;
        fixed (byte* text = buffer)
            return Native.GetPwUid(uid, &entry, text, BufferSize, &found) == 0 && found is not null ? Read(found) : null;
    }

    /// <summary>The number of the group of that name; null when there is none, or when that cannot be told now.</summary>
    /// <param name="name">The name.</param>
    /// <param name="error">Why it cannot be told; no error when there is none of that name.</param>
    public static uint? GroupByName(string name, out Errno error)
    {
        var buffer = new byte[BufferSize];
        Group entry;
        Group* found = null;
        fixed (byte* text = buffer)
        {
            error = new Errno(Native.GetGrNam(name, &entry, text, BufferSize, &found));
            return error.Number == 0 && found is not null ? found->Gid : null;
        }
    }

    private static Account Read(Passwd* entry) =>
        new(Text(entry->Name), entry->Uid, entry->Gid) { Home = Text(entry->Home), Shell = Text(entry->Shell) };

    private static string Text(byte* text) => System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)text) ?? "";

    /// <summary>struct passwd (pwd.h), as far as it is read and to its end.</summary>
    internal struct Passwd
    {
        internal byte* Name;
        internal byte* Password;
        internal uint Uid;
        internal uint Gid;
        internal byte* Comment;
        internal byte* Home;
        internal byte* Shell;
    }

    /// <summary>struct group (grp.h).</summary>
    internal struct Group
    {
        internal byte* Name;
        internal byte* Password;
        internal uint Gid;
        internal byte** Members;
    }
}
