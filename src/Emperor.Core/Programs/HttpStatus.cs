using System.Globalization;
using System.Text;

namespace Emperor.Core.Programs;

/// <summary>The little of HTTP/1.1 (RFC 9112) that a check needs: its request, and the first line of the answer.</summary>
public static class HttpStatus
{
    /// <summary>The longest first line of an answer, bytes.</summary>
    public const int LongestLine = 4096;

    /// <summary>The bytes of a GET. Its Host is localhost, whatever the socket's address: a program that answers to some names only knows that one best.</summary>
    /// <param name="path">The path, as it was written; what may not stand in a request line is encoded.</param>
    public static byte[] Request(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var target = new StringBuilder(path.StartsWith('/') ? "" : "/");
        foreach (var octet in Encoding.UTF8.GetBytes(path))
        {
            if (octet is > 0x20 and < 0x7F)
                target.Append((char)octet);
            else
                target.Append(CultureInfo.InvariantCulture, $"%{octet:X2}");
        }
        var text = $"GET {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: emperor\r\nAccept: */*\r\nConnection: close\r\n\r\n";
        return Encoding.ASCII.GetBytes(text);
    }

    /// <summary>The status of an answer.</summary>
    /// <param name="answer">Its beginning.</param>
    /// <returns>Null as long as its first line is not whole; 0 when it is no HTTP.</returns>
    public static int? Parse(ReadOnlySpan<byte> answer)
    {
        var prefix = "HTTP/1."u8;
        var known = Math.Min(answer.Length, prefix.Length);
        if (!answer[..known].SequenceEqual(prefix[..known]))
            return 0;
        var end = answer.IndexOf((byte)'\n');
        if (end < 0)
            return answer.Length >= LongestLine ? 0 : null;
        // HTTP/1.1 200 OK
        var line = Encoding.ASCII.GetString(answer[..end]).TrimEnd('\r').Split(' ', 3);
        return
            line.Length > 1
            && line[1].Length == 3
            && int.TryParse(line[1], NumberStyles.None, CultureInfo.InvariantCulture, out var status)
            && status >= 100
            ? status
            : 0;
    }

    /// <summary>Whether a status means that all is well: 2xx, or 3xx.</summary>
    public static bool IsWell(int status) => status is >= 200 and < 400;
}
