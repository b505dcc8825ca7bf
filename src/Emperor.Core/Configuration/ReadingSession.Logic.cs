using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Emperor.Core.Configuration;

/// <summary>What immediate options do, and the conditions and loops that hold until the next "end".</summary>
internal sealed partial class ReadingSession
{
    /// <summary>A condition or loop that every following option goes through.</summary>
    private sealed record Logic(string Kind, string Argument);

    private Logic? _logic;
    private bool _logicRunning;

    private void Act(Entry entry)
    {
        var value = entry.Value;
        switch (entry.Key)
        {
            case "ini":
                LoadIni(value ?? "", entry.Origin, keepFirst: true);
                break;
            case "include":
            case "config":
                LoadByExtension(value ?? "", entry.Origin);
                break;
            case "xml" or "xmlconfig" or "yaml" or "yml" or "json" or "js":
                FailFormat(value ?? "", entry.Origin);
                break;
            case "set":
                Set(value ?? "", entry, OptionNaming.Set);
                break;
            case "set-placeholder" or "set-ph":
                Set(value ?? "", entry, OptionNaming.Placeholder);
                break;
            case "strict":
                _strict = CBoolean.Read(value);
                break;
            case "blacklist":
                _blacklist = value ?? "";
                break;
            case "whitelist":
                _whitelist = value ?? "";
                break;
            case "end-blacklist":
                _blacklist = null;
                break;
            case "end-whitelist":
                _whitelist = null;
                break;
            case "iprint":
                _messages.Add(ConfigText.ToText(value ?? ""));
                break;
            case "exit":
                _exitCode = value is null ? 1 : CNumber.ReadInt(value) & 0xff;
                _stopped = true;
                break;
            case "help" or "usage":
                _help = true;
                _stopped = true;
                break;
            case "inject-before" or "inject-after" when _manner.IsLenient:
                Skip(entry.Origin, $"\"{entry.Key}\" is not looked into");
                break;
            case "inject-before" or "inject-after":
                Fail(entry.Origin, $"Emperor does not act on \"{entry.Key}\" in its own configuration; use \"include\" in its place");
                break;
            default:
                if (IsLogic(entry.Key))
                    Begin(entry);
                break;
        }
    }

    private void Set(string value, Entry entry, OptionNaming naming)
    {
        var equals = value.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
            Fail(entry.Origin, $"\"{entry.Key}\" needs NAME=VALUE, but has \"{Shown(value)}\"; add \"=VALUE\"");
        else
            Add(value[..equals], value[(equals + 1)..], entry.Origin, naming);
    }

    private static bool IsLogic(string key) =>
        key is "for" or "for-glob" or "for-times" or "for-readline" or "ifenv" or "ifexists" or "ifplugin" or "ifdir"
        || key.StartsWith("if-", StringComparison.Ordinal);

    private void Begin(Entry entry)
    {
        if (_logic is { } open)
            Fail(
                entry.Origin,
                $"\"{entry.Key}\" stands inside \"{open.Kind}\", which cannot be; write \"end{LoopOrIf(open)} =\" before it"
            );
        else
            _logic = new Logic(entry.Key, entry.Value ?? "");
    }

    private static string LoopOrIf(Logic logic) => logic.Kind.StartsWith("for", StringComparison.Ordinal) ? "for" : "if";

    private void RunLogic(Logic logic, string key, string? value, OptionOrigin origin)
    {
        if (logic.Kind.StartsWith("for", StringComparison.Ordinal))
        {
            foreach (var item in Items(logic, origin))
            {
                if (_stopped)
                    return;
                Add(key, With(value, item), origin);
            }
            return;
        }
        var (holds, shown) = Test(logic, origin);
        if (holds && !_stopped)
            Add(key, With(value, shown), origin);
    }

    private static string? With(string? value, string? item) =>
        item is null ? value : value?.Replace("%(_)", item, StringComparison.Ordinal);

    private IEnumerable<string> Items(Logic logic, OptionOrigin origin)
    {
        switch (logic.Kind)
        {
            case "for":
                return logic.Argument.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            case "for-glob":
                var names = _host.Glob(ConfigText.ToText(logic.Argument));
                return names.Count == 0 ? [logic.Argument] : names.Select(ConfigText.ToByteString);
            case "for-times":
                return Rounds(logic, origin);
            default:
                return FileLines(logic, origin);
        }
    }

