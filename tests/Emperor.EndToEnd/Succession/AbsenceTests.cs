using System.Globalization;
using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Systemd;

namespace Emperor.EndToEnd.Succession;

/// <summary>What happens while an emperor has been killed and the next one is not there yet: the next one acts on all of it.</summary>
internal sealed class AbsenceTests : SuccessionTest
{
    private const string OnDemand = "/run/uwsgi/on-demand";

    [SetUp]
    public void MakeStartsWait() => Edit(AtOnce, WaitForInterregnum);

    [Test]
    public void Files_that_came_changed_and_went_are_acted_on()
    {
        foreach (var name in (string[])["same.ini", "changed.ini", "gone.ini", "asked.ini"])
            Vassal(name, Witness, name == "asked.ini" ? "reload-delay 3000" : "ignore-reload", "accept", "fork 1", "daemon 1");
        Start();
        AwaitMessages("EVENT=accepting", 4);
        Wait.Until(() => Subjects.Length == 12, Machine.Journal, Long);
        var before = Subjects;

        // One has been told to reload, and is at it.
        Machine.Run($"touch {Vassals}/asked.ini");
        Wait.Until(() => Witnessed("byte 1") == 1, Machine.Journal, Long);
        var former = BeginInterregnum();
        Machine.Run($"touch {Vassals}/changed.ini; rm {Vassals}/gone.ini");
        Vassal("new.ini", Witness, "accept");
        Wait.Until(() => Witnessed("reload") == 1, Machine.Journal, Long);
        Assert.That(Subjects, Is.EquivalentTo(before), "all live on");
        EndInterregnum(former);

        AwaitMessages("EVENT=accepting VASSAL=new.ini", 1);
        AwaitMessages("EVENT=accepting VASSAL=asked.ini", 2);
        Wait.Until(() => Witnessed("byte 1") == 2, Machine.Journal, Long);
        AwaitMessages("EVENT=stopped VASSAL=gone.ini", 1);
        // With it its worker and its daemon, which are nobody's children but process 1's.
        Wait.Until(() => Subjects.Length == 10, Machine.Journal, Long);
        Assert.That(Subjects.Except(before).ToArray(), Has.Length.EqualTo(1));
        Assert.That(Witnessed("start"), Is.EqualTo(5));
    }

    [Test]
    public void Who_died_is_started_again_and_how_it_died_is_known()
    {
        Vassal("killed.ini", Witness, "accept", "fork 1", "daemon 1");
        Vassal("left.ini", Witness, "accept");
        Machine.Write(
            $"{Vassals}/app.ini",
            "[emperor]\nexec = sh -c 'sleep 1001 & printf \"\\005\" >&$UWSGI_EMPEROR_FD; exec sleep 1002'\nready = protocol\nprocesses = 2\n"
        );
        Start();
        AwaitMessages("EVENT=accepting", 4);
        Wait.Until(() => Subjects.Length == 8, Machine.Journal, Long);
        var before = Subjects;
        var (killed, left, app) = (PidOf("killed.ini"), PidOf("left.ini"), PidOf("app.ini"));

        var former = BeginInterregnum();
        Machine.Run($"kill -9 {killed} {app}; kill {left}");
        Wait.Until(() => Machine.Try($"ls -d /proc/{killed} /proc/{left} /proc/{app}").Output.Length == 0, Machine.Journal, Long);
        EndInterregnum(former);

        AwaitMessages($"VASSAL=killed.ini --grep 'pid {killed} has ended .signal 9'", 1);
        AwaitMessages($"VASSAL=app.ini --grep 'pid {app} has ended .signal 9'", 1);
        AwaitMessages($"VASSAL=left.ini --grep 'pid {left} has ended .exit 0'", 1);
        AwaitMessages("VASSAL=killed.ini EVENT=accepting", 2);
        AwaitMessages("VASSAL=left.ini EVENT=accepting", 2);
        // Nothing of those is left, and all is there once. What has stayed is the other copy of the program, and what came of it.
        string[] now = [];
        Wait.Until(
            () => (now = Subjects).Length == 8 && now.Intersect(before).Count() == 2,
            () => $"{string.Join(' ', now)} instead of {string.Join(' ', before)}\n{Machine.Run("ps -ef")}{Machine.Journal()}",
            Long
        );
    }

    [Test]
    public void A_connection_to_a_vassal_on_demand_waits_for_the_next_emperor_and_is_served()
    {
        Machine.Run($"mkdir -p {OnDemand}");
        Configure($"emperor-on-demand-directory = {OnDemand}");
        Vassal("shop.ini", Witness, "serve");
        Start();
        var first = Machine.Run($"python3 -c '{Ask}'");

        var former = BeginInterregnum();
        // The vassal lives on behind its socket.
        Assert.That(Machine.Run($"python3 -c '{Ask}'"), Is.EqualTo(first));
        // Now there is nobody who takes it.
        Machine.Run($"kill -9 {first}");
        var waiting = Machine.Start($"python3 -c '{Ask}'");
        Wait.Until(() => Machine.Try("pgrep -f AF_UNIX").Code == 0, Machine.Journal, Long);
        EndInterregnum(former);
        Assert.That(waiting.Await(Long).Output.Trim(), Is.Not.Empty.And.Not.EqualTo(first));
    }

    [Test]
    public void Vassals_print_and_beat_on_and_no_line_is_lost()
    {
        const string lines = "VASSAL=talks.ini --grep '^flood '";
        Configure("emperor-required-heartbeat = 4");
        Vassal("talks.ini", "flood 200", "accept");
        Vassal("beats.ini", Witness, "accept", "heartbeat 100");
        Start();
        AwaitMessages("EVENT=accepting", 2);
        Wait.Until(() => Count(lines) > 100, Machine.Journal, Long);
        var before = Subjects;

        // What the emperor has read and not passed on yet dies with it, so nothing shall be on its way then.
        var printer = Machine.Run($"pgrep -P {PidOf("talks.ini")}");
        Machine.Run($"kill -STOP {printer}");
        var count = -1;
        Wait.Until(() => Machine.Try("sleep 1").Code == 0 && count == (count = Count(lines)), Machine.Journal, Long);
        var former = BeginInterregnum();
        Machine.Run($"kill -CONT {printer}");
        // Longer than a heart may be silent.
        Machine.Run("sleep 5");
        EndInterregnum(former);
        count = Count(lines);
        Wait.Until(() => Count(lines) > count + 100, Machine.Journal, Long);
        var numbers = Messages(lines).Select(line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).ToArray();
        Assert.That(numbers, Is.EqualTo(Enumerable.Range(0, numbers.Length)), "no line is missing, none is there twice");
        Assert.That(numbers, Has.Length.GreaterThan(600), "it went on printing");
        Assert.That(Subjects, Is.EquivalentTo(before), Machine.Journal());
    }

    private const string Ask =
        $"import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"{OnDemand}/shop.socket\"); print(s.recv(100).decode().strip())";
}
