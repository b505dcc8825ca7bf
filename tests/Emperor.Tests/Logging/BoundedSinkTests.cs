using Emperor.Linux;
using Emperor.Logging;
using NUnit.Framework;
using Serilog;

namespace Emperor.Tests.Logging;

/// <summary>When the emperor's own lines are out.</summary>
[TestFixture]
[CancelAfter(30_000)]
public sealed class BoundedSinkTests
{
    [Test]
    public void It_is_quiet_when_its_lines_are_written_and_says_so(CancellationToken cancellation)
    {
        var (read, write) = Files.CreatePipe();
        using (read)
        using (write)
        using (var sink = Sink(write))
        using (var quiet = new AutoResetEvent(false))
        {
            Assert.That(sink.IsQuiet, Is.True);
            using var logger = new LoggerConfiguration().WriteTo.Sink(sink).CreateLogger();
            var log = new EmperorLog(logger);
            // More than a pipe takes, so that it has to wait for the reader.
            var text = new string('x', 100_000);
            log.Information("test", text);
            Assert.That(sink.IsQuiet, Is.False);
            sink.OnQuiet = () => quiet.Set();
            var reader = new Thread(() => ReadLine(read)) { IsBackground = true };
            reader.Start();
            while (!sink.IsQuiet)
            {
                WaitHandle.WaitAny([quiet, cancellation.WaitHandle]);
                cancellation.ThrowIfCancellationRequested();
            }
            reader.Join();
            sink.OnQuiet = null;
            log.Information("test", "more");
            Assert.That(ReadLine(read), Is.EqualTo("more"));
        }
    }

    [Test]
    public void It_is_quiet_too_when_its_lines_cannot_be_written(CancellationToken cancellation)
    {
        using var sink = Sink(null);
        using var quiet = new AutoResetEvent(false);
        sink.OnQuiet = () => quiet.Set();
        using var logger = new LoggerConfiguration().WriteTo.Sink(sink).CreateLogger();
        // More than it takes at once.
        for (var i = 0; i < 20_000; i++)
            new EmperorLog(logger).Information("test", "lost");
        while (!sink.IsQuiet)
        {
            WaitHandle.WaitAny([quiet, cancellation.WaitHandle]);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private static BoundedSink Sink(SafeFd? target) =>
        new(new LineFormatter(LineStyle.Plain, " "), null, null, EmperorLog.LossReport, target?.Number ?? -1);

    private static string ReadLine(SafeFd pipe)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (Files.Read(pipe, one, out var count).Number == 0 && count == 1 && one[0] != '\n')
            line.Add(one[0]);
        return System.Text.Encoding.UTF8.GetString([.. line]).Trim().Replace("INF ", "", StringComparison.Ordinal);
    }
}
