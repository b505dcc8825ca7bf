using System.Text;
using Emperor.Core.Configuration;
using Emperor.Core.Programs;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

/// <summary>The parts of reading a section [emperor] that stand for themselves.</summary>
[TestFixture]
public sealed class PartsTests
{
    // Words are shown between < and >.
    [TestCase("", "")]
    [TestCase("  a\tb  c ", "<a><b><c>")]
    [TestCase("'a b' \"c d\"", "<a b><c d>")]
    [TestCase("a'b'\"c\"d", "<abcd>")]
    [TestCase("'' \"\"", "<><>")]
    [TestCase("'a\\b' \"a\\b\\\"\\\\\\$\\`\"", "<a\\b><a\\b\"\\$`>")]
    [TestCase("a\\ b \\'c \\\\", "<a b><'c><\\>")]
    [TestCase("$HOME * ~ `x` a;b a|b a#b", "<$HOME><*><~><`x`><a;b><a|b><a#b>")]
    [TestCase("find . -exec ls {} ';' \\; '|' \"#\" \\#x", "<find><.><-exec><ls><{}><;><;><|><#><#x>")]
    public void A_line_is_split_as_a_shell_splits_it(string line, string words) =>
        Assert.That(string.Concat(ShellWords.Split(line, out _, out _)!.Select(w => $"<{w}>")), Is.EqualTo(words));

    [TestCase("a 'b", "a quote ' is opened and not closed")]
    [TestCase("a \"b\\\"", "a quote \" is opened and not closed")]
    [TestCase("a\\", "it ends in a backslash, which escapes nothing")]
    [TestCase("a | b", "no shell reads it, so \"|\" would be an argument")]
    [TestCase("a && b", "no shell reads it, so \"&&\" would be an argument")]
    [TestCase("a &", "no shell reads it, so \"&\" would be an argument")]
    [TestCase("a 2>&1", "no shell reads it, so \"2>&1\" would be an argument")]
    [TestCase("a #b", "\"#\" begins a comment in a shell, but uWSGI knows none behind a value")]
    public void A_line_that_is_none_is_told(string line, string why)
    {
        Assert.That(ShellWords.Split(line, out var cause, out var cure), Is.Null);
        Assert.That(cause, Is.EqualTo(why));
        Assert.That(cure, Is.Not.Empty);
    }

    [Test]
    public void Quoted_words_are_split_into_themselves()
    {
        var letters = Gen.Elements("a1 '\"\\$`|#;&<>()*~%\n\tä".ToCharArray());
        var words = Gen.ArrayOf(Gen.ArrayOf(letters).Select(l => new string(l)));
        var property = Prop.ForAll(
            words.ToArbitrary(),
            w => ShellWords.Split(string.Join(' ', w.Select(ShellWords.Quote)), out _, out _)!.SequenceEqual(w)
        );
        Check.One(Seeded.Times(2_000), property);
    }

    [TestCase("TERM", 15)]
    [TestCase("sigusr1", 10)]
    [TestCase("SIGRTMIN", 34)]
    [TestCase("RTMAX", 64)]
    [TestCase("RTMIN+30", 64)]
    [TestCase("RTMAX-30", 34)]
    [TestCase("1", 1)]
    [TestCase("64", 64)]
    [TestCase("0", null)]
    [TestCase("33", null)]
    [TestCase("65", null)]
    [TestCase("RTMIN+31", null)]
    [TestCase("RTMAX-31", null)]
    [TestCase("RTMIN+", null)]
    [TestCase("-9", null)]
    [TestCase("SIG", null)]
    [TestCase("", null)]
    public void A_signal_has_a_number(string text, int? number) => Assert.That(SignalNames.NumberOf(text), Is.EqualTo(number));

    // Neither room knows the other, so each has the names; a C compiler vouches for the kernel's room (CompilerTests).
    [Test]
    public void Signals_are_called_the_same_in_both_rooms()
    {
        var signals = Enumerable.Range(1, SignalNames.Last);
        Assert.That(signals.Select(SignalNames.NameOf), Is.EqualTo(signals.Select(Emperor.Linux.Signals.NameOf)));
    }

