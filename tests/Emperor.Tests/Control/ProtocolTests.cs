using System.Text;
using System.Text.Json;
using Emperor.Core.Control;
using NUnit.Framework;

namespace Emperor.Tests.Control;

[TestFixture]
public sealed class ProtocolTests
{
    [TestCase("""{"v":1,"verb":"status"}""", null)]
    [TestCase("""{"v":1,"id":"a","verb":"stop","names":["x"]}""", null)]
    [TestCase("""{"v":1,"id":7,"verb":"restart","all":true,"no_wait":true,"timeout_ms":5}""", null)]
    [TestCase("""{"v":1,"verb":"status","something":"new"}""", null)]
    [TestCase("""{"v":2,"verb":"status"}""", "version")]
    [TestCase("""{"verb":"status"}""", "version")]
    [TestCase("""{"v":1}""", "unknown-verb")]
    [TestCase("""{"v":1,"verb":"Status"}""", "unknown-verb")]
    [TestCase("""{"v":1,"verb":"stop"}""", "malformed")]
    [TestCase("""{"v":1,"verb":"stop","names":[]}""", "malformed")]
    [TestCase("""{"v":1,"verb":"stop","names":[null]}""", "malformed")]
    [TestCase("""{"v":1,"verb":"stop","names":"x"}""", "malformed")]
    [TestCase("""{"v":1,"verb":"stop","names":["x"],"timeout_ms":-1}""", "malformed")]
    [TestCase("""{"v":1,"verb":"events","count":-1}""", "malformed")]
    [TestCase("""{"v":1,"id":[1],"verb":"status"}""", "malformed")]
    [TestCase("""{"v":"1","verb":"status"}""", "malformed")]
    [TestCase("null", "malformed")]
    [TestCase("[]", "malformed")]
    [TestCase("status", "malformed")]
    [TestCase("""{"v":1,"verb":"status"}{"v":1}""", "malformed")]
    public void A_request_is_taken_or_told_what_is_wrong_with_it(string line, string? code)
    {
        var request = ControlProtocol.Parse(Encoding.UTF8.GetBytes(line), out var refusal);
        Assert.Multiple(() =>
        {
            Assert.That(refusal?.Error?.Code, Is.EqualTo(code));
            Assert.That(request is null, Is.EqualTo(code is not null));
        });
    }

    [Test]
    public void A_refusal_bears_the_number_of_the_request()
    {
        _ = ControlProtocol.Parse("""{"v":1,"id":"x7","verb":"fly"}"""u8, out var refusal);
        using var reply = JsonDocument.Parse(ControlProtocol.Line(refusal!));
        Assert.That(reply.RootElement.GetProperty("id").GetString(), Is.EqualTo("x7"));
        Assert.That(reply.RootElement.GetProperty("ok").GetBoolean(), Is.False);
    }

