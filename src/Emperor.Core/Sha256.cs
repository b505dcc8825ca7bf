using System.Buffers.Binary;
using System.Numerics;

namespace Emperor.Core;

/// <summary>
/// SHA-256 (FIPS 180-4). The base library's needs OpenSSL, which a machine need not have, and whose loading costs the daemon megabytes; what is
/// digested here is a configuration file now and then.
/// </summary>
public static class Sha256
{
    private const int BlockBytes = 64;
    private const int Rounds = 64;
    private const int LengthBytes = 8;

    // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static readonly uint[] Constants = [.. Primes(Rounds).Select(p => Fraction(p, Math.Cbrt(p), 3))];

    // The same of the square roots of the first 8.
    private static readonly uint[] Start = [.. Primes(8).Select(p => Fraction(p, Math.Sqrt(p), 2))];

    /// <summary>The digest in lower-case hexadecimal digits, as sha256sum prints it.</summary>
    public static string Hex(ReadOnlySpan<byte> data)
    {
        Span<uint> state = stackalloc uint[8];
        Start.CopyTo(state);
        var whole = data.Length / BlockBytes * BlockBytes;
        for (var at = 0; at < whole; at += BlockBytes)
            Compress(state, data.Slice(at, BlockBytes));
        // The end: a bit, zeros, and the length in bits.
        Span<byte> end = stackalloc byte[2 * BlockBytes];
        end.Clear();
        var rest = data.Length - whole;
        data[whole..].CopyTo(end);
        end[rest] = 0x80;
        var size = rest + 1 + LengthBytes <= BlockBytes ? BlockBytes : 2 * BlockBytes;
        BinaryPrimitives.WriteUInt64BigEndian(end[(size - LengthBytes)..size], (ulong)data.Length * 8);
        for (var at = 0; at < size; at += BlockBytes)
            Compress(state, end.Slice(at, BlockBytes));
        Span<byte> digest = stackalloc byte[32];
        for (var i = 0; i < state.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(digest[(4 * i)..], state[i]);
        return Convert.ToHexStringLower(digest);
    }

    private static void Compress(Span<uint> state, ReadOnlySpan<byte> block)
    {
        Span<uint> w = stackalloc uint[Rounds];
        for (var i = 0; i < 16; i++)
            w[i] = BinaryPrimitives.ReadUInt32BigEndian(block[(4 * i)..]);
        for (var i = 16; i < Rounds; i++)
        {
            var s0 = BitOperations.RotateRight(w[i - 15], 7) ^ BitOperations.RotateRight(w[i - 15], 18) ^ (w[i - 15] >> 3);
            var s1 = BitOperations.RotateRight(w[i - 2], 17) ^ BitOperations.RotateRight(w[i - 2], 19) ^ (w[i - 2] >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3]);
        var (e, f, g, h) = (state[4], state[5], state[6], state[7]);
        for (var i = 0; i < Rounds; i++)
        {
            var s1 = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            var t1 = h + s1 + ((e & f) ^ (~e & g)) + Constants[i] + w[i];
            var s0 = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            var t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + t2);
        }
        ReadOnlySpan<uint> worked = [a, b, c, d, e, f, g, h];
        for (var i = 0; i < worked.Length; i++)
            state[i] += worked[i];
    }

    private static IEnumerable<int> Primes(int count) =>
        Enumerable.Range(2, 400).Where(n => Enumerable.Range(2, n - 2).All(d => n % d != 0)).Take(count);

    // The floating root is near; whole numbers make the 32 bits exact.
    private static uint Fraction(int prime, double root, int power)
    {
        var scaled = (BigInteger)(root * 4294967296.0);
        var target = (BigInteger)prime << (32 * power);
        while (BigInteger.Pow(scaled, power) > target)
            scaled--;
        while (BigInteger.Pow(scaled + 1, power) <= target)
            scaled++;
        return (uint)(scaled & uint.MaxValue);
    }
}
