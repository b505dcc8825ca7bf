using System.Globalization;

namespace Emperor.EndToEnd.Support;

/// <summary>An event that a scripted vassal has written down; see Emperor.TestVassal/README.md.</summary>
/// <param name="At">Monotonic nanoseconds.</param>
/// <param name="Pid">Whose.</param>
/// <param name="Vassal">The name of the file it was started with; empty when that was not seen.</param>
/// <param name="Event">The event's word.</param>
/// <param name="Detail">What follows it; a start's is the file's name.</param>
internal sealed record JournalLine(long At, int Pid, string Vassal, string Event, string Detail);

/// <summary>Reads the journal that all vassals of a test write together.</summary>
internal sealed class Journal(string path, Func<string> log)
{
    private readonly List<JournalLine> _lines = [];
    private readonly Dictionary<int, string> _names = [];
    private readonly Lock _lock = new();
    private long _read;

    /// <summary>Where it is.</summary>
    public string Path => path;

    /// <summary>All that has been written until now.</summary>
    public IReadOnlyList<JournalLine> Lines
    {
        get
        {
            lock (_lock)
            {
                ReadOn();
                return [.. _lines];
            }
        }
    }

    /// <summary>A place to wait from: all that was written until now lies before it.</summary>
    public int Mark => Lines.Count;

    /// <summary>What was written about one vassal.</summary>
    public IEnumerable<JournalLine> Of(string vassal, string @event) => Lines.Where(l => l.Vassal == vassal && l.Event == @event);

    /// <summary>How often a vassal was started.</summary>
    public int Starts(string vassal) => Of(vassal, "start").Count();

    /// <summary>Waits for an event of a vassal after a mark.</summary>
    public JournalLine Await(string vassal, string @event, string? detail = null, int from = 0, TimeSpan? limit = null) =>
        Wait.For(
            () => Lines.Skip(from).FirstOrDefault(l => l.Vassal == vassal && l.Event == @event && (detail is null || l.Detail == detail)),
            () => $"vassal {vassal} has not written \"{@event} {detail}\" after line {from} of its journal\n{Text()}\n{log()}",
            limit
        );

    /// <summary>Waits for a vassal's start.</summary>
    public JournalLine AwaitStart(string vassal, int from = 0) => Await(vassal, "start", from: from);

    /// <summary>Waits for the order to reload.</summary>
    public JournalLine AwaitReload(string vassal, int from = 0) => Await(vassal, "byte", "1", from);

    /// <summary>Waits until a vassal has ended as it was told.</summary>
    public JournalLine AwaitStop(string vassal, int from = 0) => Await(vassal, "stop", from: from);

    /// <summary>The whole of it, for messages.</summary>
    public string Text() =>
        "--- journal\n" + string.Join('\n', Lines.TakeLast(200).Select(l => $"{l.At} {l.Pid} [{l.Vassal}] {l.Event} {l.Detail}"));

    private void ReadOn()
    {
        if (!File.Exists(path))
            return;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = _read;
        using var reader = new StreamReader(file);
        var text = reader.ReadToEnd();
        var end = text.LastIndexOf('\n');
        if (end < 0)
            return;
        _read += System.Text.Encoding.UTF8.GetByteCount(text.AsSpan(0, end + 1));
        foreach (var line in text[..end].Split('\n'))
            Add(line);
    }

    private void Add(string text)
    {
        var words = text.Split(' ', 4);
        // A name that holds a line's end makes lines of its own; they are no events.
        if (words.Length < 3 || !long.TryParse(words[0], out var at) || !int.TryParse(words[1], CultureInfo.InvariantCulture, out var pid))
            return;
        var detail = words.Length > 3 ? words[3] : "";
        if (words[2] is "start" or "restart")
            _names[pid] = detail;
        // A child's line stands under its own number and names its vassal's.
        if (words[2] is "child" or "daemon" && int.TryParse(detail, CultureInfo.InvariantCulture, out var parent))
            _names.TryAdd(pid, _names.GetValueOrDefault(parent, ""));
        _lines.Add(new JournalLine(at, pid, _names.GetValueOrDefault(pid, ""), words[2], detail));
    }
}
