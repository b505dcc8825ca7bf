using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Emperor.Core.Sockets;

/// <summary>What a socket's address leads to.</summary>
public enum SocketKind
{
    /// <summary>A socket file.</summary>
    Path,

    /// <summary>A name of Linux's abstract kind, without a file (unix(7)).</summary>
    Abstract,

    /// <summary>An IPv4 or IPv6 address and a port.</summary>
    Internet,
}

/// <summary>
/// Overview: an address of a stream socket, as uWSGI's options and files spell it (core/socket.c): <c>/path</c> or <c>path</c>, <c>@name</c> or
/// <c>\0name</c>, <c>1.2.3.4:8000</c>, <c>[::1]:8000</c>, <c>:8000</c> (all of IPv4). Where uWSGI's emperor guesses (core/emperor.c, on_demand_bind), this
/// is strict: a path may hold a colon when it begins with a slash, "@" is not a file's name, a port is a number from 1 to 65535 and nothing
/// else, a path that does not fit is not cut, and host names are not looked up, as that could take for ever.
/// </summary>
/// <param name="Kind">What it leads to.</param>
/// <param name="Name">The absolute path, or the abstract name without its "@"; empty for the internet.</param>
/// <param name="Address">The internet address; null for others.</param>
/// <param name="Port">Its port; 0 for others.</param>
public sealed record SocketAddress(SocketKind Kind, string Name, IPAddress? Address = null, int Port = 0)
{
    /// <summary>The longest path or abstract name, bytes: sun_path of sockaddr_un, less its final or first NUL (unix(7)).</summary>
    public const int LongestName = 107;

    /// <summary>Reads an address.</summary>
    /// <param name="text">As somebody wrote it.</param>
    /// <param name="folder">Where a relative path starts.</param>
    /// <param name="failure">When null is returned: what is wrong, and what it should be.</param>
    public static SocketAddress? Parse(string text, string folder, out string failure)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(folder);
        failure = "";
        if (text.StartsWith('@') || text.StartsWith(@"\0", StringComparison.Ordinal))
            return Named(SocketKind.Abstract, text[(text[0] == '@' ? 1 : 2)..], text, out failure);
        if (text.StartsWith('/') || (text.Length > 0 && !text.Contains(':', StringComparison.Ordinal)))
            return Named(SocketKind.Path, text.StartsWith('/') ? text : $"{folder.TrimEnd('/')}/{text}", text, out failure);
        return Internet(text, out failure);
    }

    /// <summary>As uWSGI spells it; equal addresses have one spelling.</summary>
    public override string ToString() =>
        Kind switch
        {
            SocketKind.Path => Name,
            SocketKind.Abstract => $"@{Name}",
            _ when Address!.AddressFamily == AddressFamily.InterNetworkV6 => string.Create(
                CultureInfo.InvariantCulture,
                $"[{Address}]:{Port}"
            ),
            _ => string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}"),
        };

    private static SocketAddress? Named(SocketKind kind, string name, string text, out string failure)
    {
        failure = "";
        if (name.Length == 0)
            failure = $"\"{Shown(text)}\" names no socket; write @ and a name";
        else if (Encoding.UTF8.GetByteCount(name) is var length && length > LongestName)
            failure = string.Create(
                CultureInfo.InvariantCulture,
                $"\"{Shown(name)}\" has {length} bytes, and the kernel takes {LongestName}; choose a shorter one"
            );
        else if (name.Contains('\0', StringComparison.Ordinal))
            failure = $"\"{Shown(text)}\" holds a NUL byte; remove it";
        else if (name.EndsWith('/'))
            failure = $"\"{Shown(text)}\" is a folder's path; name a file in it";
        return failure.Length > 0 ? null : new SocketAddress(kind, name);
    }

    private static SocketAddress? Internet(string text, out string failure)
    {
        var colon = text.LastIndexOf(':');
        var (host, number) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        var isNumber =
            int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= ushort.MaxValue;
        var address = host.Length == 0 ? IPAddress.Any : AddressOf(host);
        failure =
            text.Length == 0 ? "it is empty; write an address, such as /run/app.sock or 127.0.0.1:8000"
            : !isNumber
                ? $"\"{Shown(text)}\" has no port from 1 to {ushort.MaxValue} behind its last colon; write one, or a path that begins with /"
            : address is null
                ? $"\"{Shown(text)}\" has no address before its port: write four numbers, such as 127.0.0.1:{number}, an IPv6 address in brackets, such as "
                    + $"[::1]:{number}, or nothing for all; host names are not looked up"
            : "";
        return failure.Length > 0 ? null : new SocketAddress(SocketKind.Internet, "", address, port);
    }

    // The base library also reads "1", "0x7f.1" and zones; these are slips here.
    private static IPAddress? AddressOf(string host)
    {
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            var inner = host[1..^1];
            var isPlain = inner.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.');
            return isPlain && IPAddress.TryParse(inner, out var six) && six.AddressFamily == AddressFamily.InterNetworkV6 ? six : null;
        }
        var parts = host.Split('.');
        var isFour = parts.Length == 4 && parts.All(p => p.Length is > 0 and <= 3 && p.All(char.IsAsciiDigit));
        // A leading zero would mean octal to some.
        return isFour && parts.All(p => p.Length == 1 || p[0] != '0') && IPAddress.TryParse(host, out var four) ? four : null;
    }

    private static string Shown(string text) => PlainText.OneLine(text.Length > 200 ? text[..200] + "…" : text);
}
