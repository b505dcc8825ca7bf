using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class InotifyTests : IDisposable
{
    private readonly List<InotifyEvent> _events = [];
    private readonly TemporaryFolder _folder = new();
    private readonly Inotify _inotify = Inotify.Create(out var error) ?? throw new LinuxException("inotify_init1", error);

    public void Dispose()
    {
        _inotify.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void Whatever_happens_to_a_name_is_told_by_its_name()
    {
        var watch = _inotify.Watch(_folder.Path, InotifyWatch.Entries, out _);
        Assert.That(watch, Is.GreaterThanOrEqualTo(0));
        foreach (var deed in new Action[] { Create, Append, Touch, Move, Delete })
        {
            deed();
            _inotify.Read(_events);
            Assert.That(
                _events.Where(e => e is { Gone: false, Overflow: false } && e.Watch == watch).Select(e => e.Name),
                Does.Contain("Käse.ini"),
                deed.Method.Name
            );
        }

        void Create() => _folder.Write("Käse.ini", "x");
        void Append() => File.AppendAllText(_folder.PathOf("Käse.ini"), "y");
        void Touch() => File.SetLastWriteTimeUtc(_folder.PathOf("Käse.ini"), DateTime.UnixEpoch);
        void Move() => File.Move(_folder.PathOf("Käse.ini"), _folder.PathOf("other"));
        void Delete()
        {
            File.Move(_folder.PathOf("other"), _folder.PathOf("Käse.ini"));
            File.Delete(_folder.PathOf("Käse.ini"));
        }
    }

    [Test]
    public void Nothing_to_read_is_no_event()
    {
        _inotify.Read(_events);
        Assert.That(_events, Is.Empty);
    }

    [Test]
    public void A_watch_for_the_folder_alone_is_not_told_of_its_entries()
    {
        var inner = Directory.CreateDirectory(_folder.PathOf("inner")).FullName;
        var watch = _inotify.Watch(inner, InotifyWatch.Itself, out _);
        File.WriteAllText(Path.Combine(inner, "f"), "x");
        _inotify.Read(_events);
        Assert.That(_events, Is.Empty);
        Directory.Delete(inner, recursive: true);
        _inotify.Read(_events);
        Assert.That(_events.Where(e => e.Gone).Select(e => e.Watch), Is.EqualTo(new[] { watch }));
    }

    [Test]
    public void A_second_watch_of_a_folder_is_the_same_and_takes_nothing_away()
    {
        var watch = _inotify.Watch(_folder.Path, InotifyWatch.Entries, out _);
        Assert.That(_inotify.Watch(_folder.Path, InotifyWatch.Itself, out _), Is.EqualTo(watch));
        _folder.Write("f", "x");
        _inotify.Read(_events);
        Assert.That(_events, Is.Not.Empty);
    }

    [Test]
    public void What_is_no_folder_cannot_be_watched()
    {
        Assert.That(_inotify.Watch(_folder.Write("f", ""), InotifyWatch.Entries, out var error), Is.EqualTo(-1));
        Assert.That(error, Is.EqualTo(Errno.NotDirectory));
        Assert.That(_inotify.Watch(_folder.PathOf("nothing"), InotifyWatch.Entries, out error), Is.EqualTo(-1));
        Assert.That(error, Is.EqualTo(Errno.NoEntry));
    }

    [Test]
    public void After_its_end_a_watch_is_silent_and_may_be_ended_again()
    {
        var watch = _inotify.Watch(_folder.Path, InotifyWatch.Entries, out _);
        _inotify.Unwatch(watch);
        _inotify.Unwatch(watch);
        _folder.Write("f", "x");
        _inotify.Read(_events);
        Assert.That(_events, Is.EqualTo(new[] { new InotifyEvent(watch, "", Gone: true, Overflow: false) }));
    }

    [Test]
    public void More_events_than_fit_into_one_read_come_with_the_next()
    {
        _ = _inotify.Watch(_folder.Path, InotifyWatch.Entries, out _);
        var names = Enumerable.Range(0, 1_000).Select(i => $"{i}-{new string('x', 100)}").ToArray();
        foreach (var name in names)
            _folder.Write(name, "");
        HashSet<string> told = [];
        var reads = 0;
        do
        {
            _inotify.Read(_events);
            told.UnionWith(_events.Select(e => e.Name));
            reads++;
        } while (_events.Count > 0);
        Assert.That(told, Is.EquivalentTo(names));
        Assert.That(reads, Is.GreaterThan(2));
    }
}
