using System.Text.Json.Nodes;

namespace Emperor.Core.Succession;

/// <summary>
/// The formats of a legacy that there have been, and how one of a former is made into the present one. What a change adds must be put there with the
/// value that it had before it was written down: nothing is filled in by itself.
///
/// <list type="table">
/// <item><term>1</term><description>the first</description></item>
/// </list>
/// </summary>
internal static class LegacyFormat
{
    /// <summary>The present one.</summary>
    public const int Current = 1;

    /// <summary>Makes the present format of a former one.</summary>
    /// <param name="legacy">The document.</param>
    /// <param name="format">Its format.</param>
    public static JsonNode Renew(JsonNode? legacy, int format) => legacy ?? throw new LegacyException($"it is empty (format {format})");
}
