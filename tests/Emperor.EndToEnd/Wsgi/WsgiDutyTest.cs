using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>A test of a vassal of the built-in server, of which the emperor is the master.</summary>
internal abstract class WsgiDutyTest : EmperorTest
{
    protected const string App = """
        import os, sys
        import part
        print("loaded", part.WORD)
        def application(environ, start_response):
            if environ["PATH_INFO"] == "/hang":
                import time
                time.sleep(600)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"%s %d" % (part.WORD.encode(), os.getpid())]
        """;

    protected string SocketPath => Temp["app.sock"];

    protected EmperorProcess Govern(params string[] lines) => GovernApp(App + "\n", lines);

    protected EmperorProcess GovernApp(string app, params string[] lines)
    {
        Temp.Folder("project");
        Temp.Write("project/hello.py", app);
        WritePart("one");
        File.WriteAllLines(
            $"{Vassals}/app.ini",
            [
                "[uwsgi]",
                $"chdir = {Temp["project"]}",
                "module = hello",
                "master = true",
                $"socket = {SocketPath}",
                "chmod-socket = 666",
                .. lines,
            ]
        );
        var daemon = Launch(
                new EmperorStart
                {
                    Arguments = ["--emperor", Vassals, "--emperor-freq", "600", "--emperor-server", "wsgi"],
                    Folder = Temp.Path,
                }
            )
            .AwaitGoverning();
        var count = lines.Contains("processes = 2") ? 2 : 1;
        Wait.Until(() => daemon.Count("app.ini: pid .* is ready after") == count, Logs);
        return daemon;
    }

    // Words differ in length: Python takes a module's old bytecode when time, in seconds, and size are the same.
    protected void WritePart(string word) => Temp.Write("project/part.py", $"WORD = '{word}'\n");

    protected void Touch(int seconds) => File.SetLastWriteTimeUtc($"{Vassals}/app.ini", DateTime.UtcNow.AddSeconds(seconds));

    protected string Ask(string target = "/") => WsgiClient.AskUwsgiAt(SocketPath, "GET", target).Text;

    // One that leaves may still answer, as it has accepted a connection already.
    protected void AwaitAnswer(string start) => Wait.Until(() => Ask().StartsWith(start, StringComparison.Ordinal), Logs);

    // 0 while it is being written.
    protected int Pid(string file) =>
        File.Exists(Temp[file])
        && int.TryParse(File.ReadAllText(Temp[file]), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var pid)
            ? pid
            : 0;

    protected static JsonObject[] Workers(JsonObject stats) => [.. stats["workers"]!.AsArray().Select(w => w!.AsObject())];

    protected static string ReadAll(string socket, string request = "")
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        client.Connect(new UnixDomainSocketEndPoint(socket));
        if (request.Length > 0)
            client.Send(Encoding.ASCII.GetBytes(request));
        using var stream = new NetworkStream(client);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    protected static JsonObject Stats(string socket) => JsonNode.Parse(ReadAll(socket))!.AsObject();
}
