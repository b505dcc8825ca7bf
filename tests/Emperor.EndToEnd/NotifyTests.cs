using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>What a service manager is told over a real socket (sd_notify(3)).</summary>
internal sealed class NotifyTests : EmperorTest
{
    // The emperor's pause between two messages is 250 ms.
    private const int MostPerSecond = 4;

    private NotifySocket? _socket;

    private NotifySocket Manager => _socket ??= NotifySocket.Bind(Temp["notify"]);

    [TearDown]
    public void CloseSocket() => _socket?.Dispose();

    [TestCase(false)]
    [TestCase(true)]
    public void Ready_is_told_when_the_vassals_answer_at_a_path_and_at_an_abstract_name(bool isAbstract)
    {
        _socket = NotifySocket.Bind(isAbstract ? $"@emperor-test-{Guid.NewGuid():N}" : Temp["notify"]);
        Write("a.ini", "sleep 4000", "accept");
        Write("b.ini", "accept");
        var daemon = Govern();
        var waiting = Manager.AwaitStatus("Starting 2 vassals; 1 to come: a.ini");
        var ready = Manager.Await("READY", "1");
        Assert.That(ready["STATUS"], Is.EqualTo("The Emperor is governing 2 vassals"));
        daemon.Await("a.ini: pid");
        daemon.Await("the emperor is ready");
        Assert.That(long.Parse(waiting["EXTEND_TIMEOUT_USEC"]!, CultureInfo.InvariantCulture), Is.GreaterThanOrEqualTo(10_000_000));
        Assert.That(Manager.Messages.Where(m => m.At < ready.At), Has.None.Matches<Notification>(m => m!["READY"] is not null));
    }

    [Test]
    public void Vassals_see_nothing_of_it()
    {
        Write("a.ini", $"report {Temp["report"]}", "accept");
        Govern(new Dictionary<string, string?> { ["WATCHDOG_USEC"] = "10000000", ["WATCHDOG_PID"] = "1" });
        var report = Report.Await(Temp["report"], Logs);
        foreach (var name in (string[])["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"])
            Assert.That(report.Variable(name), Is.Null, name);
    }

    [Test]
    public void A_reload_is_told_with_its_moment_and_its_end()
    {
        Write("a.ini", "reload-delay 3000", "accept");
        var daemon = Govern();
        Manager.Await("READY");
        var (count, before) = (Manager.Messages.Count, Microseconds());
        daemon.Signal(Native.Hangup);
        var reloading = Manager.Await("RELOADING", "1", count);
        var moment = long.Parse(reloading["MONOTONIC_USEC"]!, CultureInfo.InvariantCulture);
        Assert.That(moment, Is.InRange(before, Microseconds()));
        Assert.That(reloading["READY"], Is.Null);
        Assert.That(reloading["EXTEND_TIMEOUT_USEC"], Is.Not.Null);
        var ready = Manager.Await("READY", "1", count);
        Assert.That(ready.At - reloading.At, Is.GreaterThan(TimeSpan.FromSeconds(0.5)));
        Assert.That(ready["STATUS"], Is.EqualTo("The Emperor is governing 1 vassals"));
        Assert.That(Journal.Lines.Count(line => line.Event == "reload"), Is.EqualTo(1));
    }

    [Test]
    public void Who_never_gets_ready_or_has_closed_its_channel_is_told_with_ready()
    {
        Write("cursed.ini", "close", "sleep 600000");
        Write("never.ini", "sleep 600000");
        Write("good.ini", "accept");
        Govern("--emperor-ready-timeout", "6", "--emperor-curse-tolerance", "600", "--reload-mercy", "1");
        const string told = "The Emperor is governing 3 vassals; 2 not running: cursed.ini (cursed), never.ini (not ready in time)";
        Assert.That(Manager.Await("READY")["STATUS"], Is.EqualTo(told));
    }

    [Test]
    public void Who_is_late_without_anything_else_happening_is_told_when_its_time_is_over()
    {
        Govern("--emperor-ready-timeout", "2", "--reload-mercy", "1");
        Manager.Await("READY");
        Write("never.ini", "sleep 600000");
        Manager.AwaitStatus("governing 1 vassals; 1 not running: never.ini (not ready in time)");
    }

