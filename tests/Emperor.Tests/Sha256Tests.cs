using System.Security.Cryptography;
using System.Text;
using Emperor.Core;
using NUnit.Framework;

namespace Emperor.Tests;

[TestFixture]
public sealed class Sha256Tests
{
    // FIPS 180-4's examples.
    [TestCase("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [TestCase("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [TestCase(
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    )]
    public void The_standard_s_examples_hold(string text, string digest) =>
        Assert.That(Sha256.Hex(Encoding.ASCII.GetBytes(text)), Is.EqualTo(digest));

    [Test]
    public void It_is_the_base_library_s_at_every_length()
    {
        var random = new Random(1);
        for (var length = 0; length < 400; length++)
        {
            var data = new byte[length];
            random.NextBytes(data);
            Assert.That(Sha256.Hex(data), Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(data))), $"{length} bytes");
        }
    }
}
