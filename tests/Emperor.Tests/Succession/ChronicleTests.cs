using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Succession;
using NUnit.Framework;
using Serilog;

namespace Emperor.Tests.Succession;

/// <summary>What an emperor writes down for the case that it is killed, when there is no room for it.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ChronicleTests : IDisposable
{
    private const long Begin = 1_000;
    private const long Pause = 10_000;

    private readonly Heirlooms _heirlooms = new();
    private readonly Serilog.Core.Logger _logger = new LoggerConfiguration().CreateLogger();
    private readonly Queue<Func<MemoryLog>> _files = new();
    private readonly Chronicle _chronicle;

    public ChronicleTests() =>
        _chronicle = new Chronicle(
            _heirlooms,
            () => new EmpireLegacy { Started = 7 },
            () => ["blog.ini", "shop.ini"],
            name => new VassalLegacy { Name = name },
            new EmperorLog(_logger),
            () => _files.Dequeue()()
        );

    public void Dispose()
    {
        _chronicle.Dispose();
        _heirlooms.Dispose();
        _logger.Dispose();
    }

    [Test]
    public void What_could_not_be_begun_is_begun_later()
    {
        _files.Enqueue(() => throw new LinuxException("memfd_create", Errno.TooManyFiles));
        _files.Enqueue(() => MemoryLog.Create("test"));
        _chronicle.Turn(Begin);
        Assert.That((_chronicle.IsWhole, _chronicle.NextDue, Written), Is.EqualTo((false, Begin + Pause, "")));
        _chronicle.Note("blog.ini");
        _chronicle.Turn(Begin + Pause - 1);
        Assert.That(Written, Is.Empty, "it is not tried at every turn");
        _chronicle.Turn(Begin + Pause);
        Assert.That((_chronicle.IsWhole, _chronicle.NextDue, Written), Is.EqualTo((true, (long?)null, "blog.ini shop.ini")));
    }

    [Test]
    public void An_old_word_is_taken_back_and_a_whole_new_one_follows()
    {
        // Room for the first entry and nothing more.
        _files.Enqueue(() => MemoryLog.Create("test", 4096));
        _files.Enqueue(() => MemoryLog.Create("test"));
        _chronicle.Turn(Begin);
        Assert.That(Written, Is.EqualTo("blog.ini shop.ini"));
        var now = Begin;
        while (_chronicle.IsWhole)
        {
            _chronicle.Note("blog.ini");
            _chronicle.Turn(++now);
        }
        Assert.That(Written, Is.Empty);
        _chronicle.Turn(now + Pause);
        Assert.That(Written, Is.EqualTo("blog.ini shop.ini"));
    }

    // The vassals that the next emperor would know.
    private string Written
    {
        get
        {
            if (_heirlooms.All is not [var (_, fd)])
                return "";
            using var file = MemoryLog.Open(new SafeFd(Files.DuplicateAbove(fd, 100)));
            return string.Join(' ', LegacyJournal.Read(file.ReadAll()).Vassals.Select(v => v.Name).Order(StringComparer.Ordinal));
        }
    }
}
