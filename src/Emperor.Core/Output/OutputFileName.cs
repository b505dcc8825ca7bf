using System.Buffers;
using System.Globalization;
using System.Text;

namespace Emperor.Core.Output;

/// <summary>The file of a vassal's own log, within one folder whatever the vassal's name is.</summary>
public static class OutputFileName
{
    // A name of a file has 255 bytes at most (NAME_MAX), and the endings of the log and of old ones follow.
    private const int Longest = 200;

    private static readonly SearchValues<byte> Safe = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.,+=@:~ "u8
    );

    /// <summary>
    /// The name: letters, digits and common signs stay, all else becomes %XX, and so does a dot in front. Two vassals never share one; of a
    /// name that is too long the end is replaced by a digest.
    /// </summary>
    public static string Of(string vassal)
    {
        var bytes = Encoding.UTF8.GetBytes(vassal);
        var name = new StringBuilder(bytes.Length + 4);
        for (var i = 0; i < bytes.Length; i++)
        {
            if ((i == 0 && bytes[i] == '.') || !Safe.Contains(bytes[i]))
                name.Append(CultureInfo.InvariantCulture, $"%{bytes[i]:X2}");
            else
                name.Append((char)bytes[i]);
        }
        if (name.Length > Longest)
        {
            var digest = Sha256.Hex(bytes)[..32];
            name.Length = Longest - digest.Length - 2;
            // "%%" is in no name that was not too long.
            name.Append("%%").Append(digest);
        }
        return name.Append(".log").ToString();
    }
}
