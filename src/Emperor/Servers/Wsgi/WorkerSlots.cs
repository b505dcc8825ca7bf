using System.Buffers.Binary;
using System.Text;
using Emperor.Core.Stats;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Succession;

namespace Emperor.Servers.Wsgi;

/// <summary>
/// The shared memory in which a vassal's workers tell what they do (WORKER.md, "The slots"). It is read like a file, so nothing that a worker does
/// to it can harm the emperor; nor can one take it away from the others, as its size is fixed.
/// </summary>
internal sealed class WorkerSlots : IDisposable
{
    private const int WorkerBytes = 256;
    private const int CoreBytes = 512;
    private const int RequestStart = 16;
    private const uint Magic = 0x57504D45;

    // From there on: the start of the request, requests, exceptions.
    private const int RequestWords = 3;

    private readonly bool[] _taken;
    private readonly byte[] _word = new byte[sizeof(ulong)];
    private readonly Heirlooms _heirlooms;

    /// <summary>Makes one.</summary>
    /// <param name="count">How many slots.</param>
    /// <param name="threads">The threads of each worker.</param>
    /// <param name="heirlooms">By which it passes on.</param>
    /// <exception cref="LinuxException">No descriptor, or no memory, is left.</exception>
    public WorkerSlots(int count, int threads, Heirlooms heirlooms)
    {
        (_taken, _heirlooms, Threads) = (new bool[count], heirlooms, threads);
        File = Files.CreateMemoryFile("emperor-slots", (long)Size * count);
        Heirloom = heirlooms.Keep("memory", File.Number);
    }

    /// <summary>Goes on with what an emperor has left. When the memory is lost, nothing is read from it, and no slot of it is given.</summary>
    public WorkerSlots(SlotsLegacy left, Heirlooms heirlooms)
    {
        (_taken, _heirlooms, Threads, Heirloom) = (new bool[left.Count], heirlooms, left.Threads, left.Descriptor);
        File = heirlooms.Take(left.Descriptor) ?? new SafeFd(-1);
    }

    /// <summary>The memory.</summary>
    public SafeFd File { get; }

    /// <summary>The name by which it passes on.</summary>
    public string Heirloom { get; }

    /// <summary>Whether the memory did not pass on to this emperor.</summary>
    public bool IsLost => File.IsInvalid;

    /// <summary>How many slots there are.</summary>
    public int Count => _taken.Length;

    /// <summary>The threads that each slot has room for.</summary>
    public int Threads { get; }

    /// <summary>Whether no worker has a slot of it, and no template that workers are forked from has its memory.</summary>
    public bool IsUnused => Templates == 0 && !_taken.Contains(true);

    /// <summary>How many templates have its memory.</summary>
    public int Templates { get; set; }

    private int Size => WorkerBytes + (CoreBytes * Threads);

    /// <summary>A slot that no living worker has; null when all are taken.</summary>
    public int? Take()
    {
        var free = Array.IndexOf(_taken, false);
        if (free < 0)
            return null;
        _taken[free] = true;
        // A worker that was killed in the middle of a request has left its start there.
        for (var core = 0; core < Threads; core++)
            _ = Files.WriteAt(File, new byte[sizeof(ulong)], Place(free, core));
        return free;
    }

    /// <summary>A worker has had a slot since before this emperor.</summary>
    public void Occupy(int slot) => _taken[slot] = true;

    /// <summary>Its worker has ended.</summary>
    public void Return(int slot) => _taken[slot] = false;

    /// <summary>When the request began that a worker has served for the longest time, monotonic nanoseconds; null when it serves none.</summary>
    public ulong? OldestRequest(int slot)
    {
        ulong? oldest = null;
        for (var core = 0; core < Threads; core++)
        {
            if (Files.ReadAt(File, _word, Place(slot, core), out var count).Number != 0 || count < _word.Length)
                continue;
            var start = BinaryPrimitives.ReadUInt64LittleEndian(_word);
            if (start != 0 && (oldest is null || start < oldest))
                oldest = start;
        }
        return oldest;
    }

    /// <summary>All that a worker tells; null when it has not told anything yet.</summary>
    /// <param name="slot">Its slot.</param>
    /// <param name="hasCores">Whether its threads are wanted one by one.</param>
    public WorkerFigures? Read(int slot, bool hasCores)
    {
        var bytes = new byte[Size];
        if (
            Files.ReadAt(File, bytes, (long)slot * Size, out var count).Number != 0
            || count < bytes.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic
        )
            return null;
        var cores = new CoreFigures[Threads];
        for (var i = 0; i < Threads; i++)
            cores[i] = ReadCore(bytes.AsSpan(WorkerBytes + (i * CoreBytes), CoreBytes), hasCores);
        return new WorkerFigures
        {
            State = (int)Word(bytes, 16),
            Started = (long)Word(bytes, 32),
            Rss = (long)Word(bytes, 48),
            Vsz = (long)Word(bytes, 56),
            Cores = cores,
            ShowsCores = hasCores,
        };
    }

    /// <summary>What has been done in all slots, by the workers that have them and those before.</summary>
    /// <returns>Requests, exceptions, and how many workers serve a request now.</returns>
    public (long Requests, long Exceptions, int Busy) Total()
    {
        var (requests, exceptions, busy) = (0L, 0L, 0);
        var words = new byte[RequestWords * sizeof(ulong)];
        for (var slot = 0; slot < Count; slot++)
        {
            var isBusy = false;
            for (var core = 0; core < Threads; core++)
            {
                if (Files.ReadAt(File, words, Place(slot, core), out var count).Number != 0 || count < words.Length)
                    continue;
                isBusy |= BinaryPrimitives.ReadUInt64LittleEndian(words) != 0;
                requests += BinaryPrimitives.ReadInt64LittleEndian(words.AsSpan(sizeof(ulong)));
                exceptions += BinaryPrimitives.ReadInt64LittleEndian(words.AsSpan(2 * sizeof(ulong)));
            }
            busy += isBusy && _taken[slot] ? 1 : 0;
        }
        return (requests, exceptions, busy);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _heirlooms.Drop(Heirloom);
        File.Dispose();
    }

    private static CoreFigures ReadCore(ReadOnlySpan<byte> core, bool hasInfo)
    {
        var apps = new (long, long)[CoreFigures.MostApps];
        for (var i = 0; i < apps.Length; i++)
            apps[i] = ((long)Word(core, 384 + (8 * i)), (long)Word(core, 448 + (8 * i)));
        return new CoreFigures
        {
            RequestStart = Word(core, RequestStart),
            Requests = (long)Word(core, 24),
            Exceptions = (long)Word(core, 32),
            StaticRequests = (long)Word(core, 40),
            Sent = (long)Word(core, 56),
            RunningTime = (long)Word(core, 64),
            Average = (long)Word(core, 72),
            ReadErrors = (long)Word(core, 80),
            WriteErrors = (long)Word(core, 88),
            RequestsBefore = (long)Word(core, 112),
            Apps = apps,
            Info = hasInfo ? Encoding.Latin1.GetString(core.Slice(128, 256)).TrimEnd('\0') : "",
        };
    }

    private static ulong Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private long Place(int slot, int core) => ((long)slot * Size) + WorkerBytes + ((long)core * CoreBytes) + RequestStart;
}
