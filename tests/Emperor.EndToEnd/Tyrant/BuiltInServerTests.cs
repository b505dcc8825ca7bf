using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Tyrant;

/// <summary>What a user's file may ask of the built-in WSGI server under a tyrant: nothing that its owner may not do himself.</summary>
internal sealed class BuiltInServerTests : TyrantTest
{
    private const string App = """
        import os
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            if environ["PATH_INFO"] == "/fds":
                names = os.listdir("/proc/self/fd")
                return ["\n".join(os.readlink("/proc/self/fd/" + n) for n in names if os.path.lexists("/proc/self/fd/" + n)).encode()]
            return [open("/proc/self/status").read().encode()]
        """;

    private string _home = "";
    private string _hidden = "";

    [SetUp]
    public void MakeHome()
    {
        _home = Temp.Folder("home");
        Own(_home, Mallory);
        Own(Temp.Write("home/app.py", App), Mallory);
        _hidden = Temp.Folder("hidden");
        _ = Native.ChangeMode(_hidden, 0b111_000_000);
        Temp.Write("hidden/secret", "root's alone\n");
    }

    [Test]
    public void It_runs_as_the_owner_and_does_nothing_with_the_emperor_s_rights()
    {
        WriteVassal(
            "uid = root",
            "gid = root",
            "chmod-socket = 660",
            $"logto = {_hidden}/log",
            $"pidfile = {_hidden}/pid",
            $"stats = {_hidden}/stats",
            $"master-fifo = {_hidden}/fifo",
            $"static-map = /static={_hidden}",
            $"attach-daemon = id -u >{_home}/who; id -G >>{_home}/who; ls -l /proc/self/fd | grep -c socket >>{_home}/who; exec sleep 600"
        );
        var daemon = Serve();
        daemon.AwaitVassal("m.ini", "pidfile, master-fifo, stats, logto of section .uwsgi. are left out under --emperor-tyrant");
        daemon.AwaitVassal("m.ini", "is ready after");
        var status = Ask("/");
        foreach (var key in (string[])["Uid", "Gid"])
            Assert.That(status, Does.Contain($"{key}:\t{Mallory}\t{Mallory}\t{Mallory}\t{Mallory}\n"));
        Assert.That(status, Does.Match(@"Groups:\s*\n").And.Match(@"CapPrm:\s0+\n").And.Match(@"CapInh:\s0+\n"));
        // Its sockets, its memory, its output: nothing of another vassal's, and none of the emperor's files.
        Assert.That(
            Ask("/fds").Split('\n').Where(f => f.StartsWith('/')).Distinct(),
            Is.SubsetOf(["/dev/null", "/memfd:emperor-slots (deleted)", "/memfd:emperor-worker (deleted)", $"{_home}/app.py"]).And.Not.Empty
        );
        Assert.That(Ask("/static/secret"), Does.Not.Contain("root's alone"));
        Wait.Until(() => File.Exists($"{_home}/who") && File.ReadAllLines($"{_home}/who").Length == 3, Logs);
        Assert.That(File.ReadAllLines($"{_home}/who"), Is.EqualTo(new[] { $"{Mallory}", $"{Mallory}", "0" }));
        Assert.That(Run("stat", "-c", "%u:%g %a", Socket).Output.Trim(), Is.EqualTo($"{Mallory}:{Mallory} 660"));
        // What has loaded the app may leave meanwhile.
        foreach (var pid in Descendants())
            Assert.That(ProcFs.Status(pid, "Uid"), Does.StartWith($"{Mallory}").Or.Empty, ProcFs.CommandLine(pid));
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(Directory.GetFileSystemEntries(_hidden), Is.EqualTo(new[] { $"{_hidden}/secret" }));
    }

