using System.Text;

namespace Emperor.Core.Programs;

/// <summary>
/// Splits a line into words as a POSIX shell does (XCU 2.2, Quoting): blanks, '…', "…" and backslashes. Nothing else of a shell is done: no
/// variables, no patterns, no pipes.
/// </summary>
public static class ShellWords
{
    /// <summary>The most words of one line.</summary>
    public const int Most = 1000;

    // Words that a shell would act on: who writes one without quotes expects a shell.
    private static readonly string[] Operators =
    [
        "|",
        "||",
        "&",
        "&&",
        ";",
        ";;",
        "<",
        "<<",
        ">",
        ">>",
        ">&",
        "2>",
        "2>>",
        "2>&1",
        "&>",
        ">&2",
        "(",
        ")",
    ];

    /// <summary>The words of a line; null when it is none.</summary>
    /// <param name="line">The line.</param>
    /// <param name="cause">When null is returned: what is wrong.</param>
    /// <param name="cure">When null is returned: what mends it.</param>
    public static IReadOnlyList<string>? Split(string line, out string cause, out string cure)
    {
        ArgumentNullException.ThrowIfNull(line);
        (cause, cure) = ("", "");
        var words = new List<string>();
        for (var at = 0; ; )
        {
            while (at < line.Length && IsBlank(line[at]))
                at++;
            if (at >= line.Length)
                return words;
            var word = new StringBuilder();
            if (line[at] == '#')
                (cause, cure) = (
                    "\"#\" begins a comment in a shell, but uWSGI knows none behind a value",
                    "remove it, or put it into quotes"
                );
            else if (!TryReadWord(line, ref at, word, out var isPlain, out var missing))
                (cause, cure) = missing;
            else if (isPlain && Operators.Contains(word.ToString(), StringComparer.Ordinal))
                (cause, cure) = ($"no shell reads it, so \"{word}\" would be an argument", "write sh -c '…', or put it into quotes");
            else if (words.Count >= Most)
                (cause, cure) = ($"it has more than {Most} words", "shorten it");
            if (cause.Length > 0)
                return null;
            words.Add(word.ToString());
        }
    }

    /// <summary>One word so that <see cref="Split"/> gives it back.</summary>
    public static string Quote(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        return
            word.Length > 0
            && word.All(c => char.IsLetterOrDigit(c) || "-_./:=@,+%()".Contains(c, StringComparison.Ordinal))
            && word is not ("(" or ")")
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }

    private static bool IsBlank(char c) => c is ' ' or '\t' or '\n' or '\r';

    private static bool TryReadWord(string line, ref int at, StringBuilder word, out bool isPlain, out (string Cause, string Cure) missing)
    {
        isPlain = true;
        missing = default;
        while (at < line.Length && !IsBlank(line[at]))
        {
            var letter = line[at++];
            if (letter is not ('\'' or '"' or '\\'))
            {
                word.Append(letter);
                continue;
            }
            isPlain = false;
            var isRead = letter switch
            {
                '\'' => TryReadSingle(line, ref at, word),
                '"' => TryReadDouble(line, ref at, word),
                _ => TryReadEscaped(line, ref at, word),
            };
            if (isRead)
                continue;
            missing =
                letter == '\\'
                    ? ("it ends in a backslash, which escapes nothing", "remove it, or write two")
                    : (
                        $"a quote {letter} is opened and not closed",
                        $"add the second {letter}, or write \\{letter} for one that is meant as such"
                    );
            return false;
        }
        return true;
    }

    private static bool TryReadEscaped(string line, ref int at, StringBuilder word)
    {
        if (at >= line.Length)
            return false;
        word.Append(line[at++]);
        return true;
    }

    private static bool TryReadSingle(string line, ref int at, StringBuilder word)
    {
        var end = line.IndexOf('\'', at);
        if (end < 0)
            return false;
        word.Append(line, at, end - at);
        at = end + 1;
        return true;
    }

    private static bool TryReadDouble(string line, ref int at, StringBuilder word)
    {
        while (at < line.Length)
        {
            var letter = line[at++];
            if (letter == '"')
                return true;
            if (letter == '\\' && at < line.Length && line[at] is '$' or '`' or '"' or '\\')
                letter = line[at++];
            word.Append(letter);
        }
        return false;
    }
}
