using System.Net.Sockets;
using System.Text;
using Emperor.Core.Output;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Output;
using NUnit.Framework;

namespace Emperor.Tests.Output;

/// <summary>What the journal is sent, taken off a socket in its place.</summary>
[TestFixture]
public sealed class JournalSinkTests
{
    [Test]
    public void Each_line_is_a_datagram_with_the_fields_that_find_it()
    {
        var path = Path.Combine(Path.GetTempPath(), $"journal-{Guid.NewGuid():N}");
        using var journal = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        journal.Bind(new UnixDomainSocketEndPoint(path));
        try
        {
            using var own = new BoundedSink(new LineFormatter(LineStyle.Journal, null), null, null, EmperorLog.LossReport);
            using var sink = JournalSink.Open(own, path)!;
            var source = new OutputSource(1, "sh\nop.ini", 3, 42, new SafeFd(-1));
            var batch = new OutputBatch();
            batch.Add(new QueuedLine(source, 0, LineEnd.Newline, false, 0, 12), "<3>bad\n\x1bline"u8[..12]);
            batch.Add(new QueuedLine(source, 0, LineEnd.Newline, false, 0, 5), "plain"u8);
            batch.Add(new QueuedLine(source, 0, LineEnd.Newline, false, 7, 0), []);
            sink.Write(batch, _ => Assert.Fail("a line was lost"));
            Assert.That(Receive(journal), Is.EqualTo(Expected(@"bad\n\x1bline", 3, "output")));
            Assert.That(Receive(journal), Is.EqualTo(Expected("plain", 6, "output")));
            Assert.That(
                Receive(journal),
                Is.EqualTo(Expected("7 lines lost: they could not be written, or not fast enough", 4, "output-lost"))
            );
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void A_journal_that_does_not_take_them_loses_lines_and_holds_up_nobody_for_ever()
    {
        var path = Path.Combine(Path.GetTempPath(), $"journal-{Guid.NewGuid():N}");
        using var journal = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        journal.Bind(new UnixDomainSocketEndPoint(path));
        try
        {
            using var own = new BoundedSink(new LineFormatter(LineStyle.Journal, null), null, null, EmperorLog.LossReport);
            using var sink = JournalSink.Open(own, path)!;
            var source = new OutputSource(1, "a.ini", 1, 1, new SafeFd(-1));
            var lost = 0;
            for (var i = 0; i < 10_000 && lost == 0; i++)
            {
                var batch = new OutputBatch();
                batch.Add(new QueuedLine(source, 0, LineEnd.Newline, false, 0, 1), "x"u8);
                sink.Write(batch, _ => lost++);
            }
            Assert.That(lost, Is.EqualTo(1));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Expected(string message, int priority, string @event) =>
        $"MESSAGE={message}\nSYSLOG_IDENTIFIER=sh\\nop.ini\nVASSAL=sh\\nop.ini\nPRIORITY={priority}\nEVENT={@event}\nINCARNATION=3\nVASSAL_PID=42\nSYSLOG_PID=42\n";

    private static string Receive(Socket socket)
    {
        var buffer = new byte[65536];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
