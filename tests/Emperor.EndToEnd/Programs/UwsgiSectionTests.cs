using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>A section [emperor] beside [uwsgi], with the real uwsgi.</summary>
internal sealed class UwsgiSectionTests : ProgramTest
{
    [Test]
    public void A_uwsgi_vassal_is_supervised_as_its_section_says()
    {
        Installed.Require();
        Temp.Write("app.py", "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n");
        var address = $"127.0.0.1:{Ports.Free()}";
        File.WriteAllText(
            $"{Vassals}/shop.ini",
            $"""
            [uwsgi]
            plugin = python3
            http-socket = {address}
            master = true
            wsgi-file = {Temp["app.py"]}

            [emperor]
            ready = exec test -e {Temp["warm"]}
            health = exec test ! -e {Temp["ill"]}
            health-interval = 300ms
            health-failures = 2
            stop-timeout = 40
            limit-nofile = 99
            oom-score-adj = 11

            """
        );
        var daemon = Launch(
                new EmperorStart
                {
                    Arguments = ["--emperor", Vassals, "--emperor-wrapper", Installed.Uwsgi, "--emperor-control", ControlPath],
                    Folder = Temp.Path,
                }
            )
            .AwaitGoverning();
        Wait.Until(() => Answers(address), Logs);
        Assert.That((string)StatusOf("shop.ini")["state"]!, Is.EqualTo("starting"), "its command says when it is ready");
        Temp.Write("warm", "");
        daemon.AwaitVassal("shop.ini", "accepts requests|is ready");
        var pid = (int)StatusOf("shop.ini")["pid"]!;
        Assert.That(File.ReadAllText($"/proc/{pid}/limits"), Does.Match("Max open files +99 +99 "));
        Assert.That(File.ReadAllText($"/proc/{pid}/oom_score_adj").Trim(), Is.EqualTo("11"));

        var mark = daemon.Mark;
        Temp.Write("ill", "");
        daemon.AwaitVassal("shop.ini", "(health|test)", mark);
        File.Delete(Temp["ill"]);
        Wait.Until(() => StatusOf("shop.ini") is { } s && (int?)s["pid"] is { } next && next != pid && Answers(address), Logs);
        daemon.AwaitVassal("shop.ini", "accepts requests|is ready", mark);
        daemon.Stop();
        Assert.That(Descendants(), Is.Empty);
    }

    private static bool Answers(string address)
    {
        try
        {
            return Get(address) == "hello";
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
