using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Emperor.Core.Programs;

namespace Emperor.Core.Succession;

/// <summary>
/// How a legacy is written as JSON: every value, so that none is taken for its default when the program that reads has another default; enumerations by
/// their names, so that their order may change.
/// </summary>
[JsonSourceGenerationOptions(
    IgnoreReadOnlyProperties = true,
    IncludeFields = true,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    GenerationMode = JsonSourceGenerationMode.Metadata
)]
[JsonSerializable(typeof(Legacy))]
[JsonSerializable(typeof(JournalEntry))]
internal sealed partial class LegacyJson : JsonSerializerContext;

/// <summary>What is written of it: a process's plan is told by its place (<see cref="StateLegacy"/>), and an empty one in its stead would be most of each entry.</summary>
internal static class LegacyShape
{
    private static readonly JsonSerializerOptions Options = new(LegacyJson.Default.Options)
    {
        TypeInfoResolver = LegacyJson.Default.WithAddedModifier(LeaveOutPlan),
    };

    /// <summary>That of a legacy.</summary>
    public static JsonTypeInfo<Legacy> Legacy { get; } = (JsonTypeInfo<Legacy>)Options.GetTypeInfo(typeof(Legacy));

    /// <summary>That of an entry of the journal.</summary>
    public static JsonTypeInfo<JournalEntry> Entry { get; } = (JsonTypeInfo<JournalEntry>)Options.GetTypeInfo(typeof(JournalEntry));

    private static void LeaveOutPlan(JsonTypeInfo type)
    {
        if (type.Type != typeof(Member) && type.Type != typeof(ProgramSlot))
            return;
        var plan = type.Properties.First(p => p.Name == nameof(Member.Plan));
        plan.IsRequired = false;
        plan.ShouldSerialize = static (_, _) => false;
    }
}
