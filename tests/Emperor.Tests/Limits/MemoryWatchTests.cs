using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Tests.Linux;
using NUnit.Framework;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace Emperor.Tests.Limits;

/// <summary>With folders of plain files in the place of cgroups.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class MemoryWatchTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly EventLoop _loop = new();
    private readonly Lines _lines = new();
    private readonly Logger _logger;
    private readonly MemoryWatch _watch;

    public MemoryWatchTests()
    {
        _logger = new LoggerConfiguration().WriteTo.Sink(_lines).CreateLogger();
        _watch = new MemoryWatch(_loop, new EmperorLog(_logger));
    }

    public void Dispose()
    {
        _watch.Dispose();
        _logger.Dispose();
        _loop.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void What_the_kernel_kills_is_told_once_and_by_whose_it_is()
    {
        var (a, b) = (Group("a", LimitRules.None with { MemoryMax = 64 << 20 }), Group("b", LimitRules.None));
        _watch.Watch("a.ini", a);
        _watch.Watch("b.ini", b);
        Count(a, 1);
        Hear();
        Count(b, 2);
        Hear();
        Count(b, 2);
        Hear();
        Assert.That(
            _lines.Texts,
            Is.EqualTo(
                new[]
                {
                    "\"a.ini\": \"one of its processes was killed by the kernel: out of memory (memory-max 64M)\"",
                    "\"b.ini\": \"2 of its processes were killed by the kernel: out of memory\"",
                }
            )
        );
    }

    [Test]
    public void One_that_is_watched_no_more_is_not_told_of_and_a_group_without_a_count_is_not_watched()
    {
        var (a, none) = (Group("a", LimitRules.None), new VassalCGroup(_folder.PathOf("none"), LimitRules.None));
        _watch.Watch("none.ini", none);
        _watch.Watch("a.ini", a);
        _watch.Unwatch(none);
        _watch.Unwatch(a);
        Count(a, 1);
        Hear();
        Assert.That(_lines.Texts, Is.Empty);
    }

    [TestCase(0, 0, false)]
    [TestCase(1, 0, true)]
    [TestCase(1, 9_999, true)]
    [TestCase(1, 10_000, false)]
    public void An_end_comes_of_a_kill_when_it_follows_soon(int kills, long later, bool expected)
    {
        var group = Group("a", LimitRules.None);
        Count(group, kills);
        Assert.That(group.TakeKills(1_000), Is.EqualTo(kills));
        Assert.That(group.HasRunOutOfMemory(1_000 + later), Is.EqualTo(expected));
        Count(group, kills + 1);
        Assert.That(group.HasRunOutOfMemory(1_000_000), "one that nobody has been told of");
    }

    private VassalCGroup Group(string name, LimitRules limits)
    {
        var group = new VassalCGroup(_folder.PathOf(name), limits);
        Directory.CreateDirectory(group.Folder);
        Count(group, 0);
        return group;
    }

    private static void Count(VassalCGroup group, int kills) =>
        File.WriteAllText($"{group.Folder}/memory.events", $"low 0\nhigh 0\nmax 9\noom {kills}\noom_kill {kills}\noom_group_kill 0\n");

    private void Hear()
    {
        var ready = new List<Readiness>();
        _loop.Wait(ready, 60_000);
        Assert.That(ready.Select(r => Token.KindOf(r.Token)), Is.EqualTo(new[] { TokenKind.Memory }));
        _watch.Hear(Environment.TickCount64);
    }

    private sealed class Lines : ILogEventSink
    {
        private readonly List<string> _texts = [];

        public IReadOnlyList<string> Texts => _texts;

        public void Emit(LogEvent logEvent) => _texts.Add(logEvent.RenderMessage(CultureInfo.InvariantCulture));
    }
}
