using System.Globalization;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>What vassals print while one emperor takes over from another: each line once, in order.</summary>
internal sealed class UpgradeOutputTests : UpgradeTest
{
    private const int Upgrades = 10;
    private const string Word = "flood ";

    [Test]
    public void No_line_is_lost_or_doubled_in_the_emperors_own_log()
    {
        Write("a.ini", "flood 2000", "accept");
        var daemon = StartWith("a.ini");
        for (var i = 0; i < Upgrades; i++)
            Upgrade(daemon);
        Assert.That(daemon.Stop(), Is.Zero);
        AssertWhole(daemon.Lines.Where(l => l.StartsWith("[a.ini] ", StringComparison.Ordinal)).Select(l => l[8..]));
    }

    [Test]
    public void Nor_in_its_log_file_nor_in_those_of_a_folder()
    {
        var (log, folder) = (Temp["emperor.log"], Temp.Folder("logs"));
        Write("a.ini", "flood 500", "accept");
        var daemon = Launch("--emperor", Vassals, "--logto", log, "--vassal-log-dir", folder);
        void Await(string text, int count) =>
            Wait.Until(() => File.Exists(log) && Times(log, text) >= count, () => $"no {count} times \"{text}\"\n{File.ReadAllText(log)}");
        Await("accepts requests", 1);
        for (var i = 1; i <= Upgrades; i++)
        {
            daemon.Signal(Native.User2);
            Await(": 1 vassal is carried over", i);
        }
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(Times(log, "the emperor is buried"), Is.EqualTo(1));
        var lines = File.ReadAllLines(Directory.GetFiles(folder).Single());
        AssertWhole(lines.Where(l => l.Contains(Word)).Select(l => l[l.IndexOf(Word, StringComparison.Ordinal)..]));
    }

    [Test]
    public void The_beginning_of_a_line_is_gone_on_with()
    {
        Write("a.ini", "write one", "accept", @"on-reload write  two\nthree\n", "on-reload accept");
        var daemon = StartWith("a.ini");
        Upgrade(daemon);
        Touch("a.ini");
        daemon.Await(@"^\[a\.ini\] three$");
        var said = string.Concat(daemon.Lines.Where(l => l.StartsWith("[a.ini] ", StringComparison.Ordinal)).Select(l => l[8..] + "|"));
        Assert.That(said, Is.EqualTo("one two|three|").Or.EqualTo("one|… two|three|"), Logs());
    }

    [Test]
    public void Who_prints_to_the_emperor_is_listened_to_though_the_next_ones_shall_not_be()
    {
        Write("a.ini", "accept", @"on-reload write again\n", "on-reload accept");
        var ini = Temp.Write("emperor.ini", $"[uwsgi]\nemperor = {Vassals}\n");
        var daemon = Launch("--ini", ini).AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        File.AppendAllText(ini, "vassal-output = inherit\n");
        Upgrade(daemon);
        Touch("a.ini");
        daemon.Await(@"^\[a\.ini\] again$");
        Write("b.ini", @"write its own words\n", "accept");
        daemon.Await("^its own words$");
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    private static int Times(string log, string text) => File.ReadLines(log).Count(line => line.Contains(text, StringComparison.Ordinal));

    private void AssertWhole(IEnumerable<string> lines)
    {
        var numbers = lines
            .Where(l => l.StartsWith(Word, StringComparison.Ordinal))
            .Select(l => long.Parse(l[Word.Length..].Split(' ', '.')[0], CultureInfo.InvariantCulture))
            .ToArray();
        Assert.That(numbers, Has.Length.GreaterThan(500), Logs());
        for (var i = 0; i < numbers.Length; i++)
        {
            if (numbers[i] != i)
                Assert.Fail($"line {i} has the number {numbers[i]}\n{Logs()}");
        }
    }
}
