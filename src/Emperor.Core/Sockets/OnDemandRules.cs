using System.Text;
using Emperor.Core.Configuration;

namespace Emperor.Core.Sockets;

/// <summary>
/// What makes a vassal one that is started on demand. As uWSGI (core/emperor.c, emperor_check_on_demand_socket): the first of the three options
/// that is given decides alone, and an answer that is missing or empty makes a vassal that is started at once.
/// </summary>
public static class OnDemandRules
{
    /// <summary>The most that is read of an address file, or heard from a command, bytes.</summary>
    public const int LongestAnswer = 4096;

    /// <summary>The socket of a vassal in --emperor-on-demand-directory: its file's name, less what follows the last dot.</summary>
    /// <returns>Null when the name has no dot, as in uWSGI.</returns>
    public static string? InDirectory(string directory, string vassal)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(vassal);
        var name = vassal[(vassal.LastIndexOf('/') + 1)..];
        var dot = name.LastIndexOf('.');
        return dot < 0 ? null : $"{directory}/{name[..dot]}.socket";
    }

    /// <summary>The address in a file or a command's output: up to the first control character, such as a line's end.</summary>
    /// <returns>Empty when there is none.</returns>
    public static string Answer(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOfAnyInRange((byte)0, (byte)31);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]).TrimEnd(' ');
    }

    /// <summary>
    /// The socket of a vassal with what its own file asks for: chmod-socket and chown-socket of its section [uwsgi]. The last ones count; those
    /// with placeholders in them, and those of included files, uwsgi sets itself when it starts.
    /// </summary>
    /// <param name="socket">Where it is.</param>
    /// <param name="file">The vassal's file; only of an .ini these are read.</param>
    /// <param name="bytes">Its content.</param>
    public static OnDemandSocket WithWishes(OnDemandSocket socket, string file, ReadOnlySpan<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(file);
        if (!file.EndsWith(".ini", StringComparison.Ordinal))
            return socket;
        foreach (var line in IniText.Lines(Encoding.UTF8.GetString(bytes)))
        {
            if (line.Section != "uwsgi" || line.Value.AsSpan().ContainsAny("%$@"))
                continue;
            if (line.Key == "chmod-socket")
                socket = socket with { Mode = ModeOf(line.Value) ?? socket.Mode };
            else if (line.Key == "chown-socket" && line.Value.Length > 0)
                socket = socket with { Owner = line.Value };
        }
        return socket;
    }

    /// <summary>The names by which the service manager may have handed over a vassal's socket, the nearest first.</summary>
    public static IEnumerable<string> InheritedNames(string vassal)
    {
        ArgumentNullException.ThrowIfNull(vassal);
        var name = vassal[(vassal.LastIndexOf('/') + 1)..];
        yield return name;
        var dot = name.LastIndexOf('.');
        if (dot > 0)
            yield return name[..dot];
    }

    // uwsgi_opt_chmod_socket: alone, or 1, means 666; what is neither that nor three octal digits uwsgi itself will complain about.
    private static int? ModeOf(string text) =>
        text is "" or "1" ? OnDemandSocket.EveryoneMode
        : text.Length == 3 && text.All(c => c is >= '0' and <= '7') ? Convert.ToInt32(text, 8)
        : null;
}
