using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.OnDemand;

/// <summary>--emperor-on-demand-exec: what a command says about sockets, and what it must not do to others.</summary>
internal sealed class OnDemandCommandTests : OnDemandTest
{
    [Test]
    public void A_command_tells_the_socket_of_each_vassal_and_those_without_are_started_at_once()
    {
        WriteServer("shop.ini");
        WriteServer("blog.ini");
        Write("plain.ini");
        var daemon = StartWithCommand($"echo $PWD >>{Run}/folders; case $1 in plain.ini) ;; *) echo {Run}/$1.sock; echo more ;; esac");
        daemon.AwaitAccepting("plain.ini");
        Assert.That(Ask($"{Run}/shop.ini.sock"), Is.Not.EqualTo(Ask($"{Run}/blog.ini.sock")));
        Assert.That(File.ReadAllLines($"{Run}/folders"), Is.EqualTo(new[] { Vassals, Vassals, Vassals }));
        daemon.Await("the emperor is governing 3 vassals");
    }

    [Test]
    public void A_name_is_a_word_and_never_a_command()
    {
        var name = "a\"$(touch bad)`touch bad`;touch bad.ini";
        WriteServer(name);
        StartWithCommand($"printf '%s' \"$1\" >{Run}/name; echo {Run}/odd.sock");
        Assert.That(Ask($"{Run}/odd.sock"), Is.Positive);
        Assert.That(File.ReadAllText($"{Run}/name"), Is.EqualTo(name));
        Assert.That($"{Vassals}/bad", Does.Not.Exist);
    }

    [Test]
    public void A_hanging_command_delays_its_own_vassal_only_and_is_killed_with_all_it_has_started()
    {
        WriteServer("slow.ini");
        WriteServer("fast.ini");
        var daemon = LaunchWithCommand($"case $1 in slow.ini) sleep 601 & sleep 601 ;; esac; echo {Run}/$1.sock");
        daemon.AwaitVassal("fast.ini", "waits for connections");
        WriteServer("later.ini");
        daemon.AwaitVassal("later.ini", "waits for connections");
        Assert.That(daemon.Count("slow.ini: .*it has not ended"), Is.Zero, $"they have waited for it\n{Logs()}");
        daemon.AwaitVassal("slow.ini", "it has not ended after 10 s and was killed");
        Wait.Until(() => !Descendants().Exists(p => ProcFs.CommandLine(p).Contains("sleep 601")), Logs);
        daemon.AwaitGoverning();
    }

    [TestCase("yes", "it prints more than 4096 bytes")]
    [TestCase("kill -9 $$", "it could not be run to its end .exit 137.")]
    [TestCase("exec /no/such/program", "it could not be run to its end .exit 127.; correct --emperor-on-demand-exec")]
    [TestCase("echo localhost:80", "host names are not looked up")]
    public void A_command_that_fails_is_one_clear_line(string script, string words)
    {
        WriteServer("shop.ini");
        var daemon = StartWithCommand(script);
        daemon.AwaitVassal("shop.ini", words);
        Assert.That(daemon.Count("ERR shop.ini"), Is.EqualTo(1), Logs());
    }

    [Test]
    public void A_command_that_works_again_is_asked_again()
    {
        WriteServer("shop.ini");
        var daemon = StartWithCommand($"test -e {Run}/works || kill -9 $$; echo {Run}/shop.sock");
        daemon.AwaitVassal("shop.ini", "failed, and is asked again soon");
        File.WriteAllText($"{Run}/works", "");
        daemon.AwaitVassal("shop.ini", "waits for connections");
    }

    private EmperorProcess StartWithCommand(string script) => LaunchWithCommand(script).AwaitGoverning();

    private EmperorProcess LaunchWithCommand(string script)
    {
        Temp.Write("tell", $"#!/bin/sh\n{script}\n");
        return Launch("--emperor", Vassals, "--emperor-on-demand-exec", $"sh {Temp["tell"]}");
    }
}