    // Who waits for whom: "a:b,c b:c".
    [TestCase("", null)]
    [TestCase("a: b:a c:a,b", null)]
    [TestCase("a:x b:y", null)]
    [TestCase("a:a", "a → a")]
    [TestCase("a:b b:a", "a → b → a")]
    [TestCase("z:a a:b b:c c:a,d d:b", "a → b → c → a")]
    [TestCase("m:n n:o o:m,n", "m → n → o → m")]
    [TestCase("a:b b:c c:b", "b → c → b")]
    [TestCase("a:b,b b:", null)]
    public void A_circle_is_found_and_named(string text, string? circle)
    {
        var after = text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(v => v.Split(':'))
            .ToDictionary(v => v[0], IReadOnlyList<string> (v) => v[1].Split(',', StringSplitOptions.RemoveEmptyEntries));
        var found = AfterCircle.Find(after);
        Assert.That(found is null ? null : AfterCircle.Text(found), Is.EqualTo(circle));
    }

    [Test]
    public void Only_a_circle_through_a_vassal_is_its_own()
    {
        IReadOnlyList<string> After(string name) =>
            name switch
            {
                "a" => ["b"],
                "b" => ["c"],
                "c" => ["b"],
                _ => [],
            };
        Assert.That(AfterCircle.Through("a", After), Is.Null);
        Assert.That(AfterCircle.Through("c", After), Is.EqualTo(new[] { "c", "b", "c" }));
    }

    [Test]
    public void A_long_chain_is_no_burden()
    {
        const int Length = 20_000;
        var after = Enumerable.Range(0, Length).ToDictionary(i => $"v{i}", IReadOnlyList<string> (i) => [$"v{i + 1}"]);
        Assert.That(AfterCircle.Find(after), Is.Null);
        after[$"v{Length}"] = ["v0"];
        Assert.That(AfterCircle.Find(after), Has.Count.EqualTo(Length + 2));
    }

    // Random sections are read to their end, and what is refused has a reason.
    [Test]
    public void Reading_never_throws()
    {
        string[] pieces =
        [
            .. Keys().Select(k => $"\n{k} = "),
            "\nfor = 1 2\n",
            "\nendfor =\n",
            "\nif-opt = uid\n",
            "\ninclude = blog.ini\n",
            "\nset = a=%(b)\n",
            "\nini = :x\n[x]\n",
            "\n[emperor]\n",
            "1",
            "0",
            "-1",
            "%",
            "%(fd)",
            "%(fd:",
            "%(uid)",
            "$(HOME)",
            "@(x)",
            "'",
            "\"",
            "\\",
            " ",
            "=",
            ":",
            "/",
            "@",
            "[::1]:80",
            "a",
            "K",
            "h",
            "exec ",
            "http ",
            "after ",
            "signal ",
            "TERM",
            "true",
            "9999999999999999999999",
            "\0",
            "\t",
            "é",
            "\u0001",
            "~",
            "*",
            "a=b",
        ];
        var texts = Gen.ArrayOf(Gen.Elements(pieces)).Select(p => "[emperor]\nexec = a" + string.Concat(p));
        var property = Prop.ForAll(
            texts.ToArbitrary(),
            text =>
            {
                var reading = Section.ReadFile(text);
                return (reading.Plan is null) == (reading.Refusal(Section.File) is not null);
            }
        );
        Check.One(Seeded.Times(3_000), property);
    }

    private static string[] Keys() =>
        [
            "uid",
            "gid",
            "groups",
            "umask",
            "env",
            "env-file",
            "socket",
            "chmod-socket",
            "chown-socket",
            "listen",
            "processes",
            "stop-signal",
            "stop-timeout",
            "reload",
            "ready",
            "ready-timeout",
            "restart",
            "success-exit-status",
            "on-demand",
            "idle",
            "health",
            "health-interval",
            "watchdog",
            "memory-max",
            "cpu-max",
            "tasks-max",
            "limit-as",
            "nice",
            "cpu-affinity",
            "private-tmp",
            "read-only",
            "after",
            "chdir",
        ];
}
