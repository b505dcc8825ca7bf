using System.Net;
using System.Net.Sockets;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.OnDemand;

/// <summary>The real uwsgi as a vassal on demand, and the real uwsgi --emperor beside Emperor.</summary>
internal sealed class OnDemandUwsgiTests : OnDemandTest
{
    // Emperor's mark of a vassal's tree, the channel's number, and what uwsgi tells itself for its own reload.
    private static readonly string[] MayDiffer = ["EMPEROR_INCARNATION", "UWSGI_EMPEROR_FD", "UWSGI_RELOADS", "UWSGI_ORIGINAL_PROC_NAME"];

    [Test]
    [Takes(20)]
    public void It_leaves_when_it_is_idle_and_comes_back_and_loses_no_request()
    {
        Installed.Require();
        // Not sooner: one that becomes idle once more while it waits for its workers ends only by the mercy; see below.
        var daemon = Launch(WithUwsgi(EmperorProcess.Program, idle: 5)).AwaitGoverning();
        AwaitArmed(daemon, "shop.ini");
        using var client = Client($"{Run}/shop.socket");
        var pids = new HashSet<string>();
        for (var turn = 0; turn < 3; turn++)
        {
            var mark = daemon.Mark;
            pids.Add(Get(client));
            daemon.AwaitVassal("shop.ini", "it stops of its own will", mark, TimeSpan.FromSeconds(60));
            // Now it is about to go: what is asked for at this very moment is answered, by it or by the next one.
            pids.Add(Get(client));
        }
        Assert.That(pids, Has.Count.GreaterThanOrEqualTo(3));
        Assert.That(daemon.Count("(WRN|ERR) shop.ini(?!.*did not stop in time)"), Is.Zero, Logs());
    }

    [Test]
    public void A_reload_keeps_the_socket()
    {
        Installed.Require();
        var daemon = Launch(WithUwsgi(EmperorProcess.Program)).AwaitGoverning();
        using var client = Client($"{Run}/shop.socket");
        _ = Get(client);
        daemon.AwaitAccepting("shop.ini");
        var mark = daemon.Mark;
        File.SetLastWriteTimeUtc($"{Vassals}/shop.ini", DateTime.UtcNow.AddMinutes(1));
        daemon.AwaitAccepting(
            "shop.ini",
            daemon.Lines.ToList().FindIndex(mark, l => l.Contains("reload of pid")) is var at && at > 0 ? at : mark
        );
        var reloaded = daemon.Mark;
        _ = Get(client);
        Assert.That($"{Run}/shop.socket", Does.Exist);
        // A uwsgi that is told to stop and becomes idle while it waits for its workers never ends (core/master_checks.c), but by the mercy.
        daemon.AwaitVassal("shop.ini", "it stops of its own will", reloaded, TimeSpan.FromSeconds(60));
    }

    [TestCase("--emperor-on-demand-directory")]
    [TestCase("--emperor-on-demand-dir")]
    [TestCase("--emperor-on-demand-extension")]
    [TestCase("--emperor-on-demand-ext")]
    [TestCase("--emperor-on-demand-exec")]
    public void A_vassal_sees_what_it_sees_under_uwsgi_s_emperor(string option)
    {
        Installed.Require();
        var theirs = See(Installed.Uwsgi, option);
        var ours = See(EmperorProcess.Program, option);
        Assert.Multiple(() =>
        {
            Assert.That(ours.Arguments, Is.EqualTo(theirs.Arguments), "argv");
            Assert.That(Variables(ours), Is.EqualTo(Variables(theirs)), "environment");
            Assert.That(ours.Folder, Is.EqualTo(theirs.Folder), "working folder");
            Assert.That(Descriptors(ours), Is.EqualTo(Descriptors(theirs)), "descriptors");
            Assert.That(Descriptors(ours)[0], Is.EqualTo("0 socket:"));
        });
    }

    private static string[] Variables(Report report) =>
        [.. report.Environment.Where(v => !MayDiffer.Contains(v[..v.IndexOf('=')])).Order(StringComparer.Ordinal)];

    private static string[] Descriptors(Report report)
    {
        var channel = int.Parse(report.Variable("UWSGI_EMPEROR_FD")!);
        return [.. report.Descriptors.OrderBy(d => d.Key).Select(d => $"{(d.Key == channel ? "channel" : d.Key)} {d.Value.Split('[')[0]}")];
    }

    private Report See(string program, string option)
    {
        var report = Temp["report"];
        File.Delete(report);
        var path = $"{Run}/shop.socket";
        File.Delete(path);
        WriteServer("shop.ini", $"report {report}", "loyal");
        File.WriteAllText($"{Vassals}/shop.ini.address", path + "\n");
        var value =
            option.Contains("-dir", StringComparison.Ordinal) ? Run
            : option.Contains("-ext", StringComparison.Ordinal) ? ".address"
            : $"cat {Vassals}/shop.ini.address; true";
        var daemon = Launch(
            new EmperorStart
            {
                Program = program,
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path, option, value],
                Folder = Temp.Path,
            }
        );
        Wait.Until(() => CanConnect(path), Logs);
        _ = Ask(path);
        var seen = Report.Await(report, Logs);
        daemon.Signal(Native.Interrupt);
        daemon.AwaitEnd();
        return seen;
    }

    // The file is there before somebody listens.
    private static bool CanConnect(string path)
    {
        try
        {
            Connect(path).Dispose();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private EmperorStart WithUwsgi(string program, int idle = 1)
    {
        Temp.Write(
            "app.py",
            "import os\ndef application(e, s):\n    s('200 OK', [('Content-Type', 'text/plain')])\n    return [str(os.getppid()).encode()]\n"
        );
        File.WriteAllText(
            $"{Vassals}/shop.ini",
            $"""
            [uwsgi]
            plugin = python3
            protocol = http
            wsgi-file = {Temp["app.py"]}
            processes = 2
            idle = {idle}
            die-on-idle = true

            """
        );
        return new EmperorStart
        {
            Program = program,
            Arguments = ["--emperor", Vassals, "--emperor-on-demand-directory", Run],
            Folder = Temp.Path,
        };
    }

    private static HttpClient Client(string path) =>
        new(
            new SocketsHttpHandler
            {
                ConnectCallback = (_, _) => ValueTask.FromResult<Stream>(new NetworkStream(Connect(path), ownsSocket: true)),
                PooledConnectionLifetime = TimeSpan.Zero,
            }
        )
        {
            DefaultRequestVersion = HttpVersion.Version10,
            Timeout = TimeSpan.FromSeconds(60),
        };

    private static string Get(HttpClient client) => client.GetStringAsync(new Uri("http://shop/")).GetAwaiter().GetResult();
}
