using System.Text;
using Emperor.Core.Configuration;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class ReaderProperties
{
    private const ulong Seed = 20240601;

    /// <summary>Pieces that ini files are made of, so that random files reach deep into the reader.</summary>
    private static readonly string[] Pieces =
    [
        "[uwsgi]\n",
        "[",
        "]",
        "\n",
        "\r\n",
        "=",
        " = ",
        "%",
        "%(",
        "$(",
        "@(",
        ")",
        "%(_)",
        "%(a)",
        "%(b c)",
        "%d",
        "%\n",
        "\0",
        " ",
        "\t",
        ";",
        "#",
        "\\",
        "a",
        "b = ",
        "ini = :x\n",
        "ini = app.ini\n",
        "include = app.ini\n",
        "inherit = app.ini\n",
        "for = 1 2 3\n",
        "for-times = 9\n",
        "endfor =\n",
        "if-env = HOME\n",
        "if-not-opt = a\n",
        "endif =\n",
        "set = a=%(b)x\n",
        "set-ph = b=",
        "blacklist = x\n",
        "strict = 1\n",
        "emperor = /v\n",
        "emperor-freq = ",
        "a = x%(b)%(b)\n",
        "b = y%(a)\n",
        "for-readline = app.ini\n",
        "é",
        "\u00ff",
        "[x]\n",
        "- + * / ++ --",
        "for-glob = *\n",
        "exit = 3\n",
    ];

    private static Config Options => Config.QuickThrowOnFailure.WithMaxTest(400).WithReplay(Seed, 1);

    private static Arbitrary<byte[]> Files =>
        Gen.OneOf(
                ArbMap.Default.GeneratorFor<byte[]>(),
                Gen.Elements(Pieces).ArrayOf().Select(pieces => Encoding.Latin1.GetBytes("[uwsgi]\n" + string.Concat(pieces)))
            )
            .ToArbitrary();

    [Test, CancelAfter(120_000)]
    public void Any_file_is_read_to_an_end_without_an_exception()
    {
        TestContext.Out.WriteLine($"seed {Seed}");
        Prop.ForAll(
                Files,
                bytes =>
                {
                    var (settings, problems) = Reading.Settings(new FakeConfigHost().With("app.ini", bytes), "--ini", "app.ini");
                    return settings is null || problems.All(problem => problem.Severity != Severity.Fatal);
                }
            )
            .Check(Options);
    }

    [Test, CancelAfter(60_000)]
    public void Any_arguments_are_read_to_an_end_without_an_exception()
    {
        TestContext.Out.WriteLine($"seed {Seed}");
        var words = Gen.OneOf(
            Gen.Elements("--", "-", "--emperor", "-p", "--set", "a=b", "--for", "--ini", ":x", "--emperor=", "-Mp", "[x", "%(a)"),
            ArbMap.Default.GeneratorFor<NonNull<string>>().Select(text => text.Get)
        );
        Prop.ForAll(words.ArrayOf().ToArbitrary(), arguments => Reading.Of(new FakeConfigHost(), arguments).Options.Count >= 0)
            .Check(Options);
    }

    [Test, CancelAfter(60_000)]
    public void Any_file_can_be_examined_and_one_with_options_in_its_section_is_fine()
    {
        TestContext.Out.WriteLine($"seed {Seed}");
        Prop.ForAll(
                Files,
                bytes =>
                {
                    var read = Reading.Of(new FakeConfigHost().With("app.ini", bytes), "--ini", "app.ini");
                    return VassalFileCheck.Examine("app.ini", bytes).IsFine
                        || read.Options.All(option => option.Origin.Kind != OriginKind.File);
                }
            )
            .Check(Options);
    }

    [Test]
    public void Printable_keys_and_values_come_back_as_they_were_written()
    {
        TestContext.Out.WriteLine($"seed {Seed}");
        // A word nobody knows as an option, and a value without the characters that mean something.
        var key = Gen.Elements("abcdefgxyz_0189.".ToCharArray()).ArrayOf(12).Select(letters => "k" + new string(letters));
        var value = Gen.Elements("abc XYZ 019 .:/-_=;#'\"(){}$@éß🐍".EnumerateRunes().ToArray())
            .ArrayOf(20)
            .Select(runes => "v" + string.Concat(runes) + "v");
        Prop.ForAll(
                key.Zip(value).ArrayOf().ToArbitrary(),
                pairs =>
                {
                    var text = "[uwsgi]\n" + string.Concat(pairs.Select(pair => $" {pair.Item1}\t= {pair.Item2} \r\n"));
                    var read = Reading.OfIni(text);
                    var isSame = read.Lines().SequenceEqual(pairs.Select(pair => $"{pair.Item1} = {pair.Item2}"));
                    return isSame
                        || pairs.Any(pair =>
                            pair.Item2.Contains("$(", StringComparison.Ordinal) || pair.Item2.Contains("@(", StringComparison.Ordinal)
                        );
                }
            )
            .Check(Options);
    }

    [Test]
    public void Any_bytes_survive_decoding_and_encoding()
    {
        TestContext.Out.WriteLine($"seed {Seed}");
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes => ConfigText.Encode(ConfigText.Decode(bytes)).SequenceEqual(bytes))
            .Check(Options);
    }
}