    [Test]
    public void No_bytes_break_it()
    {
        var seed = new Random(20_261_121);
        var good = Encoding.UTF8.GetBytes("""{"v":1,"id":"a","verb":"stop","names":["x","y*"],"timeout_ms":5}""");
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = good.ToArray();
            for (var j = seed.Next(1, 6); j > 0; j--)
                bytes[seed.Next(bytes.Length)] = (byte)seed.Next(256);
            var request = ControlProtocol.Parse(bytes.AsSpan(0, seed.Next(bytes.Length + 1)), out var refusal);
            Assert.That(request is null, Is.EqualTo(refusal is not null));
        }
    }

    [Test]
    public void A_deep_request_is_refused()
    {
        var deep = Encoding.UTF8.GetBytes("{\"v\":1,\"id\":" + new string('[', 30_000));
        Assert.That(ControlProtocol.Parse(deep, out var refusal), Is.Null);
        Assert.That(refusal!.Error!.Code, Is.EqualTo("malformed"));
    }

    // peer, emperor, vassal's user, tyrant: may he?
    [TestCase(0u, 0u, null, false, true)]
    [TestCase(0u, 1000u, null, false, true)]
    [TestCase(1000u, 1000u, null, false, true)]
    [TestCase(1000u, 1000u, 33u, true, true)]
    [TestCase(1000u, 0u, null, false, false)]
    [TestCase(1000u, 0u, 1000u, false, false)]
    [TestCase(1000u, 0u, 1000u, true, true)]
    [TestCase(1000u, 0u, 1001u, true, false)]
    [TestCase(1000u, 0u, null, true, false)]
    [TestCase(1000u, 0u, 0u, true, false)]
    public void Masters_may_all_and_others_under_tyrant_what_is_theirs(uint peer, uint emperor, uint? vassal, bool isTyrant, bool may) =>
        Assert.That(Access.May(peer, emperor, vassal, isTyrant), Is.EqualTo(may));

    [TestCase("blog.ini", "blog.ini")]
    [TestCase("blog", "blog.ini blog.yml")]
    [TestCase("shop", "/srv/shop.ini")]
    [TestCase("*", "blog.ini blog.yml /srv/shop.ini a*b.ini")]
    [TestCase("b*", "blog.ini blog.yml")]
    [TestCase("a*b.ini", "a*b.ini")]
    [TestCase("?log.ini", "blog.ini")]
    [TestCase("Blog", "")]
    [TestCase("log", "")]
    [TestCase("", "")]
    public void Vassals_are_named_by_name_stem_or_pattern(string pattern, string expected)
    {
        string[] names = ["blog.ini", "blog.yml", "/srv/shop.ini", "a*b.ini"];
        Assert.That(string.Join(' ', new NameIndex(names).Select(pattern)), Is.EqualTo(expected));
        Assert.That(string.Join(' ', names.Where(n => NamePattern.Fits(pattern, n))), Is.EqualTo(expected));
    }

    [Test]
    public void The_worst_that_a_request_may_ask_for_is_soon_chosen()
    {
        string[] names = [.. Enumerable.Range(0, 4_000).Select(i => $"vassal-{i:d4}-aaaaaaaaaaaa.ini")];
        var stems = Enumerable.Range(0, ControlProtocol.Names).Select(i => $"vassal-{i:d4}-aaaaaaaaaaaa");
        var wild = string.Concat(Enumerable.Repeat("*a", NamePattern.LongestWild / 2));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var index = new NameIndex(names);
        Assert.That(stems.Sum(s => index.Select(s).Count), Is.EqualTo(ControlProtocol.Names));
        TestContext.Out.WriteLine($"{ControlProtocol.Names} stems: {clock.Elapsed.TotalMilliseconds:0.0} ms");
        clock.Restart();
        for (var i = 0; i < NamePattern.MostWild; i++)
            Assert.That(index.Select(wild), Is.Empty);
        TestContext.Out.WriteLine($"{NamePattern.MostWild} patterns: {clock.Elapsed.TotalMilliseconds:0.0} ms");
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(10)));
    }

    [Test]
    public void Patterns_are_bounded()
    {
        static string? CodeOf(IEnumerable<string> names)
        {
            var list = string.Join(',', names.Select(n => $"\"{n}\""));
            _ = ControlProtocol.Parse(
                System.Text.Encoding.UTF8.GetBytes($$"""{"v":1,"verb":"status","names":[{{list}}]}"""),
                out var refusal
            );
            return refusal?.Error?.Code;
        }

        Assert.That(CodeOf(Enumerable.Repeat("a*", NamePattern.MostWild)), Is.Null);
        Assert.That(CodeOf(Enumerable.Repeat("a*", NamePattern.MostWild + 1)), Is.EqualTo("malformed"));
        Assert.That(CodeOf([new string('*', NamePattern.LongestWild + 1)]), Is.EqualTo("malformed"));
        Assert.That(CodeOf([new string('a', 4_096)]), Is.Null, "a path may be long");
    }
}
