using System.Globalization;
using System.Text.Json.Nodes;

namespace Emperor.Core.Succession;

/// <summary>
/// The formats of a legacy that there have been, and how one of a former is made into the present one. What a change adds must be put there with the
/// value that it had before it was written down: nothing is filled in by itself.
///
/// <list type="table">
/// <item><term>1</term><description>the first; a process and a copy carried an empty plan beside the place of their own, and an entry of the
/// journal told of the emperor or of one vassal; nothing told whether descriptors were stored, who had asked for the upgrade, of half-given orders,
/// how many lines were lost, nor
/// which processes were adopted</description></item>
/// <item><term>2</term><description>they carry none; an entry tells of a whole turn, so that no part of a turn is ever read without the rest
/// of it; it tells of those</description></item>
/// </list>
/// </summary>
internal static class LegacyFormat
{
    /// <summary>
    /// The present one. A program that is built with -p:LegacyFormat=Next has the next number and nothing else that is new: with it the tests
    /// show, as long as there is no next format, that one can follow the other.
    /// </summary>
#if NEXT_LEGACY_FORMAT
    public const int Current = 3;
#else
    public const int Current = 2;
#endif

    /// <summary>The oldest that is read.</summary>
    public const int Oldest = 1;

    /// <summary>Why a format is not read here; null when it is.</summary>
    public static string? Refusal(int format) =>
        format is >= Oldest and <= Current
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"its format is {format}, and this program reads {Oldest} to {Current}");

    /// <summary>Makes the present format of a former one.</summary>
    /// <param name="legacy">The document.</param>
    /// <param name="format">Its format.</param>
    public static JsonNode Renew(JsonNode? legacy, int format)
    {
        var document = Needed(legacy, format);
        if (format == 1)
        {
            RenewEmpire(document["Empire"]);
            foreach (var vassal in Items(document, "Vassals"))
                RenewVassal(vassal);
        }
        return document;
    }

    /// <summary>Makes the present format of an entry of the journal of a former one.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="format">Its format.</param>
    public static JsonNode RenewEntry(JsonNode? entry, int format)
    {
        var renewed = Needed(entry, format);
        if (format == 1)
        {
            renewed.Remove("Vassal", out var vassal);
            renewed.Remove("Gone", out var gone);
            RenewEmpire(renewed["Empire"]);
            RenewVassal(vassal);
            renewed["Vassals"] = vassal is null ? [] : new JsonArray(vassal);
            renewed["Gone"] = gone is null ? [] : new JsonArray(gone);
        }
        return renewed;
    }

    private static void RenewEmpire(JsonNode? empire)
    {
        if (empire is null)
            return;
        empire["IsStored"] = false;
        empire["LendsCapabilities"] = false;
        empire["AskedAt"] = 0;
        empire["Askers"] = new JsonArray();
        empire["Orders"] = new JsonArray();
    }

    private static void RenewVassal(JsonNode? vassal)
    {
        foreach (var output in vassal is null ? [] : Items(vassal, "Outputs"))
            output?["Lost"] = 0;
        if (vassal?["State"]?["State"] is not { } state)
            return;
        state["AdoptedUpTo"] = 0;
        foreach (var process in Items(state, "Members").Concat(Items(state, "Slots")))
            process?.AsObject().Remove("Plan");
    }

    private static JsonArray Items(JsonNode node, string list) => node[list] is JsonArray items ? items : [];

    private static JsonObject Needed(JsonNode? node, int format) =>
        node as JsonObject ?? throw new LegacyException($"it is no document of format {format}");
}
