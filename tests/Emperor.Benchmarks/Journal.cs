using System.Buffers.Text;
using System.Text;

namespace Emperor.Benchmarks;

/// <summary>A line of the vassals' common journal; see Emperor.TestVassal/README.md.</summary>
internal readonly record struct JournalLine(long At, int Pid, string Event, string Detail);

/// <summary>
/// Reads the journal as it grows. Times are in the lines themselves, so that how often it is read changes no figure, and it may be read
/// seldom enough to leave the processors to what is measured.
/// </summary>
internal sealed class Journal : IDisposable
{
    private const int LongestLine = 8192;
    private readonly FileStream file;
    private readonly byte[] buffer = new byte[128 * 1024];
    private readonly List<JournalLine> lines = [];
    private readonly Dictionary<string, int> pids = [];
    private int filled;

    public Journal(string path)
    {
        Path = path;
        file = new FileStream(path, FileMode.Create, FileAccess.Read | FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
    }

    public string Path { get; }

    /// <summary>A place to wait from: everything written until now lies before it.</summary>
    public int Mark
    {
        get
        {
            Read();
            return lines.Count;
        }
    }

    /// <summary>How many vassals, by name, have started at least once.</summary>
    public int Started => pids.Count;

    public IEnumerable<JournalLine> Starts => lines.Where(line => line.Event == "start");

    /// <summary>Vassals that ended because they were told to.</summary>
    public IEnumerable<JournalLine> Stops
    {
        get
        {
            Read();
            return lines.Where(line => line.Event == "stop");
        }
    }

    /// <summary>The pid of the vassal's latest process.</summary>
    public int PidOf(string vassal) =>
        pids.TryGetValue(vassal, out var pid) ? pid : throw new BenchmarkException($"vassal {vassal} has never started");

    /// <summary>The first line after <paramref name="mark"/> that matches, or null when there is none yet.</summary>
    public JournalLine? Find(int mark, Func<JournalLine, bool> matches)
    {
        Read();
        for (var i = mark; i < lines.Count; i++)
            if (matches(lines[i]))
                return lines[i];
        return null;
    }

    public void Read()
    {
        for (int got; (got = file.Read(buffer, filled, buffer.Length - filled)) > 0; )
        {
            filled += got;
            Take();
        }
    }

    public void Dispose() => file.Dispose();

    private void Take()
    {
        var rest = buffer.AsSpan(0, filled);
        for (int end; (end = rest.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..])
            Add(rest[..end]);
        if (rest.Length > LongestLine)
            throw new BenchmarkException($"the journal {Path} has a line of more than {LongestLine} bytes");
        rest.CopyTo(buffer);
        filled = rest.Length;
    }

    private void Add(ReadOnlySpan<byte> text)
    {
        if (!Utf8Parser.TryParse(text, out long at, out var used) || used + 1 >= text.Length)
            throw new BenchmarkException($"the journal {Path} has a strange line: {Encoding.UTF8.GetString(text)}");
        text = text[(used + 1)..];
        if (!Utf8Parser.TryParse(text, out int pid, out used) || used + 1 >= text.Length)
            throw new BenchmarkException($"the journal {Path} has a line without a pid");
        var words = Encoding.UTF8.GetString(text[(used + 1)..]).Split(' ', 2);
        var line = new JournalLine(at, pid, string.Intern(words[0]), words.Length > 1 ? words[1] : "");
        if (line.Event == "start")
        {
            line = line with { Detail = System.IO.Path.GetFileName(line.Detail) };
            pids[line.Detail] = pid;
        }
        lines.Add(line);
    }
}
