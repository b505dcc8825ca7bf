using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Servers.Wsgi;

/// <summary>What a worker has said.</summary>
/// <param name="Kind">Which event (WORKER.md, "Messages").</param>
/// <param name="Text">What is to be told of it, in one line; empty when nothing is.</param>
internal readonly record struct WorkerMessage(string Kind, string Text)
{
    /// <summary>All of it, in lines (a traceback); empty when nothing is.</summary>
    public string Detail { get; init; } = "";

    /// <summary>The slot that it is about; null when it names none.</summary>
    public int? Slot { get; init; }
}

/// <summary>Writes what the emperor tells a worker, and reads what that says.</summary>
internal static class WorkerMessages
{
    /// <summary>The longest message, bytes.</summary>
    public const int Longest = 256 * 1024;

    private const int LongestText = 2000;

    // The worker's own limit (WORKER.md).
    private const int LongestTraceback = 16 * 1024;
    private const int Contract = 1;

    /// <summary>Tells a process to leave.</summary>
    public static ReadOnlySpan<byte> Stop => """{"command":"stop"}"""u8;

    /// <summary>Tells a template to fork a worker.</summary>
    /// <param name="slot">Its slot.</param>
    /// <param name="id">uWSGI's number of it, from 1.</param>
    public static byte[] Fork(int slot, int id) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"command":"fork","slot":{{slot}},"id":{{id}}}"""));

    /// <summary>The configuration of a worker, or of a template.</summary>
    /// <param name="launch">Which one.</param>
    /// <param name="slot">Its slot; null for a template.</param>
    /// <param name="slots">How many slots there are.</param>
    /// <param name="slotsFd">The number of their memory in the worker.</param>
    /// <param name="isWhole">Whether all apps are to be loaded, or none.</param>
    public static ReadOnlyMemory<byte> Configuration(Effect.Launch launch, int? slot, int slots, int slotsFd, bool isWhole)
    {
        var plan = launch.Plan;
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteNumber("contract", Contract);
        json.WriteString("role", slot is null ? "template" : "worker");
        if (slot is { } own)
        {
            json.WriteNumber("slot", own);
            json.WriteNumber("id", launch.Slot + 1);
        }
        json.WriteBoolean("overlap", true);
        json.WriteBoolean("whole", isWhole);
        json.WriteNumber("processes", plan.Processes);
        json.WriteStartObject("slots");
        json.WriteNumber("fd", slotsFd);
        json.WriteNumber("count", slots);
        json.WriteEndObject();
        json.WriteStartArray("sockets");
        for (var i = 0; i < plan.Sockets.Count; i++)
        {
            json.WriteStartObject();
            json.WriteNumber("fd", DescriptorWords.First + i);
            json.WriteString("protocol", plan.Wsgi!.Protocols[i]);
            json.WriteString("name", plan.Sockets[i].Address);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WritePropertyName("options");
        json.WriteRawValue(plan.Wsgi!.Options);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Reads a message; null when it is none.</summary>
    public static WorkerMessage? Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 8 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Text(root, "event") is not { Length: > 0 } kind)
                return null;
            return new WorkerMessage(
                kind,
                kind switch
                {
                    "error" => Text(root, "error"),
                    "fork-failed" => Text(root, "error"),
                    "leaving" or "due" => $"{Cut(Text(root, "reason"))} ({Cut(Text(root, "detail"))})",
                    "loaded" => Failures(root),
                    "changed" => Text(root, "file"),
                    _ => "",
                }
            )
            {
                Slot =
                    root.TryGetProperty("slot", out var slot) && slot.ValueKind == JsonValueKind.Number && slot.TryGetInt32(out var number)
                        ? number
                        : null,
                Detail = kind == "loaded" ? Tracebacks(root) : "",
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON, or text in it that is no text (half a surrogate pair).
            return null;
        }
    }

    // The last line of a traceback says what, the line before in which file.
    private static string Failures(JsonElement root)
    {
        if (!root.TryGetProperty("failed", out var failed) || failed.ValueKind != JsonValueKind.Array || failed.GetArrayLength() == 0)
            return "";
        var first = failed[0];
        if (first.ValueKind != JsonValueKind.Object)
            return "";
        var lines = Text(first, "traceback").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var place = lines.LastOrDefault(l => l.StartsWith("File ", StringComparison.Ordinal));
        return Cut(
            $"{Text(first, "source")}: {(lines.Length > 0 ? lines[^1] : "no reason is told")}{(place is null ? "" : $" ({place})")}"
        );
    }

    // Of all apps that could not be loaded. What is last counts most.
    private static string Tracebacks(JsonElement root)
    {
        if (!root.TryGetProperty("failed", out var failed) || failed.ValueKind != JsonValueKind.Array)
            return "";
        var text = string.Join(
            '\n',
            failed.EnumerateArray().Where(f => f.ValueKind == JsonValueKind.Object).Select(f => Text(f, "traceback").TrimEnd())
        );
        return text.Length > LongestTraceback ? text[^LongestTraceback..] : text;
    }

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? Cut(value.GetString() ?? "", Longest) : "";

    private static string Cut(string text, int longest = LongestText) => text.Length > longest ? text[..longest] + "…" : text;
}
