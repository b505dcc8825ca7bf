namespace Emperor.Core.Configuration;

/// <summary>How many slips of the finger lie between two words.</summary>
internal static class EditDistance
{
    private const int LongestWord = 64;

    /// <summary>How far a name may be from a word to be offered in its place: a short word says little. Below 0 for nothing.</summary>
    public static int Tolerance(string word) =>
        word.Length switch
        {
            <= 2 => -1,
            <= 5 => 1,
            <= 10 => 2,
            <= LongestWord => 3,
            _ => -1,
        };

    /// <summary>
    /// Insertions, deletions, changes and swaps of neighbours that turn one word into the other; any number above
    /// <paramref name="limit"/> when there are more.
    /// </summary>
    public static int Between(string left, string right, int limit)
    {
        if (Math.Abs(left.Length - right.Length) > limit || left.Length > LongestWord)
            return limit + 1;
        var width = right.Length + 1;
        Span<int> rows = stackalloc int[3 * (LongestWord + 8)];
        if (3 * width > rows.Length)
            return limit + 1;
        var beforeLast = rows.Slice(0, width);
        var last = rows.Slice(width, width);
        var row = rows.Slice(2 * width, width);
        for (var j = 0; j < width; j++)
            last[j] = j;
        for (var i = 1; i <= left.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j < width; j++)
            {
                var cost = left[i - 1] == right[j - 1] ? 0 : 1;
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + cost);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
            }
            var free = beforeLast;
            beforeLast = last;
            last = row;
            row = free;
        }
        return last[right.Length];
    }
}
