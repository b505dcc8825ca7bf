using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Tyrant;

/// <summary>Under a tyrant a user sees and steers the vassals that are his, and no others.</summary>
internal sealed class AccessTests : TyrantTest
{
    // Sends one line and prints the answer's lines to the last one.
    private const string Client = """
        import socket, sys
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(sys.argv[1])
        s.sendall(sys.argv[2].encode() + b"\n")
        for line in s.makefile():
            print(line, end="")
            if '"more":false' in line:
                break
        """;

    [SetUp]
    public void WriteBoth()
    {
        WriteOwned("alice.ini", Alice, "print secret-of-alice", "accept");
        WriteOwned("mallory.ini", Mallory, "print of-mallory", "accept");
    }

    [Test]
    public void Each_sees_his_own_and_the_master_all()
    {
        var daemon = Begin("--emperor-tyrant");
        Assert.That(NamesFor(Alice), Is.EqualTo("[\"alice.ini\"]"));
        Assert.That(NamesFor(0), Is.EqualTo("[\"alice.ini\",\"mallory.ini\"]"));
        daemon.Await("secret-of-alice");
        foreach (var verb in (string[])["status", "explain", "events", "logs"])
        {
            Assert.That(Ask(Alice, Verb(verb)), Does.Contain("alice.ini"), verb);
            Assert.That(Ask(Alice, Verb(verb)), Does.Not.Contain("mallory"), verb);
            Assert.That(Ask(Mallory, Verb(verb)), Does.Not.Contain("alice"), verb);
            Assert.That(
                Ask(Mallory, Verb(verb, "alice.ini")),
                verb == "events" || verb == "status" ? Does.Not.Contain("secret") : Does.Contain("no-such-vassal")
            );
        }
    }

    [Test]
    public void Each_steers_his_own_alone()
    {
        Begin("--emperor-tyrant");
        foreach (var verb in (string[])["stop", "start", "restart", "reload", "retry"])
            Assert.That(Ask(Mallory, Verb(verb, "alice.ini")), Does.Contain("no-such-vassal"), verb);
        var journal = Journal.Mark;
        Assert.That(Ask(Mallory, """{"v":1,"verb":"stop","all":true}"""), Does.Contain("mallory.ini").And.Not.Contain("alice.ini"));
        Journal.Await("mallory.ini", "byte", "0", journal);
        Assert.That(Journal.Lines.Skip(journal).Any(l => l.Vassal == "alice.ini"), Is.False);
    }

    [Test]
    public void A_new_owner_does_not_see_what_was_before()
    {
        var daemon = Begin("--emperor-tyrant");
        daemon.Await("secret-of-alice");
        var mark = daemon.Mark;
        WriteOwned("alice.ini", Mallory, "print now-of-mallory", "accept");
        daemon.Await("now-of-mallory", mark);
        Assert.That(Ask(Mallory, Verb("logs", "alice.ini")), Does.Not.Contain("secret-of-alice"));
        Assert.That(Ask(Mallory, Verb("explain", "alice.ini")), Does.Not.Contain("secret-of-alice"));
        Assert.That(NamesFor(Alice), Is.EqualTo("[]"));
    }

    [Test]
    public void Without_a_tyrant_nothing_is_anybody_s()
    {
        Begin();
        Assert.That(Ask(Alice, Verb("status")), Does.Contain("forbidden"));
    }

    private static string Verb(string verb, string? name = null) =>
        name is null ? $$"""{"v":1,"verb":"{{verb}}"}""" : $$"""{"v":1,"verb":"{{verb}}","names":["{{name}}"]}""";

    private EmperorProcess Begin(params string[] options)
    {
        var daemon = Start(["--emperor-control", Temp["control.sock"], .. options]);
        daemon.AwaitAccepting("alice.ini");
        daemon.AwaitAccepting("mallory.ini");
        return daemon;
    }

    private string NamesFor(uint user) => JsonNode.Parse(Ask(user, Verb("names")))!["names"]?.ToJsonString() ?? "[]";

    private string Ask(uint user, string request)
    {
        var (code, output) = As(user, "/usr/bin/python3", "-c", Client, Temp["control.sock"], request);
        Assert.That(code, Is.Zero, output);
        return output;
    }
}
