using System.Text;

namespace Emperor.Linux;

/// <summary>Local time in the formats that C programs are configured with.</summary>
public static unsafe class LocalTime
{
    /// <summary>The time in a format of strftime(3), 255 bytes at the most; a longer one is empty.</summary>
    public static string Format(string format, DateTimeOffset time)
    {
        var seconds = time.ToUnixTimeSeconds();
        // struct tm is 56 bytes.
        var parts = stackalloc byte[64];
        var buffer = stackalloc byte[256];
        _ = Native.LocalTime(&seconds, parts);
        return Encoding.UTF8.GetString(buffer, (int)Native.StrFTime(buffer, 256, format, parts));
    }
}
