using System.Text;
using Emperor.Core.Control;

namespace Emperor.Core.Configuration;

/// <summary>What --help prints.</summary>
public static class HelpText
{
    private const int NarrowestText = 24;

    /// <summary>Renders the help for a terminal of so many columns; longer explanations go on in the next line.</summary>
    public static string Render(int width)
    {
        var text = new StringBuilder();
        text.Append(
            """
            Usage: emperor [OPTION...] [FILE.ini...]    runs the daemon
                   emperor VERB ...                     speaks with it

            Keeps one app server, a vassal, running for each configuration file of a folder: a new file starts one, a changed file
            reloads it, a removed file stops it, and one that dies is started again. A drop-in for "uwsgi --emperor".

            Every option can stand in section [uwsgi] of FILE.ini as "name = value", and in the environment as UWSGI_NAME.

            """
        );
        AppendVerbs(text);
        var left = SupportedOptions.All.Max(option => Left(option).Length) + 2;
        foreach (var group in SupportedOptions.All.GroupBy(option => option.Group))
        {
            text.Append('\n').Append(Title(group.Key)).Append(":\n");
            foreach (var option in group)
                AppendOption(text, option, left, width);
        }
        text.Append(
            """

            Exit codes:
              0  ended in order; of a verb: done, or all is well
              1  the configuration, or the start, failed; of a verb: it failed
              2  the command line is wrong
              3  of "status": a vassal is not well
              4  of a verb: no emperor could be reached

            """
        );
        return text.ToString();
    }

    private static void AppendVerbs(StringBuilder text)
    {
        text.Append("\nVerbs (\"emperor VERB --help\" tells more):\n");
        var left = VerbList.All.Max(verb => verb.Name.Length + verb.Arguments.Length) + 5;
        foreach (var verb in VerbList.All)
            text.Append($"  {verb.Name} {verb.Arguments}".PadRight(left)).Append(verb.Text).Append('\n');
    }

    private static string Title(OptionGroup group) =>
        group switch
        {
            OptionGroup.Vassals => "Where vassals are",
            OptionGroup.Launch => "How vassals are started",
            OptionGroup.Hooks => "Hooks",
            OptionGroup.Patience => "Patience with vassals",
            OptionGroup.Process => "Emperor itself",
            OptionGroup.Stats => "Stats and metrics",
            OptionGroup.Log => "Log",
            _ => "Configuration",
        };

    private static string Left(SupportedOption option)
    {
        var letter = OptionTable.Instance.Find(option.Name)?.Letter ?? '-';
        var names = option.Aliases.Prepend(option.Name).Select(name => "--" + name);
        var shown = (letter == '-' ? "" : $"-{letter}, ") + string.Join(", ", names);
        return option.Value switch
        {
            null => $"  {shown}",
            ['[', '=', ..] => $"  {shown}{option.Value}",
            _ => $"  {shown} {option.Value}",
        };
    }

    private static void AppendOption(StringBuilder text, SupportedOption option, int left, int width)
    {
        text.Append(Left(option).PadRight(left));
        var room = Math.Max(width - left, NarrowestText);
        var used = 0;
        foreach (var word in option.Text.Split(' '))
        {
            if (used > 0 && used + 1 + word.Length > room)
            {
                text.Append('\n').Append(' ', left);
                used = 0;
            }
            if (used > 0)
            {
                text.Append(' ');
                used++;
            }
            text.Append(word);
            used += word.Length;
        }
        text.Append('\n');
    }
}
