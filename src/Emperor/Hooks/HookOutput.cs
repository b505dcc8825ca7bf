using System.Text;
using Emperor.Core;

namespace Emperor.Hooks;

/// <summary>What a hook prints, line by line. A hook that prints much is heard no more.</summary>
internal sealed class HookOutput
{
    private const int MostLines = 100;
    private const int LongestLine = 1024;

    private readonly List<byte> _line = [];
    private int _lines;

    /// <summary>Takes in what it has printed, and gives the lines that are whole.</summary>
    public IEnumerable<string> Take(byte[] bytes, int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (bytes[i] != '\n' && _line.Count < LongestLine)
            {
                _line.Add(bytes[i]);
                continue;
            }
            if (End() is { } line)
                yield return line;
            if (bytes[i] != '\n')
                _line.Add(bytes[i]);
        }
    }

    /// <summary>What it has begun and not ended; null when there is nothing.</summary>
    public string? End()
    {
        if (_line.Count == 0)
            return null;
        var text = Encoding.UTF8.GetString([.. _line]).TrimEnd('\r');
        _line.Clear();
        return ++_lines switch
        {
            < MostLines => PlainText.OneLine(text),
            MostLines => $"(it prints more than {MostLines} lines; the others are left out)",
            _ => null,
        };
    }
}
