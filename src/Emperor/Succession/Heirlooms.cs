using Emperor.Core.Succession;
using Emperor.Linux;

namespace Emperor.Succession;

/// <summary>
/// Overview: the descriptors that pass from one emperor to the next, each by a name that no other of the empire ever has. Whoever opens one that matters
/// keeps it here, and drops it before it is closed; whoever restores what an emperor has left takes it by the name that stands in the
/// <see cref="Legacy"/>. What nobody has taken when all is restored is closed.
///
/// <para>For an upgrade nothing more is needed: the names and numbers are written down before the next program is executed. For the case that the emperor is
/// killed, the service manager is given each one too (<see cref="FdStore"/>). It tells all names in one variable, which the kernel bounds
/// (MAX_ARG_STRLEN, 128 KiB), so they are short. For any thread.</para>
/// </summary>
internal sealed class Heirlooms : IDisposable
{
    /// <summary>What the names begin with, so that they are told from those of .socket units.</summary>
    public const string Prefix = "~";

    private const string Digits = "0123456789abcdefghijklmnopqrstuvwxyz";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _kept = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SafeFd> _left = new(StringComparer.Ordinal);
    private long _last;

    /// <summary>Has none yet.</summary>
    public Heirlooms() { }

    /// <summary>Has what an emperor has left.</summary>
    /// <param name="left">The descriptors by their names. Of two of one name the first counts.</param>
    /// <param name="last">The number of the last name that can have been given: those that are lost have had one, too.</param>
    public Heirlooms(IEnumerable<(string Name, SafeFd Fd)> left, long last = 0)
    {
        _last = last;
        foreach (var (name, fd) in left)
        {
            if (!_left.TryAdd(name, fd))
            {
                fd.Dispose();
                continue;
            }
            _last = Math.Max(_last, NumberOf(name));
            _kept.Add(name, fd.Number);
        }
    }

    /// <summary>Where they are deposited for the case that the emperor is killed; null where that is not possible.</summary>
    public FdStore? Store { get; set; }

    /// <summary>All that are kept now.</summary>
    public IReadOnlyList<(string Name, int Fd)> All
    {
        get
        {
            lock (_lock)
                return [.. _kept.Select(k => (k.Key, k.Value))];
        }
    }

    /// <summary>The number of the last name that was given.</summary>
    public long LastName
    {
        get
        {
            lock (_lock)
                return _last;
        }
    }

    /// <summary>Keeps a descriptor.</summary>
    /// <param name="kind">What it is, in a word of lower-case letters, of which the first is in its name.</param>
    /// <param name="fd">The descriptor, which stays its owner's.</param>
    /// <param name="isStored">Whether it passes on after a crash too.</param>
    /// <param name="isVital">Whether all others are useless after a crash without it.</param>
    /// <returns>Its name.</returns>
    public string Keep(string kind, int fd, bool isStored = true, bool isVital = false)
    {
        lock (_lock)
        {
            var name = $"{Prefix}{kind[0]}{Text(++_last)}";
            _kept.Add(name, fd);
            if (isStored)
                Store?.Add(name, fd, isVital);
            return name;
        }
    }

    /// <summary>Keeps it no more; its owner is about to close it.</summary>
    /// <param name="name">Its name; null for one that was not kept.</param>
    public void Drop(string? name)
    {
        if (name is null)
            return;
        lock (_lock)
        {
            if (_kept.Remove(name))
                Store?.Remove(name);
        }
    }

    /// <summary>Takes a descriptor that an emperor has left, once; it stays kept under its name.</summary>
    /// <param name="name">Its name; null for none.</param>
    /// <returns>Null when there is none of that name (any more).</returns>
    public SafeFd? Take(string? name)
    {
        if (name is null)
            return null;
        lock (_lock)
            return _left.Remove(name, out var fd) ? fd : null;
    }

    /// <summary>Closes what nobody has taken.</summary>
    /// <param name="isSpared">What is left for later; null for nothing.</param>
    /// <returns>How many those were.</returns>
    public int CloseRest(Func<string, bool>? isSpared = null)
    {
        lock (_lock)
        {
            var rest = _left.Where(l => isSpared?.Invoke(l.Key) != true).ToArray();
            foreach (var (name, fd) in rest)
            {
                _left.Remove(name);
                _kept.Remove(name);
                Store?.Remove(name);
                fd.Dispose();
            }
            return rest.Length;
        }
    }

    /// <summary>At the end of the last emperor: none is kept any more.</summary>
    public void DropAll()
    {
        lock (_lock)
        {
            foreach (var name in _kept.Keys)
                Store?.Remove(name);
            _kept.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _ = CloseRest();

    private static string Text(long number)
    {
        var text = "";
        for (; number > 0; number /= Digits.Length)
            text = Digits[(int)(number % Digits.Length)] + text;
        return text;
    }

    private static long NumberOf(string name)
    {
        var number = 0L;
        foreach (var c in name.AsSpan(Math.Min(name.Length, Prefix.Length + 1)))
        {
            var digit = Digits.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0 || number > long.MaxValue / 64)
                return 0;
            number = (number * Digits.Length) + digit;
        }
        return number;
    }
}
