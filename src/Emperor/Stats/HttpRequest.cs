using System.Text;

namespace Emperor.Stats;

/// <summary>A request as far as it matters here (RFC 9112): method, path and the Accept header.</summary>
/// <param name="Method">Such as GET.</param>
/// <param name="Path">Without the query.</param>
/// <param name="Accept">The values of all its Accept headers; null when there was none.</param>
internal sealed record HttpRequest(string Method, string Path, string? Accept)
{
    /// <summary>The most bytes that a request's head may have.</summary>
    public const int LongestHead = 8 * 1024;

    /// <summary>Whether a request's head has come in full.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> bytes) => bytes.IndexOf("\r\n\r\n"u8) >= 0 || bytes.IndexOf("\n\n"u8) >= 0;

    /// <summary>Reads a whole head; null when it is no request of HTTP/1.0 or 1.1.</summary>
    public static HttpRequest? Parse(ReadOnlySpan<byte> bytes)
    {
        var lines = Encoding.Latin1.GetString(bytes).Split('\n');
        var words = lines[0].TrimEnd('\r').Split(' ');
        if (words.Length != 3 || words[0].Length == 0 || words[2] is not ("HTTP/1.1" or "HTTP/1.0"))
            return null;
        if (!words[1].StartsWith('/'))
            return null;
        string? accept = null;
        foreach (var line in lines.Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || !line.AsSpan(0, colon).Equals("accept", StringComparison.OrdinalIgnoreCase))
                continue;
            var value = line[(colon + 1)..].Trim();
            accept = accept is null ? value : $"{accept},{value}";
        }
        return new HttpRequest(words[0], words[1].Split('?', 2)[0], accept);
    }
}
