using System.Text.Json.Serialization;

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