    // Were it looked at with the emperor's rights, it would tell when something changes that its owner may not see.
    [Test]
    public void A_file_to_be_touched_is_looked_at_with_the_owner_s_rights()
    {
        Own(Temp.Write("home/mine", ""), Mallory);
        WriteVassal($"touch-reload = {_hidden}/secret", $"touch-chain-reload = {_home}/mine", $"touch-reload = {_home}/later");
        var daemon = Serve();
        daemon.AwaitVassal("m.ini", "is ready after");
        File.SetLastWriteTimeUtc($"{_hidden}/secret", DateTime.UtcNow.AddMinutes(1));
        File.SetLastWriteTimeUtc($"{_home}/mine", DateTime.UtcNow.AddMinutes(1));
        daemon.AwaitVassal("m.ini", $"{_home}/mine was touched, so it reloads");
        daemon.AwaitVassal("m.ini", "it is reloaded");
        var mark = daemon.Mark;
        File.WriteAllText($"{_home}/later", "");
        daemon.AwaitVassal("m.ini", $"{_home}/later was touched, so it reloads", mark);
        Assert.That(daemon.Count("secret was touched"), Is.Zero, Logs());
    }

    [TestCase("hidden/s.sock", "cannot be bound: Permission denied|is there, and it is not known")]
    [TestCase("readable/s.sock", "cannot be bound: Permission denied")]
    [TestCase("readable/file", "is there and is no socket")]
    public void A_socket_is_made_and_removed_with_the_owner_s_rights(string path, string words)
    {
        Temp.Folder("readable");
        Temp.Write("readable/file", "precious");
        File.WriteAllText($"{Vassals}/m.ini", $"[uwsgi]\nchdir = {_home}\nwsgi-file = app.py\nhttp-socket = {Temp[path]}\n");
        Own($"{Vassals}/m.ini", Mallory);
        Serve().AwaitVassal("m.ini", words);
        Assert.That(File.Exists(Temp["hidden/s.sock"]), Is.False);
        Assert.That(File.ReadAllText(Temp["readable/file"]), Is.EqualTo("precious"));
    }

    // A Python of his own is run, if at all, by himself.
    [Test]
    public void A_python_of_the_owner_s_and_what_its_file_includes_get_no_rights()
    {
        Temp.Folder("home/venv/bin");
        Executable.Write(Temp["home/venv/bin/python3"], $"#!/bin/sh\nid -u >>{_home}/ran\nexec /usr/bin/python3 \"$@\"\n");
        Do("ln", "-s", "python3", $"{_home}/venv/bin/python");
        var version = Run("/usr/bin/python3", "-c", "import sys; print('python%d.%d' % sys.version_info[:2])").Output.Trim();
        Temp.Folder($"home/venv/lib/{version}/site-packages");
        Do("chown", "-R", $"{Mallory}:{Mallory}", $"{_home}/venv");
        WriteVassal($"home = {_home}/venv");
        var daemon = Serve();
        daemon.AwaitVassal("m.ini", "is ready after");
        Wait.Until(() => File.Exists($"{_home}/ran"), Logs);
        Assert.That(File.ReadAllLines($"{_home}/ran"), Is.All.EqualTo($"{Mallory}"));

        var mark = daemon.Mark;
        WriteVassal($"ini = {_hidden}/secret");
        daemon.AwaitVassal("m.ini", "secret", mark);
        WriteVassal($"chdir = {_hidden}");
        daemon.AwaitVassal("m.ini", $"the reload failed: .*chdir = {_hidden}: Permission denied", mark);
        Assert.That(daemon.Text(), Does.Not.Contain("root's alone"));
    }

    [Test]
    public void A_socket_s_owner_that_only_root_can_give_is_left_out_with_a_warning()
    {
        WriteVassal("chown-socket = root:root");
        var daemon = Serve();
        daemon.AwaitVassal("m.ini", "chown-socket of section .uwsgi. are left out");
        daemon.AwaitVassal("m.ini", "is ready after");
        Assert.That(Run("stat", "-c", "%u:%g", Socket).Output.Trim(), Is.EqualTo($"{Mallory}:{Mallory}"));
    }

    private string Socket => $"{_home}/s.sock";

    private void WriteVassal(params string[] lines)
    {
        var path = $"{Vassals}/m.ini";
        File.WriteAllLines(
            $"{path}.new",
            ["[uwsgi]", $"chdir = {_home}", "wsgi-file = app.py", "callable = application", $"http-socket = {Socket}", .. lines]
        );
        Own($"{path}.new", Mallory);
        Rename($"{path}.new", path);
    }

    private EmperorProcess Serve() => Start("--emperor-tyrant", "--emperor-server", "wsgi");

    private string Ask(string path) => Run("curl", "-s", "--max-time", "60", "--unix-socket", Socket, $"http://localhost{path}").Output;
}
