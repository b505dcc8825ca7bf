using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Programs;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>A test of an emperor that becomes the program now at its path, with all that it has.</summary>
internal abstract partial class UpgradeTest : ProgramTest
{
    /// <summary>What a new emperor says first of all.</summary>
    protected const string Upgraded = "upgraded from [0-9.]+ to [0-9.]+: ";

    /// <summary>What it says when it has looked at all files, and whenever it is asked for its state.</summary>
    protected const string Governing = "the emperor is governing [0-9]+ vassals";

    /// <summary>Answers connections to its first socket with its number, and says that it is ready.</summary>
    protected const string Server = """
        import os, signal, socket
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        listener = socket.socket(fileno=3)
        if os.environ.get("NOTIFY_SOCKET"):
            teller = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            name = os.environ["NOTIFY_SOCKET"]
            teller.connect("\0" + name[1:] if name[0] == "@" else name)
            while os.path.exists("wait"):
                signal.sigtimedwait([], 0.01)
            teller.send(b"READY=1")
        while True:
            client, _ = listener.accept()
            try:
                client.sendall(b"%d\n" % os.getpid())
            except OSError:
                pass  # a probe does not wait for an answer
            client.close()
        """;

    /// <summary>What the file of such a program says, besides its socket.</summary>
    protected string[] ServerLines =>
        [$"exec = /usr/bin/python3 -E -S {Temp.Write("server.py", Server)}", $"chdir = {Temp.Path}", "ready-timeout = 50"];

    /// <summary>Has an upgrade made by SIGUSR2, and waits until the new emperor has looked at all files.</summary>
    /// <param name="daemon">The emperor.</param>
    /// <param name="last">What it says then.</param>
    protected static void Upgrade(EmperorProcess daemon, string last = Governing)
    {
        var mark = daemon.Mark;
        daemon.Signal(Native.User2);
        daemon.Await(Upgraded, mark);
        daemon.Await(last, mark);
    }

    /// <summary>How long an upgrade takes here and now.</summary>
    protected static TimeSpan Time(EmperorProcess daemon)
    {
        var start = Stopwatch.GetTimestamp();
        Upgrade(daemon);
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>The process that answers at an address.</summary>
    protected static int Say(string address)
    {
        using var socket = Dial(address);
        return Number(StatsClient.ReadAll(socket).Trim());
    }

    /// <summary>What a process has open, besides the libraries that it has come to need, without what names one of a kind, in order.</summary>
    protected static string[] Descriptors(int pid) =>
        [
            .. Directory
                .EnumerateFileSystemEntries(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd"))
                .Select(LinkOf)
                .OfType<string>()
                .Where(target => !target.EndsWith(".dll", StringComparison.Ordinal))
                .Select(target => Digits().Replace(target, "N"))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>What an emperor has open when two looks see the same: nothing that is there for a moment only.</summary>
    protected static string[] SteadyDescriptors(EmperorProcess daemon, int pid)
    {
        string[] last = [];
        Wait.Until(
            () =>
            {
                // What it has begun it is through with when it has told its state.
                var mark = daemon.Mark;
                Native.Check(Native.Signal(pid, Native.User1), "kill");
                daemon.Await(Governing, mark);
                return last.SequenceEqual(last = Descriptors(pid));
            },
            () => $"now: {string.Join(", ", last.CountBy(d => d))}\n{daemon.Text()}"
        );
        return last;
    }

    /// <summary>Fails unless a process has these open, and no more, before long.</summary>
    protected static void AwaitDescriptors(int pid, string[] expected, Func<string> log) =>
        Wait.Until(
            () => Descriptors(pid).SequenceEqual(expected),
            () =>
                $"before: {string.Join(", ", expected.CountBy(d => d))}\nnow: {string.Join(", ", Descriptors(pid).CountBy(d => d))}\n{log()}"
        );

    /// <summary>Fails when a process has a child that has ended and is not reaped before long.</summary>
    protected static void AwaitNoZombie(int pid) =>
        Wait.Until(
            () => ProcFs.Children(pid).All(ProcFs.IsAlive),
            () => $"zombies: {string.Join(", ", ProcFs.Children(pid).Where(p => !ProcFs.IsAlive(p)))}"
        );

    // One that has been closed meanwhile leads nowhere.
    private static string? LinkOf(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
