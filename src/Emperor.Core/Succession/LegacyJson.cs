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
    RespectNullableAnnotations = true,
    GenerationMode = JsonSourceGenerationMode.Metadata
)]
[JsonSerializable(typeof(Legacy))]
[JsonSerializable(typeof(JournalEntry))]
internal sealed partial class LegacyJson : JsonSerializerContext;

/// <summary>
/// What is written and asked for, beyond what the types say. All that cannot be null must be there: what an older program did not know must be
/// put there (<see cref="LegacyFormat"/>), and is never a silent zero. A process's plan is told by its place (<see cref="StateLegacy"/>): an empty one in its
/// stead would be most of each entry.
/// </summary>
internal static class LegacyShape
{
    private static readonly JsonSerializerOptions Options = new(LegacyJson.Default.Options)
    {
        TypeInfoResolver = LegacyJson.Default.WithAddedModifier(Form),
        Converters = { new LegacyString() },
    };

    /// <summary>That of a legacy.</summary>
    public static JsonTypeInfo<Legacy> Legacy { get; } = (JsonTypeInfo<Legacy>)Options.GetTypeInfo(typeof(Legacy));

    /// <summary>That of an entry of the journal.</summary>
    public static JsonTypeInfo<JournalEntry> Entry { get; } = (JsonTypeInfo<JournalEntry>)Options.GetTypeInfo(typeof(JournalEntry));

    private static void Form(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
        {
            var isPlan = property.Name == nameof(Member.Plan) && (type.Type == typeof(Member) || type.Type == typeof(ProgramSlot));
            var isNullable = property.IsGetNullable || Nullable.GetUnderlyingType(property.PropertyType) is not null;
            if (property.Set is not null || property.AssociatedParameter is not null)
                property.IsRequired = !isPlan && !isNullable;
            if (isPlan)
                property.ShouldSerialize = static (_, _) => false;
        }
    }
}
