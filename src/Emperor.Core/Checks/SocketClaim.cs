using Emperor.Core.Configuration;

namespace Emperor.Core.Checks;

/// <summary>An address that a vassal listens on.</summary>
/// <param name="Address">As it was written.</param>
/// <param name="Key">The same for all ways to write one address: a path, an abstract name, or HOST:PORT.</param>
/// <param name="Option">The option that asks for it.</param>
/// <param name="Origin">Where that stands.</param>
public sealed record SocketClaim(string Address, string Key, string Option, OptionOrigin Origin)
{
    private const string AnyHost = "*";

    private static readonly string[] Listening =
    [
        "socket",
        "uwsgi-socket",
        "http-socket",
        "http11-socket",
        "https-socket",
        "fastcgi-socket",
        "fastcgi-nph-socket",
        "scgi-socket",
        "scgi-nph-socket",
        "raw-socket",
        "puwsgi-socket",
        "suwsgi-socket",
        "ssl-socket",
        "shared-socket",
        "http",
        "https",
        "https2",
        "stats",
        "stats-server",
        "fastrouter",
        "rawrouter",
        "sslrouter",
        "emperor-stats",
        "zerg-server",
        "snmp",
        "carbon-id",
    ];

    /// <summary>The addresses that options ask for.</summary>
    /// <param name="options">A vassal's options.</param>
    /// <param name="folder">Where relative paths start.</param>
    public static IReadOnlyList<SocketClaim> Of(IEnumerable<ExportedOption> options, string folder)
    {
        var claims = new List<SocketClaim>();
        foreach (var option in options.Where(o => Listening.Contains(o.Key, StringComparer.Ordinal)))
        {
            // https = ADDRESS,CERTIFICATE,KEY
            var address = (option.Value ?? "").Split(',')[0].Trim();
            if (KeyOf(address, folder) is { } key)
                claims.Add(new SocketClaim(address, key, option.Key, option.Origin));
        }
        return claims;
    }

    /// <summary>Whether only one of two can listen.</summary>
    public bool Collides(SocketClaim other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (Key == other.Key)
            return true;
        var (host, port) = Split(Key);
        var (otherHost, otherPort) = Split(other.Key);
        return port is not null && port == otherPort && (host == AnyHost || otherHost == AnyHost);
    }

    /// <summary>Reports what one vassal claims twice.</summary>
    public static void FindRepeated(IReadOnlyList<SocketClaim> claims, List<ConfigProblem> problems)
    {
        ArgumentNullException.ThrowIfNull(claims);
        ArgumentNullException.ThrowIfNull(problems);
        for (var i = 1; i < claims.Count; i++)
        {
            if (claims.Take(i).FirstOrDefault(claims[i].Collides) is { } former)
                problems.Add(
                    new ConfigProblem(
                        Severity.Error,
                        claims[i].Origin,
                        $"\"{claims[i].Option} = {claims[i].Address}\": the address is taken by \"{former.Option}\" ({former.Origin}); choose another"
                    )
                );
        }
    }

    private static string? KeyOf(string address, string folder)
    {
        // What somebody else has opened (fd://0), and what is not known here.
        if (address.Length == 0 || address.Contains("://", StringComparison.Ordinal) || address.StartsWith('='))
            return null;
        if (address[0] is '@')
            return address;
        var colon = address.LastIndexOf(':');
        if (colon < 0)
            return address.All(char.IsAsciiDigit) ? null : Path.GetFullPath(address, folder);
        var host = address[..colon];
        var port = address[(colon + 1)..];
        // Port 0 is whatever is free.
        if (port == "0")
            return null;
        return $"{(host is "" or "0.0.0.0" or "*" or "[::]" ? AnyHost : host is "localhost" ? "127.0.0.1" : host)}:{port}";
    }

    private static (string Host, string? Port) Split(string key)
    {
        var colon = key.LastIndexOf(':');
        return key[0] is '/' or '@' || colon < 0 ? (key, null) : (key[..colon], key[(colon + 1)..]);
    }
}