    private IEnumerable<string> Rounds(Logic logic, OptionOrigin origin)
    {
        var rounds = CNumber.Read(logic.Argument);
        if (rounds > ReadLimits.Rounds)
            Fail(origin, $"for-times asks for {rounds} rounds, but {ReadLimits.Rounds} is the most; lower it");
        for (var i = 1; i <= rounds && !_stopped; i++)
            yield return i.ToString(CultureInfo.InvariantCulture);
    }

    private IEnumerable<string> FileLines(Logic logic, OptionOrigin origin)
    {
        // uWSGI reads with a buffer of this many bytes and takes each filling for a line.
        const int Filling = 1023;
        var reading = ReadFile(ConfigText.ToText(logic.Argument));
        if (reading.Bytes is not { } bytes)
        {
            Report(origin, $"for-readline: {CannotRead(logic.Argument, reading.Error ?? "unknown error")}");
            yield break;
        }
        var text = Encoding.Latin1.GetString(bytes);
        for (var start = 0; start < text.Length; )
        {
            var end = text.IndexOf('\n', start, Math.Min(Filling, text.Length - start));
            end = end < 0 ? Math.Min(start + Filling, text.Length) : end + 1;
            var line = text[start..end];
            var nul = line.IndexOf('\0', StringComparison.Ordinal);
            yield return (nul < 0 ? line : line[..nul]).TrimEnd('\r', '\n');
            start = end;
        }
    }

    /// <summary>Whether a condition holds, and what %(_) stands for under it (null: it stays).</summary>
    private (bool Holds, string? Shown) Test(Logic logic, OptionOrigin origin)
    {
        var wanted = !logic.Kind.StartsWith("if-not-", StringComparison.Ordinal);
        var kind = logic.Kind[
            (
                wanted
                    ? logic.Kind.StartsWith("if-", StringComparison.Ordinal)
                        ? 3
                        : 2
                    : 7
            )..
        ];
        var argument = logic.Argument;
        var path = ConfigText.ToText(argument);
        switch (kind)
        {
            case "opt":
                return Compare(argument, wanted, Lookup);
            case "env":
                return Compare(argument, wanted, Variable);
            case "reload":
                return (_host.GetEnvironment("UWSGI_RELOADS") is not null == wanted, null);
            case "hostname":
                return (ConfigText.ToByteString(_host.HostName) == argument == wanted, argument);
            case "hostname-match":
                return (HostNameMatches(path, origin) == wanted, argument);
            case "exists":
                return (_host.Exists(path) == wanted, argument);
            case "file":
                return (_host.IsFile(path) == wanted, argument);
            case "dir" or "directory":
                return (_host.IsDirectory(path) == wanted, argument);
            default:
                // if-plugin: Emperor has no plugins.
                return (!wanted, argument);
        }
    }

    /// <summary>"NAME" asks whether it is there, "NAME=VALUE" whether it has that value.</summary>
    private static (bool Holds, string? Shown) Compare(string argument, bool wanted, Func<string, string?> lookup)
    {
        var equals = argument.IndexOf('=', StringComparison.Ordinal);
        var found = lookup(equals < 0 ? argument : argument[..equals]);
        var holds = found is not null && (equals < 0 || found == argument[(equals + 1)..]);
        return (holds == wanted, found);
    }

    private bool HostNameMatches(string pattern, OptionOrigin origin)
    {
        try
        {
            // In linear time where the main thread waits for it; it is asked again for each option that the condition is about.
            var options = RegexOptions.CultureInvariant | (_manner.IsProgram ? RegexOptions.NonBacktracking : RegexOptions.None);
            return Regex.IsMatch(_host.HostName, pattern, options, ReadLimits.MatchTime);
        }
        catch (RegexMatchTimeoutException)
        {
            Fail(origin, $"if-hostname-match: \"{Shown(pattern)}\" takes too long to match; simplify it");
        }
        catch (NotSupportedException)
        {
            Fail(origin, $"if-hostname-match: \"{Shown(pattern)}\" looks around or back, which is not done here; simplify it");
        }
        catch (ArgumentException)
        {
            // uWSGI takes a pattern that it cannot read for one that matches.
            Report(origin, $"if-hostname-match: \"{Shown(pattern)}\" is no regular expression, so it counts as a match; correct it");
        }
        return true;
    }
}
