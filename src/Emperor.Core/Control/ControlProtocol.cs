using System.Text.Json;
using System.Text.Json.Serialization;
using Emperor.Core.Vassals;

namespace Emperor.Core.Control;

/// <summary>
/// The protocol of the control socket, as the README tells it: one JSON object a line each way, requests answered in their order. Version 1.
/// </summary>
public static class ControlProtocol
{
    /// <summary>The version that is spoken.</summary>
    public const int Version = 1;

    /// <summary>The most bytes of a request, its line's end included.</summary>
    public const int RequestBytes = 64 * 1024;

    /// <summary>The most names in a request.</summary>
    public const int Names = 1_000;

    /// <summary>How long an order's outcome is waited for when the request does not say, milliseconds.</summary>
    public const int DefaultTimeout = 60_000;

    /// <summary>The longest that may be asked for, milliseconds.</summary>
    public const int LongestTimeout = 3_600_000;

    /// <summary>The verb that has the next program go on in the emperor's place.</summary>
    public const string Upgrade = "upgrade";

    /// <summary>
    /// The error of a request that is not worked on any more, or of a follower that is told nothing more, because another program goes on in this
    /// one's place: whoever asks again is answered by that.
    /// </summary>
    public const string Upgrading = "upgrading";

    private const int IdLength = 64;

    /// <summary>The verbs.</summary>
    public static IReadOnlyList<string> Verbs { get; } =
    ["status", "names", "explain", "events", "logs", "start", "stop", "restart", "reload", "retry", Upgrade];

    /// <summary>
    /// How lines are written: letters and quotation marks as they are, because people read them too, and they never stand inside HTML.
    /// </summary>
    public static ControlJson Json { get; } =
        new(
            new JsonSerializerOptions(ControlJson.Default.Options!)
            {
                Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            }
        );

    /// <summary>Reads a request; of a bad one the reply that tells so.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="refusal">The error; null when the request is good.</param>
    public static ControlRequest? Parse(ReadOnlySpan<byte> line, out ControlReply? refusal)
    {
        refusal = null;
        try
        {
            var request = JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest);
            refusal = request is null ? ControlReply.Failed(null, "malformed", "a request is one JSON object on a line") : Examine(request);
            return refusal is null ? request : null;
        }
        // The second one: a text that is no UTF-8.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            refusal = ControlReply.Failed(null, "malformed", $"a request is one JSON object on a line: {Cause(e)}");
            return null;
        }
    }

    /// <summary>The order that a verb gives; null when it gives none.</summary>
    public static OrderKind? OrderOf(string verb) =>
        verb switch
        {
            "start" => OrderKind.Start,
            "stop" => OrderKind.Stop,
            "restart" => OrderKind.Restart,
            "reload" => OrderKind.Reload,
            "retry" => OrderKind.Retry,
            _ => null,
        };

    /// <summary>A reply as its line.</summary>
    public static byte[] Line(ControlReply reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        var bytes = JsonSerializer.SerializeToUtf8Bytes(reply, ControlProtocol.Json.ControlReply);
        Array.Resize(ref bytes, bytes.Length + 1);
        bytes[^1] = (byte)'\n';
        return bytes;
    }

    private static ControlReply? Examine(ControlRequest request)
    {
        if (
            request.Id is { } id
            && (id.ValueKind is not (JsonValueKind.String or JsonValueKind.Number) || id.GetRawText().Length > IdLength)
        )
            return ControlReply.Failed(null, "malformed", $"\"id\" is a string or a number of at most {IdLength} characters");
        if (request.V != Version)
            return ControlReply.Failed(
                request.Id,
                "version",
                $"this emperor speaks version {Version} of the protocol: say \"v\": {Version}"
            );
        if (!Verbs.Contains(request.Verb, StringComparer.Ordinal))
            return ControlReply.Failed(request.Id, "unknown-verb", $"\"verb\" is one of {string.Join(", ", Verbs)}");
        if (request.Names is { Count: > Names } || request.Names?.Any(name => name is null) == true)
            return ControlReply.Failed(request.Id, "malformed", $"\"names\" is a list of at most {Names} strings");
        if (!AreWildOnesFew(request.Names ?? []))
            return ControlReply.Failed(
                request.Id,
                "malformed",
                $"\"names\" has at most {NamePattern.MostWild} patterns with * or ?, each of {NamePattern.LongestWild} characters at most"
            );
        if (request.TimeoutMs is < 0 or > LongestTimeout)
            return ControlReply.Failed(request.Id, "malformed", $"\"timeout_ms\" lies between 0 and {LongestTimeout}");
        if (request.Count is < 0)
            return ControlReply.Failed(request.Id, "malformed", "\"count\" is no negative number");
        if (OrderOf(request.Verb!) is not null && !request.All && request.Names is not { Count: > 0 })
            return ControlReply.Failed(request.Id, "malformed", $"\"{request.Verb}\" needs \"names\", or \"all\": true");
        return null;
    }

    private static bool AreWildOnesFew(IReadOnlyList<string> names)
    {
        string[] wild = [.. names.Where(NamePattern.IsWild)];
        return wild.Length <= NamePattern.MostWild && wild.All(name => name.Length <= NamePattern.LongestWild);
    }

    private static string Cause(Exception e)
    {
        var message = e.Message.AsSpan();
        var end = message.IndexOf(" Path:");
        return PlainText.OneLine((end > 0 ? message[..end] : message).ToString());
    }
}

/// <summary>What is asked.</summary>
public sealed record ControlRequest
{
    /// <summary>The protocol's version.</summary>
    public int V { get; init; }

    /// <summary>Comes back with each line of the reply; a string or a number.</summary>
    public JsonElement? Id { get; init; }

    /// <summary>What is wanted (<see cref="ControlProtocol.Verbs"/>).</summary>
    public string? Verb { get; init; }

    /// <summary>Of which vassals: names or patterns (<see cref="NamePattern"/>); without them of all, for verbs that only tell.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>Of all vassals, for orders.</summary>
    public bool All { get; init; }

    /// <summary>Orders: true answers at once, without the outcome.</summary>
    public bool NoWait { get; init; }

    /// <summary>Orders: how long the outcome is waited for, milliseconds.</summary>
    public int? TimeoutMs { get; init; }

    /// <summary>events, logs: goes on with what comes.</summary>
    public bool Follow { get; init; }

    /// <summary>events, logs: how many of the last are told first.</summary>
    public int? Count { get; init; }

    /// <summary>
    /// status: with memory and processor time, as they were found last; who asks again every second or so has them from the second time on.
    /// </summary>
    public bool Usage { get; init; }

    /// <summary>events: tells what came after this sequence number, and not by count.</summary>
    public long? Since { get; init; }
}

/// <summary>How JSON is written and read: names in snake_case, without what is null.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    MaxDepth = 16
)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(IReadOnlyList<VassalView>))]
public sealed partial class ControlJson : JsonSerializerContext;
