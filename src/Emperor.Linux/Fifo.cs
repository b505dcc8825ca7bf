namespace Emperor.Linux;

/// <summary>Named pipes (fifo(7)).</summary>
public static class Fifo
{
    private const uint OwnerOnly = 0x180;
    private const int TypeMask = 0xF000;
    private const int FifoType = 0x1000;

    /// <summary>
    /// Opens one to read from, made with mode 0600 if it is not there. It is open for writing too, so it does not end when the last writer leaves; reading
    /// does not wait.
    /// </summary>
    /// <param name="path">Its path; a link is not followed, nor one on its way when it has an owner.</param>
    /// <param name="owner">To whom one belongs that is made here, and who may write in the folders on its way; null for this process's user.</param>
    /// <param name="error">Why not, when null is returned; EINVAL when something else is there.</param>
    public static SafeFd? Open(string path, uint? owner, out Errno error)
    {
        if (owner is null)
            return OpenAt(path, owner, out error);
        using var folder = GuardedFile.OpenFolder(path, out error);
        return folder is null ? null : OpenAt(GuardedFile.Name(folder, path), owner, out error);
    }

    private static SafeFd? OpenAt(string path, uint? owner, out Errno error)
    {
        error = Native.MakeFifo(path, OwnerOnly) == 0 ? default : Errno.Last;
        var isNew = error.Number == 0;
        if (!isNew && error != Errno.Exists)
            return null;
        var flags = Constants.ORdWr | Constants.ONonBlock | Constants.ONoFollow | Constants.ONoCtty | Constants.OCloExec;
        var number = Native.Open(path, flags, 0);
        if (number < 0)
        {
            error = Errno.Last;
            return null;
        }
        var fd = new SafeFd(number);
        error = FileStatus.Get(fd.Number, out var status);
        if (error.Number == 0 && !IsFifo(status))
            error = Errno.Invalid;
        if (error.Number == 0)
        {
            if (isNew && owner is { } uid)
                _ = Native.FChOwnAt(fd.Number, "", uid, uint.MaxValue, Constants.AtEmptyPath);
            return fd;
        }
        fd.Dispose();
        return null;
    }

    /// <summary>Removes one, if it is one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="isOwned">It was opened with an owner.</param>
    public static void Remove(string path, bool isOwned)
    {
        if (!isOwned)
            RemoveAt(path);
        else if (GuardedFile.OpenFolder(path, out _) is { } folder)
        {
            using (folder)
                RemoveAt(GuardedFile.Name(folder, path));
        }
    }

    private static void RemoveAt(string path)
    {
        if (FileStatus.Get(path, follow: false, out var status).Number == 0 && IsFifo(status))
            _ = Native.Unlink(path);
    }

    private static bool IsFifo(FileStatus status) => (status.Mode & TypeMask) == FifoType;
}
