using System.Globalization;
using System.Text;

namespace Emperor.Core.Configuration;

/// <summary>
/// Where to listen, written as in uWSGI: what has a colon and does not begin with a slash is host:port (nothing, or *, for every IPv4 address; an IPv6
/// address in brackets), "@name" is an abstract socket, anything else a path.
/// </summary>
/// <param name="Text">As it was written.</param>
/// <param name="Host">A name or address without brackets, empty for every address; null when it is no port.</param>
/// <param name="Port">The port; 0 when it is none.</param>
public sealed record ServerAddress(string Text, string? Host, int Port)
{
    // sun_path of sockaddr_un (unix(7)) with its NUL.
    private const int LongestPath = 107;

    /// <summary>Whether it is a path or an abstract name.</summary>
    public bool IsUnix => Host is null;

    /// <summary>Reads one; null when it is none.</summary>
    public static ServerAddress? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.LastIndexOf(':');
        if (colon < 0 || text[0] is '/' or '@' or '.')
        {
            var length = Encoding.UTF8.GetByteCount(text);
            var isFine = length is > 0 and <= LongestPath && text != "@" && !text.Contains('\0', StringComparison.Ordinal);
            return isFine ? new ServerAddress(text, null, 0) : null;
        }
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is 0 or > 65_535)
            return null;
        var host = text[..colon];
        if (host.StartsWith('[') != host.EndsWith(']'))
            return null;
        if (host.StartsWith('['))
            return host.Length > 2 ? new ServerAddress(text, host[1..^1], port) : null;
        // Without brackets nobody could tell where an IPv6 address ends.
        return host.Contains(':', StringComparison.Ordinal) ? null : new ServerAddress(text, host == "*" ? "" : host, port);
    }
}
