using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Servers.Wsgi;

/// <summary>What a worker has said.</summary>
/// <param name="Kind">Which event (WORKER.md, "Messages").</param>
/// <param name="Text">What is to be told of it; empty when nothing is.</param>
internal readonly record struct WorkerMessage(string Kind, string Text);

/// <summary>Writes what the emperor tells a worker, and reads what that says.</summary>
internal static class WorkerMessages
{
    /// <summary>The longest message, bytes.</summary>
    public const int Longest = 256 * 1024;

    private const int LongestText = 2000;
    private const int Contract = 1;

    /// <summary>The configuration of a worker.</summary>
    /// <param name="launch">Which one.</param>
    /// <param name="slot">Its slot.</param>
    /// <param name="slots">How many slots there are.</param>
    /// <param name="slotsFd">The number of their memory in the worker.</param>
    public static ReadOnlyMemory<byte> Configuration(Effect.Launch launch, int slot, int slots, int slotsFd)
    {
        var plan = launch.Plan;
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteNumber("contract", Contract);
        json.WriteString("role", "worker");
        json.WriteNumber("slot", slot);
        json.WriteNumber("id", launch.Slot + 1);
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
                    "leaving" => $"{Text(root, "reason")} ({Text(root, "detail")})",
                    "loaded" => Failures(root),
                    "changed" => Text(root, "file"),
                    _ => "",
                }
            );
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

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? Cut(value.GetString() ?? "", Longest) : "";

    private static string Cut(string text, int longest = LongestText) => text.Length > longest ? text[..longest] + "…" : text;
}
