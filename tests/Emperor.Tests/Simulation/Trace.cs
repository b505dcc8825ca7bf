using System.Globalization;
using System.Runtime.CompilerServices;

namespace Emperor.Tests.Simulation;

/// <summary>What happened in a history, in order; kept only when the history is told again to find out why it failed.</summary>
internal sealed class Trace(bool isOn)
{
    private readonly List<string> _lines = [];

    /// <summary>Whether lines are kept: making them costs more than the history itself.</summary>
    public bool IsOn { get; } = isOn;

    /// <summary>The moment that is put before each line.</summary>
    public long Now { get; set; }

    /// <summary>Keeps a line.</summary>
    public void Say([InterpolatedStringHandlerArgument("")] ref Line line)
    {
        if (IsOn)
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{Now, 9} {line.ToString()}"));
    }

    /// <summary>The last lines.</summary>
    public string Tail(int count) => string.Join('\n', _lines.TakeLast(count));

    /// <summary>A line that is not even put together when nobody keeps it.</summary>
    [InterpolatedStringHandler]
    public ref struct Line
    {
        private DefaultInterpolatedStringHandler _text;

        public Line(int literals, int holes, Trace trace, out bool isWanted)
        {
            isWanted = trace.IsOn;
            _text = isWanted ? new DefaultInterpolatedStringHandler(literals, holes, CultureInfo.InvariantCulture) : default;
        }

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public override string ToString() => _text.ToStringAndClear();
    }
}