    [Test]
    public void A_reload_that_runs_out_of_time_names_who_has_not_come_back()
    {
        Write("good.ini", "accept");
        Write("stuck.ini", "reload-delay 600000", "accept");
        var daemon = Govern("--emperor-ready-timeout", "8", "--reload-mercy", "1");
        Manager.Await("READY");
        Journal.AwaitStart("stuck.ini");
        var count = Manager.Messages.Count;
        daemon.Signal(Native.Hangup);
        var ready = Manager.Await("READY", "1", count);
        const string told = "stuck.ini (reload not answered in time)";
        Assert.That(ready["STATUS"], Is.EqualTo($"The Emperor is governing 2 vassals; 1 not running: {told}"));
        daemon.Await($"WRN .*one vassal has not answered to the reload in time .--emperor-ready-timeout.: {Regex.Escape(told)}$");
    }

    [Test]
    public void Whatever_happens_only_a_few_messages_a_second_are_sent()
    {
        for (var i = 0; i < 5; i++)
            Write($"bad{i}.ini", "exit 1");
        Write("good.ini", "accept");
        var daemon = Govern("--emperor-no-blacklist");
        Manager.Await("READY");
        var start = Manager.Messages.Count;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(3))
        {
            daemon.Signal(Native.Hangup);
            // No event is waited for: it is the pace of the orders, many more a second than messages may come of them.
            Thread.Sleep(20);
        }
        // Its status may be told once more behind it.
        Wait.Until(() => Last("READY") > Last("RELOADING"), () => $"no READY after the last reload\n{Manager.Text()}\n{Logs()}");
        var messages = Manager.Messages.Skip(start - 1).ToList();
        Assert.That(messages, Has.Count.GreaterThan(2).And.Some.Matches<Notification>(m => m!["RELOADING"] is not null));
        // A message may be read late: some seconds of that are allowed for. One for each signal would be many times as many.
        var span = messages[^1].At - messages[0].At;
        Assert.That(messages, Has.Count.LessThanOrEqualTo(MostPerSecond * (span.TotalSeconds + 3)), Manager.Text());
    }

    [Test]
    public void The_watchdog_is_served_in_time_and_only_by_a_loop_that_turns()
    {
        var daemon = Govern(new Dictionary<string, string?> { ["WATCHDOG_USEC"] = "1000000" });
        Manager.Await("READY");
        Wait.Until(() => Beats() >= 7, Manager.Text);
        var beats = Manager.Messages.Where(m => m["WATCHDOG"] == "1").ToList();
        Assert.That(beats[6].At - beats[0].At, Is.GreaterThan(TimeSpan.FromSeconds(1)), "half of WATCHDOG_USEC, not more often");
        daemon.Signal(Native.Stop);
        Wait.Until(() => ProcFs.Stat(daemon.Pid)?.State == 'T', Logs);
        var count = Beats();
        Wait.While(() => Beats() <= count + 1, TimeSpan.FromSeconds(2), () => "a stopped loop tells that it is well");
        daemon.Signal(Native.Continue);
        Wait.Until(() => Beats() > count + 1, Manager.Text);
    }

    [Test]
    public void A_watchdog_that_is_another_process_s_is_not_served()
    {
        Govern(new Dictionary<string, string?> { ["WATCHDOG_USEC"] = "100000", ["WATCHDOG_PID"] = "1" });
        Manager.Await("READY");
        Wait.While(() => Beats() == 0, TimeSpan.FromSeconds(1), Manager.Text);
    }

    [Test]
    public void The_end_is_told_with_the_time_that_mercy_may_take()
    {
        Write("a.ini", "stop-delay 1500", "accept");
        var daemon = Govern("--reload-mercy", "20");
        Manager.Await("READY");
        Assert.That(daemon.Stop(), Is.Zero);
        var stopping = Manager.Await("STOPPING", "1");
        Assert.That(long.Parse(stopping["EXTEND_TIMEOUT_USEC"]!, CultureInfo.InvariantCulture), Is.InRange(20_000_000, 40_000_000));
        Assert.That(Manager.Messages.Count(m => m["STOPPING"] is not null), Is.EqualTo(1));
        Assert.That(Manager.Messages.SkipWhile(m => m["STOPPING"] is null), Has.None.Matches<Notification>(m => m!["READY"] is not null));
    }

    [TestCase(1, 22, "uid = nobody-at-all", "--uid", "nobody-at-all")]
    [TestCase(1, 22, "UDP", "--logto", "10.0.0.1:514")]
    [TestCase(1, 22, "there is no such monitor", "--emperor", "pg://db")]
    [TestCase(4, 11, "cannot be opened", "--logto", "/no/such/folder/log")]
    [TestCase(4, 11, "cannot be opened", "--logto2", "/no/such/folder/log")]
    [TestCase(4, 11, "chdir = /no/such/folder", "--chdir", "/no/such/folder")]
    [TestCase(4, 11, "pidfile /no/such/folder/pid cannot be written", "--pidfile", "/no/such/folder/pid")]
    [TestCase(4, 11, "vassal-log-dir = /proc/nothing", "--vassal-log-dir", "/proc/nothing")]
    [TestCase(2, 22, "emperor-redy", "--emperor-redy", "all")]
    [TestCase(2, 22, "emperor-ready", "--emperor-ready", "sometimes")]
    public void A_failure_to_start_is_told_with_its_reason(int code, int error, string reason, params string[] options)
    {
        if (reason.StartsWith("uid", StringComparison.Ordinal))
            NeedRoot("only root's uid is obeyed");
        _ = Manager;
        var daemon = Launch(Environment(), ["--emperor", Vassals, .. options]);
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(code), Logs());
        var told = Manager.Await("EXIT_STATUS");
        Assert.That((told["EXIT_STATUS"], told["ERRNO"]), Is.EqualTo((Text(code), Text(error))));
        Assert.That(told["STATUS"], Does.Contain(reason));
        Assert.That(Manager.Messages, Has.None.Matches<Notification>(m => m!["READY"] is not null));
    }

    [Test]
    public void When_all_shall_come_up_those_that_do_not_are_told_together()
    {
        Write("bad.ini", "exit 3");
        // It fails twice, like the other, within the 3 s that are left to it then.
        Write("late.ini", "sleep 100", "exit 4");
        Write("good.ini", "accept");
        _ = Manager;
        // After the second failure each stays as it is until it is told of.
        var daemon = Launch(Environment(), "--emperor", Vassals, "--emperor-ready", "all", "--emperor-throttle", "60000");
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(3), Logs());
        var told = Manager.Await("EXIT_STATUS", "3");
        Assert.That(told["ERRNO"], Is.EqualTo("125"));
        Assert.That(told["STATUS"], Does.Contain("bad.ini (exit 3").And.Contain("late.ini (exit 4").And.Not.Contain("good.ini"));
        Assert.That(Manager.Messages[^1]["STATUS"], Is.EqualTo(told["STATUS"]), "the reason is what stays");
    }

    [Test]
    public void A_message_that_finds_the_queue_full_is_sent_again()
    {
        _socket = NotifySocket.Bind(Temp["notify"], isRead: false);
        using var other = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        other.Connect(new UnixDomainSocketEndPoint(Manager.Address));
        var filled = 0;
        try
        {
            for (; filled < 100_000; filled++)
                other.Send("X=1"u8);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // As full as it gets.
        }
        Write("a.ini", "accept");
        var daemon = Govern();
        daemon.Await("the emperor is ready");
        Manager.Read();
        Manager.Await("READY", "1");
        Assert.That(filled, Is.LessThan(100_000));
    }

    private EmperorProcess Govern(params string[] options) => Govern(new Dictionary<string, string?>(), options);

    private EmperorProcess Govern(Dictionary<string, string?> environment, params string[] options)
    {
        environment["NOTIFY_SOCKET"] = Manager.Address;
        return Launch(environment, ["--emperor", Vassals, .. options]).AwaitGoverning();
    }

    private Dictionary<string, string?> Environment() => new() { ["NOTIFY_SOCKET"] = Manager.Address };

    // Where the last message with this variable is; -1 when there is none.
    private int Last(string name) => Manager.Messages.ToList().FindLastIndex(m => m[name] is not null);

    private int Beats() => Manager.Messages.Count(m => m["WATCHDOG"] is not null);

    // Of CLOCK_MONOTONIC.
    private static long Microseconds() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);
}
