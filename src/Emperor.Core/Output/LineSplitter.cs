using System.Diagnostics.CodeAnalysis;

namespace Emperor.Core.Output;

/// <summary>Why a line, or a piece of one, ends where it ends.</summary>
public enum LineEnd
{
    /// <summary>By a newline, which is not part of the text.</summary>
    Newline,

    /// <summary>It is longer than <see cref="LineSplitter.Longest"/>; the next piece goes on with it.</summary>
    Split,

    /// <summary>Nothing more came for a while; what comes later goes on with it.</summary>
    Pause,

    /// <summary>Its writer has ended.</summary>
    End,
}

/// <summary>Whoever wants the lines.</summary>
public interface ILineTaker
{
    /// <summary>Takes a line or a piece of one.</summary>
    /// <param name="text">Its bytes, valid during the call only, without the newline.</param>
    /// <param name="end">Why it ends there.</param>
    /// <param name="continues">Whether it goes on with the piece before it.</param>
    void Take(ReadOnlySpan<byte> text, LineEnd end, bool continues);
}

/// <summary>
/// Makes lines of a stream of bytes, however the stream is cut. A line of more than <see cref="Longest"/> bytes is told in pieces, none
/// of which ends within a character of UTF-8. Nothing is lost and nothing is added: the texts, with a newline after each that ended by one,
/// are the stream.
/// </summary>
public sealed class LineSplitter
{
    /// <summary>The longest piece, in bytes.</summary>
    public const int Longest = 8192;

    // What a writer of unfinished lines may keep for good; more is given back when it is not needed.
    private const int Kept = 512;

    private byte[] _partial = [];
    private int _length;
    private bool _continues;

    /// <summary>Whether the beginning of a line waits for its end.</summary>
    public bool HasPartial => _length > 0;

    /// <summary>The beginning of a line that waits for its end; valid until the next call.</summary>
    public ReadOnlySpan<byte> Partial => _partial.AsSpan(0, _length);

    /// <summary>Whether what comes next goes on with a piece that was told already.</summary>
    public bool Continues => _continues;

    /// <summary>Goes on where another one has stopped; for one that was not fed yet.</summary>
    /// <param name="partial">What waited there for its end.</param>
    /// <param name="continues">Whether that goes on with a piece that was told there.</param>
    public void GoOn(ReadOnlySpan<byte> partial, bool continues)
    {
        Keep(partial[..Math.Min(partial.Length, Longest)]);
        _continues = continues;
    }

    /// <summary>Takes the next bytes of the stream and tells the lines that are whole by now.</summary>
    [SuppressMessage("Design", "CA1062:Validate arguments of public methods", Justification = "called for every chunk that is read")]
    public void Feed(ReadOnlySpan<byte> data, ILineTaker taker)
    {
        while (!data.IsEmpty)
        {
            var newline = data.IndexOf((byte)'\n');
            var rest = newline < 0 ? data : data[..newline];
            rest = TellPieces(rest, taker);
            if (newline < 0)
            {
                Keep(rest);
                return;
            }
            if (_length == 0)
            {
                Tell(rest, LineEnd.Newline, taker);
            }
            else
            {
                Keep(rest);
                Flush(LineEnd.Newline, taker);
            }
            data = data[(newline + 1)..];
        }
    }

    /// <summary>Tells what waits for its end, if something does.</summary>
    public void Flush(LineEnd end, ILineTaker taker)
    {
        if (_length == 0)
            return;
        var length = _length;
        _length = 0;
        Tell(_partial.AsSpan(0, length), end, taker);
        if (_partial.Length > Kept)
            _partial = [];
    }

    private ReadOnlySpan<byte> TellPieces(ReadOnlySpan<byte> rest, ILineTaker taker)
    {
        while (_length + rest.Length > Longest)
        {
            if (_length == 0)
            {
                var whole = WholeCharacters(rest[..Longest]);
                Tell(rest[..whole], LineEnd.Split, taker);
                rest = rest[whole..];
                continue;
            }
            var taken = Longest - _length;
            Keep(rest[..taken]);
            rest = rest[taken..];
            var piece = WholeCharacters(_partial.AsSpan(0, Longest));
            Tell(_partial.AsSpan(0, piece), LineEnd.Split, taker);
            _partial.AsSpan(piece, Longest - piece).CopyTo(_partial);
            _length = Longest - piece;
        }
        return rest;
    }

    private void Keep(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
            return;
        var needed = _length + text.Length;
        if (needed > _partial.Length)
            Array.Resize(ref _partial, Math.Min(Longest, Math.Max(needed, Math.Max(128, 2 * _partial.Length))));
        text.CopyTo(_partial.AsSpan(_length));
        _length = needed;
    }

    private void Tell(ReadOnlySpan<byte> text, LineEnd end, ILineTaker taker)
    {
        taker.Take(text, end, _continues);
        _continues = end is LineEnd.Split or LineEnd.Pause;
    }

    // How much of it ends with a whole character; all of it when its end is no UTF-8 anyway.
    private static int WholeCharacters(ReadOnlySpan<byte> text)
    {
        for (var back = 1; back <= 3; back++)
        {
            var b = text[^back];
            if (b < 0x80)
                break;
            if (b < 0xC0)
                continue;
            var needed =
                b >= 0xF0 ? 4
                : b >= 0xE0 ? 3
                : 2;
            return needed > back ? text.Length - back : text.Length;
        }
        return text.Length;
    }
}
