using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class ConfigTextTests
{
    [Test]
    public void Text_in_UTF8_is_itself() => Assert.That(ConfigText.Decode("café 🐍"u8), Is.EqualTo("café 🐍"));

    [Test]
    public void Other_bytes_become_lone_surrogates_and_come_back()
    {
        byte[] bytes = [(byte)'a', 0xE9, 0xF0, 0x9F, 0x90, (byte)'b', 0x80, 0xFF];
        var text = ConfigText.Decode(bytes);
        Assert.That(text, Is.EqualTo("a\uDCE9\uDCF0\uDC9F\uDC90b\uDC80\uDCFF"));
        Assert.That(ConfigText.Encode(text), Is.EqualTo(bytes));
    }

    [Test]
    public void Text_that_no_bytes_can_make_is_shown_by_question_marks() =>
        Assert.That(ConfigText.Encode("a\uD800b\uDC00c"), Is.EqualTo("a?b?c"u8.ToArray()));

    [Test]
    public void Arguments_and_variables_keep_their_bytes_through_placeholders()
    {
        var name = ConfigText.Decode([0xFF, 0xC3, 0xA9]);
        var host = new FakeConfigHost().WithVariable("NAME", name);
        var read = Reading.Of(host, "--set", "a=" + name, "--chdir", "$(NAME)%(a)");
        Assert.That(ConfigText.Encode(read.Value("chdir")), Is.EqualTo(new byte[] { 0xFF, 0xC3, 0xA9, 0xFF, 0xC3, 0xA9 }));
    }
}
