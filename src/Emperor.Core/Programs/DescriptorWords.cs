using System.Globalization;

namespace Emperor.Core.Programs;

/// <summary>
/// What stands for a socket's descriptor in a program's words: %(fd) for the first socket, %(fd:NAME) for the first of that name. The sockets are
/// the descriptors from 3 on, in their order (sd_listen_fds(3)).
/// </summary>
public static class DescriptorWords
{
    /// <summary>The descriptor of the first socket.</summary>
    public const int First = 3;

    private const string Start = "%(fd";

    /// <summary>Puts numbers in the place of all of them.</summary>
    /// <param name="word">A word of a command.</param>
    /// <param name="sockets">The sockets.</param>
    /// <param name="failure">When null is returned: what is wrong, and what it should be.</param>
    public static string? Replace(string word, IReadOnlyList<ProgramSocket> sockets, out string failure)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(sockets);
        failure = "";
        var result = word;
        for (var at = 0; (at = result.IndexOf(Start, at, StringComparison.Ordinal)) >= 0; )
        {
            var end = result.IndexOf(')', at);
            var inner = end < 0 ? "" : result[(at + Start.Length)..end];
            if (end < 0 || (inner.Length > 0 && inner[0] != ':'))
            {
                // Another name, such as %(fdx): not ours.
                at += Start.Length;
                continue;
            }
            if (NumberOf(inner, sockets, out failure) is not { } number)
                return null;
            var text = number.ToString(CultureInfo.InvariantCulture);
            result = string.Concat(result.AsSpan(0, at), text, result.AsSpan(end + 1));
            at += text.Length;
        }
        return result;
    }

    private static int? NumberOf(string inner, IReadOnlyList<ProgramSocket> sockets, out string failure)
    {
        failure = "";
        for (var i = 0; i < sockets.Count; i++)
        {
            if (inner.Length == 0 || inner.AsSpan(1).SequenceEqual(sockets[i].Name))
                return First + i;
        }
        failure =
            sockets.Count == 0
                ? $"exec has {Start}{inner}), and there is no socket; add one: socket = ADDRESS"
                : $"exec has {Start}{inner}), and there is no socket of that name; there is {string.Join(", ", sockets.Select(s => s.Name))}";
        return null;
    }
}
