namespace Emperor.Core.Configuration;

/// <summary>--emperor-tyrant: each vassal runs as the owner of its file.</summary>
/// <param name="NoFollow">emperor-tyrant-nofollow: of a link, the link's own owner counts.</param>
/// <param name="InitGroups">emperor-tyrant-initgroups: it gets the supplementary groups of its user, and not none.</param>
public sealed record TyrantSettings(bool NoFollow, bool InitGroups);
