namespace Emperor.Core.Configuration;

/// <summary>One app that is served without a folder ("emperor serve").</summary>
/// <param name="Name">What it is called in messages.</param>
/// <param name="Arguments">The command line, from which the app's options are read each time they are needed.</param>
/// <param name="File">The first ini file that it names, which is watched; null without one.</param>
/// <param name="Text">What is served where, for people.</param>
public sealed record ServeRequest(string Name, IReadOnlyList<string> Arguments, string? File, string Text);
