using System.Text;
using System.Text.Json;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Emperor.Servers.Wsgi;
using Emperor.Succession;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>What passes between the emperor and a worker (WORKER.md).</summary>
[TestFixture]
public sealed class WorkerTests
{
    [TestCase("""{"event": "ready", "slot": 0}""", "ready|")]
    [TestCase("""{"event": "error", "error": "chdir /x: no"}""", "error|chdir /x: no")]
    [TestCase("""{"event": "leaving", "slot": 0, "reason": "max-requests", "detail": "5"}""", "leaving|max-requests (5)")]
    [TestCase("""{"event": "due", "slot": 0, "reason": "max-requests", "detail": "5"}""", "due|max-requests (5)")]
    [TestCase("""{"event": "fork-failed", "slot": 3, "error": "no memory"}""", "fork-failed|no memory")]
    [TestCase("""{"event": "loaded", "apps": [], "failed": []}""", "loaded|")]
    [TestCase(
        """{"event": "loaded", "failed": [{"source": "a.py", "traceback": "Traceback:\n  File \"a.py\", line 1\n    x\nNameError: x\n"}]}""",
        "loaded|a.py: NameError: x (File \"a.py\", line 1)"
    )]
    [TestCase("""{"event": "loaded", "failed": [{"source": 1}]}""", "loaded|: no reason is told")]
    [TestCase("""{"event": "loaded", "failed": [1]}""", "loaded|")]
    [TestCase("""{"event": "error", "error": 5}""", "error|")]
    [TestCase("""{"event": "error", "error": "\ud800"}""", null)]
    [TestCase("""{"event": 1}""", null)]
    [TestCase("[]", null)]
    [TestCase("{", null)]
    [TestCase("", null)]
    public void What_a_worker_says(string text, string? read) =>
        Assert.That(
            WorkerMessages.Read(Encoding.UTF8.GetBytes(text)) is { } message ? $"{message.Kind}|{message.Text}" : null,
            Is.EqualTo(read)
        );

    [Test]
    public void What_a_worker_is_told()
    {
        var plan = new ProgramPlan
        {
            Folder = "/",
            LaunchDigest = "",
            Processes = 2,
            Sockets = [new ProgramSocket("/run/b", "b"), new ProgramSocket("127.0.0.1:80", "h")],
            Wsgi = new WsgiPlan
            {
                App = "a",
                Options = """{"module":"a"}""",
                Protocols = ["uwsgi", "http"],
            },
        };
        var text = WorkerMessages.Configuration(new Effect.Launch("v", 7, 1, plan), 5, 12, 9, isWhole: true);
        using var json = JsonDocument.Parse(text);
        using var template = JsonDocument.Parse(
            WorkerMessages.Configuration(new Effect.Launch("v", -1, 1, plan), null, 12, 9, isWhole: false)
        );
        Assert.That(
            template.RootElement.GetRawText(),
            Does.StartWith("""{"contract":1,"role":"template","overlap":true,"whole":false,"processes":2,""")
        );
        Assert.That(Encoding.UTF8.GetString(WorkerMessages.Fork(5, 2)), Is.EqualTo("""{"command":"fork","slot":5,"id":2}"""));
        Assert.That(
            json.RootElement.GetRawText(),
            Is.EqualTo(
                """{"contract":1,"role":"worker","slot":5,"id":2,"overlap":true,"whole":true,"processes":2,"slots":{"fd":9,"count":12},"sockets":["""
                    + """{"fd":3,"protocol":"uwsgi","name":"/run/b"},{"fd":4,"protocol":"http","name":"127.0.0.1:80"}],"options":{"module":"a"}}"""
            )
        );
    }

    [Test]
    public void The_traceback_of_an_app_that_cannot_be_loaded_is_kept_in_lines()
    {
        const string text = """{"event": "loaded", "failed": [{"traceback": "a\nb\n"}, {"traceback": "c\n"}, 5]}""";
        Assert.That(WorkerMessages.Read(Encoding.UTF8.GetBytes(text))!.Value.Detail, Is.EqualTo("a\nb\nc"));
        var message = WorkerMessages.Read("""{"event": "fork-failed", "slot": 3}"""u8.ToArray())!.Value;
        Assert.That((message.Slot, message.Detail), Is.EqualTo(((int?)3, "")));
    }

