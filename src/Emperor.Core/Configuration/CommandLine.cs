namespace Emperor.Core.Configuration;

/// <summary>One thing found on the command line: an option, a bare argument or an error.</summary>
/// <param name="Option">The option that was named; null for a bare argument and for an error.</param>
/// <param name="Value">The option's argument, null without one; or the bare argument.</param>
/// <param name="Error">What is wrong; null when nothing is.</param>
internal readonly record struct CommandLineToken(KnownOption? Option, string? Value, string? Error)
{
    public static CommandLineToken Wrong(string error) => new(null, null, error);
}

/// <summary>
/// Reads arguments as glibc's getopt_long does: options anywhere, "--option value", "--option=value", "-x value", "-xvalue", "-abc",
/// unique abbreviations, "--" ends options, and bare arguments come after all options.
/// </summary>
internal sealed class CommandLine(IReadOnlyList<string> arguments, bool optionsComeFirst)
{
    private int _next;

    public IEnumerable<CommandLineToken> Tokens()
    {
        var bare = new List<string>();
        while (_next < arguments.Count)
        {
            var argument = arguments[_next++];
            if (argument == "--")
                break;
            if (argument.Length < 2 || argument[0] != '-')
            {
                bare.Add(argument);
                // POSIXLY_CORRECT: what follows the first bare argument is bare too.
                if (optionsComeFirst)
                    break;
            }
            else if (argument[1] == '-')
                yield return Long(argument[2..]);
            else
                foreach (var token in Letters(argument))
                    yield return token;
        }
        foreach (var argument in bare.Concat(arguments.Skip(_next)))
            yield return new CommandLineToken(null, argument, null);
    }

    private CommandLineToken Long(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? text : text[..equals];
        var glued = equals < 0 ? null : text[(equals + 1)..];
        var option = OptionTable.Instance.Find(name);
        if (option is null)
        {
            var candidates = OptionTable.Instance.FindPrefix(name);
            if (candidates.Count == 0)
                return CommandLineToken.Wrong(Unknown(name));
            if (candidates.Count > 1)
                return CommandLineToken.Wrong(Ambiguous(name, candidates));
            option = candidates[0];
        }
        return option.Argument switch
        {
            ArgumentKind.None when glued is not null => CommandLineToken.Wrong(
                $"option \"--{option.Name}\" takes no value, but \"{glued}\" was given; remove \"={glued}\""
            ),
            ArgumentKind.Required when glued is null => WithNext(option, "--" + option.Name),
            _ => new CommandLineToken(option, glued, null),
        };
    }

    private IEnumerable<CommandLineToken> Letters(string argument)
    {
        for (var at = 1; at < argument.Length; at++)
        {
            var option = OptionTable.Instance.FindLetter(argument[at]);
            if (option is null)
            {
                yield return CommandLineToken.Wrong($"unknown option \"-{argument[at]}\" in \"{argument}\"; see --help for all options");
                yield break;
            }
            if (option.Argument == ArgumentKind.None)
            {
                yield return new CommandLineToken(option, null, null);
                continue;
            }
            var glued = argument[(at + 1)..];
            if (glued.Length > 0)
                yield return new CommandLineToken(option, glued, null);
            else if (option.Argument == ArgumentKind.Optional)
                yield return new CommandLineToken(option, null, null);
            else
                yield return WithNext(option, $"-{option.Letter}");
            yield break;
        }
    }

    private CommandLineToken WithNext(KnownOption option, string shown) =>
        _next < arguments.Count
            ? new CommandLineToken(option, arguments[_next++], null)
            : CommandLineToken.Wrong($"option \"{shown}\" needs a value, but nothing follows it; add one");

    private static string Unknown(string name) =>
        OptionTable.Instance.Nearest(name) is { } nearest
            ? $"unknown option \"--{name}\"; did you mean \"--{nearest}\"?"
            : $"unknown option \"--{name}\"; see --help for all options";

    private static string Ambiguous(string name, IReadOnlyList<KnownOption> candidates)
    {
        const int Shown = 6;
        var names = string.Join(", ", candidates.Take(Shown).Select(option => "--" + option.Name));
        var more = candidates.Count > Shown ? ", …" : "";
        return $"option \"--{name}\" can mean {names}{more}; write it out";
    }
}
