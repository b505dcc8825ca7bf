using System.Text;
using Emperor.Core.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

[TestFixture]
public sealed class NotificationTextTests
{
    private static IEnumerable<TestCaseData> Messages =>
        [
            Says("READY=1", new Notification { Ready = true }),
            Says("READY=1\n", new Notification { Ready = true }),
            Says("READY=1\0", new Notification { Ready = true }),
            Says("RELOADING=1\nMONOTONIC_USEC=17", new Notification { Reloading = true }),
            Says("STOPPING=1", new Notification { Stopping = true }),
            Says("WATCHDOG=1", new Notification { Watchdog = true }),
            Says("WATCHDOG=trigger", new Notification { WatchdogTrigger = true }),
            Says("WATCHDOG_USEC=20000000", new Notification { WatchdogInterval = 20_000 }),
            Says("WATCHDOG_USEC=1", new Notification { WatchdogInterval = 1 }),
            Says("WATCHDOG_USEC=1001", new Notification { WatchdogInterval = 2 }),
            Says("EXTEND_TIMEOUT_USEC=9223372036854775807", new Notification { ExtendTimeout = 9_223_372_036_854_776 }),
            Says("MAINPID=42", new Notification { MainPid = 42 }),
            Says("STATUS=a=b", new Notification { Status = "a=b" }),
            Says("STATUS=", new Notification { Status = "" }),
            Says("STATUS= one\ttwo\u001b[31m ", new Notification { Status = @"one\ttwo\x1b[31m" }),
            Says("STATUS=first\nSTATUS=second\nMAINPID=1\nMAINPID=2", new Notification { Status = "first", MainPid = 1 }),
            Says("X_OWN=1\nREADY=1\nnonsense\n=\n\n", new Notification { Ready = true }),
        ];

    private static TestCaseData Says(string message, Notification meant) =>
        new TestCaseData(message, meant).SetArgDisplayNames(message.Replace("\0", "\\0", StringComparison.Ordinal));

    [TestCaseSource(nameof(Messages))]
    public void A_message_says(string message, Notification meant) =>
        Assert.That(NotificationText.Parse(Encoding.UTF8.GetBytes(message)), Is.EqualTo(meant));

    [TestCase("")]
    [TestCase("\n")]
    [TestCase("READY")]
    [TestCase("READY=")]
    [TestCase("READY=2")]
    [TestCase("READY =1")]
    [TestCase("ready=1")]
    [TestCase("READY=1\0READY=1")]
    [TestCase("MAINPID=0")]
    [TestCase("MAINPID=-1")]
    [TestCase("MAINPID=99999999999")]
    [TestCase("WATCHDOG_USEC=0")]
    [TestCase("WATCHDOG_USEC=-5")]
    [TestCase("WATCHDOG_USEC=1e3")]
    [TestCase("EXTEND_TIMEOUT_USEC=18446744073709551616")]
    [TestCase("FDSTORE=1\nFDNAME=x")]
    public void It_says_nothing(string message) => Assert.That(NotificationText.Parse(Encoding.UTF8.GetBytes(message)), Is.Null);

    [Test]
    public void A_status_is_bounded_and_cuts_no_character_in_two()
    {
        var text = new string('x', NotificationText.LongestStatus - 1) + "\U0001F600 and more";
        Assert.That(
            NotificationText.Parse(Encoding.UTF8.GetBytes("STATUS=" + text))!.Status,
            Is.EqualTo(new string('x', NotificationText.LongestStatus - 1))
        );
    }

    [Test]
    public void Whatever_comes_it_does_not_throw()
    {
        var dice = new Random(5);
        var pieces = new[] { "READY=1", "STATUS=", "MAINPID=", "WATCHDOG_USEC=", "\n", "=", "\0", "9", "\u00ff" };
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[dice.Next(64)];
            dice.NextBytes(bytes);
            var text = string.Concat(Enumerable.Range(0, dice.Next(8)).Select(_ => pieces[dice.Next(pieces.Length)]));
            Assert.That(() => NotificationText.Parse([.. Encoding.UTF8.GetBytes(text), .. bytes]), Throws.Nothing);
        }
    }

    [TestCase("HTTP/1.1 200 OK\r\n", 200)]
    [TestCase("HTTP/1.0 404\r\n", 404)]
    [TestCase("HTTP/1.1 301 Moved\n", 301)]
    [TestCase("HTTP/1.1 200 O", null)]
    [TestCase("HTT", null)]
    [TestCase("", null)]
    [TestCase("HTTX", 0)]
    [TestCase("SSH-2.0", 0)]
    [TestCase("HTTP/1.1 2000 OK\r\n", 0)]
    [TestCase("HTTP/1.1 abc OK\r\n", 0)]
    [TestCase("HTTP/1.1  200 OK\r\n", 0)]
    [TestCase("HTTP/1.1\r\n", 0)]
    public void An_answer_by_http_has_a_status(string answer, int? status) =>
        Assert.That(HttpStatus.Parse(Encoding.UTF8.GetBytes(answer)), Is.EqualTo(status));

    [Test]
    public void A_first_line_without_an_end_is_no_answer() =>
        Assert.That(HttpStatus.Parse(Encoding.UTF8.GetBytes("HTTP/1.1 200 " + new string('x', HttpStatus.LongestLine))), Is.Zero);

    [TestCase("/", "GET / HTTP/1.1\r\nHost: localhost\r\n")]
    [TestCase("health", "GET /health HTTP/1.1\r\n")]
    [TestCase("/a b\r\nX: 1", "GET /a%20b%0D%0AX:%201 HTTP/1.1\r\n")]
    [TestCase("/ä?q=1", "GET /%C3%A4?q=1 HTTP/1.1\r\n")]
    public void A_request_is_one_request(string path, string begin) =>
        Assert.That(Encoding.ASCII.GetString(HttpStatus.Request(path)), Does.StartWith(begin).And.EndsWith("\r\n\r\n"));
}