    [Test]
    public void A_descriptor_is_sent_along()
    {
        var (ours, theirs) = MessageSocket.Create();
        using (ours)
        using (theirs)
        using (var file = Files.CreateSealedFile("test", "content"u8))
        {
            Assert.That(ours.Send("fork"u8, file).Number, Is.Zero);
            var buffer = new byte[10];
            // Who reads without room for it leaves it in the kernel, which closes it.
            Assert.That((Files.Read(theirs, buffer, out var count).Number, count), Is.EqualTo((0, 4)));
        }
        Assert.That(() => ours.Dispose(), Throws.Nothing);
    }

    [Test]
    public void A_slot_is_taken_once_and_its_former_request_forgotten()
    {
        using var slots = new WorkerSlots(2, 2, new Heirlooms());
        Assert.That((slots.Take(), slots.Take(), slots.Take(), slots.IsUnused), Is.EqualTo(((int?)0, (int?)1, (int?)null, false)));
        // The second worker's second core: 256 bytes and twice 512 before it, then its own 256 and 512.
        const int Place = 256 + (2 * 512) + 256 + 512 + 16;
        _ = Files.WriteAt(slots.File, BitConverter.GetBytes(1234UL), Place);
        Assert.That((slots.OldestRequest(0), slots.OldestRequest(1)), Is.EqualTo(((ulong?)null, (ulong?)1234)));
        slots.Return(1);
        Assert.That((slots.Take(), slots.OldestRequest(1)), Is.EqualTo(((int?)1, (ulong?)null)));
        slots.Return(0);
        slots.Return(1);
        slots.Templates = 1;
        Assert.That(slots.IsUnused, Is.False, "workers may still be forked from that");
        slots.Templates = 0;
        Assert.That(slots.IsUnused);
    }

    [Test]
    public void Messages_are_whole_and_show_their_sender()
    {
        var (ours, theirs) = MessageSocket.Create();
        using (ours)
        {
            var buffer = new byte[4];
            using (theirs)
            {
                Assert.That(ours.Receive(buffer, out _, out _), Is.EqualTo(Reception.Nothing));
                foreach (var text in new[] { "one", "four", "cut off" })
                    _ = Files.WriteAll(theirs.Number, Encoding.ASCII.GetBytes(text));
                Assert.That(ours.Receive(buffer, out var length, out var sender), Is.EqualTo(Reception.Message));
                Assert.That((length, sender.Pid), Is.EqualTo((3, Environment.ProcessId)));
                Assert.That((ours.Receive(buffer, out length, out _), length), Is.EqualTo((Reception.Message, 4)));
                Assert.That(ours.Receive(buffer, out _, out _), Is.EqualTo(Reception.Unusable));
                Assert.That(ours.Send("x"u8).Number, Is.Zero);
                Assert.That((Files.Read(theirs, buffer, out var count).Number, count), Is.EqualTo((0, 1)));
            }
            Assert.That((ours.Receive(buffer, out var end, out _), end), Is.EqualTo((Reception.Message, 0)));
            Assert.That(ours.Send("x"u8), Is.EqualTo(Errno.BrokenPipe));
        }
    }

    [Test]
    public void What_one_has_said_that_ended_without_reading_is_heard()
    {
        var (ours, theirs) = MessageSocket.Create();
        using (ours)
        {
            var buffer = new byte[8];
            using (theirs)
            {
                Assert.That(ours.Send("unread"u8).Number, Is.Zero);
                _ = Files.WriteAll(theirs.Number, "the end"u8);
            }
            Assert.That((ours.Receive(buffer, out var length, out _), length), Is.EqualTo((Reception.Message, 7)));
            Assert.That((ours.Receive(buffer, out length, out _), length), Is.EqualTo((Reception.Message, 0)));
        }
    }

    [Test]
    public void A_sealed_file_stays_as_it_is()
    {
        using var file = Files.CreateSealedFile("test", "content"u8);
        Assert.That(Files.WriteAt(file, "x"u8, 0), Is.EqualTo(Errno.NotPermitted));
        Assert.That(
            () => File.WriteAllText($"/proc/self/fd/{file.Number}", "x"),
            Throws.InstanceOf<IOException>().Or.InstanceOf<UnauthorizedAccessException>()
        );
        var buffer = new byte[10];
        Assert.That((Files.ReadAt(file, buffer, 3, out var count).Number, count), Is.EqualTo((0, 4)));
    }
}
