using System.Globalization;
using Emperor.Core.Configuration;

namespace Emperor.Core.Programs;

/// <summary>Makes a plan of the values of a section [emperor].</summary>
/// <param name="values">The values.</param>
/// <param name="file">The vassal's file in the host's working folder.</param>
/// <param name="besideUwsgi">Whether it refines a uwsgi vassal.</param>
/// <param name="host">What may be asked of the world.</param>
internal sealed class ProgramBuilder(ProgramValues values, string file, bool besideUwsgi, IConfigHost host)
{
    private const int MostVariables = 1000;
    private const int MostFiles = 64;
    private const int MostNames = 64;
    private const int MostProcesses = 1000;
    private const long ShortestTime = 100;
    private const long Day = 24 * 3_600_000L;

    // Set for every program by whoever starts it.
    private static readonly string[] OurVariables =
    [
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "LISTEN_PID",
        "LISTEN_PIDFDID",
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "UWSGI_EMPEROR_FD",
        "UWSGI_EMPEROR_FD_CONFIG",
        "EMPEROR_INCARNATION",
    ];

    /// <summary>Makes it. It is good only if nothing was refused.</summary>
    public ProgramPlan Build()
    {
        FindUnresolved();
        var folder = Folder();
        var sockets = new ProgramSockets(values, folder, Name).Read();
        var rules = new ProgramRules(values, folder, besideUwsgi, sockets.Count > 0);
        var plan = new ProgramPlan
        {
            Folder = folder,
            Exec = Exec(folder, sockets),
            User = Account("uid", "user"),
            Group = Account("gid", "group"),
            Groups = Groups(),
            Umask = Umask(),
            Environment = Environment(),
            EnvironmentFiles = EnvironmentFiles(folder),
            Sockets = sockets,
            Processes = (int)(values.Number("processes", 1, MostProcesses) ?? 1),
            StopSignal = StopSignal(),
            StopTimeout = values.Time("stop-timeout", ShortestTime, Day),
            Server = Server(),
            Restart = rules.Restart(),
            SuccessExitStatus = SuccessExitStatus(),
            OnDemand = rules.OnDemand(),
            Idle = rules.Idle(),
            Health = rules.Health(),
            Watchdog = values.Time("watchdog", ShortestTime, Day),
            Limits = new ProgramLimits(values, folder).Read(),
            After = After(),
            LaunchDigest = "",
        };
        plan = plan with { Sockets = [.. sockets.Select(s => s with { User = plan.User, Group = plan.Group })] };
        plan = rules.WithReady(rules.WithReload(plan));
        return plan with { LaunchDigest = Programs.LaunchDigest.Of(plan) };
    }

    private Wsgi.ServerWish? Server()
    {
        if (values.Last("server") is not { } option)
            return null;
        if (!besideUwsgi)
            values.Refuse(option, "exec says what runs it", "remove one of the two");
        switch (option.Value)
        {
            case "auto":
                return Wsgi.ServerWish.Auto;
            case "uwsgi":
                return Wsgi.ServerWish.Uwsgi;
            case "wsgi":
                return Wsgi.ServerWish.Wsgi;
            default:
                values.Refuse(option, "there is no such server", "write auto, uwsgi or wsgi");
                return null;
        }
    }

    // The vassal's name without its folder and ending.
    private string Name => Path.GetFileNameWithoutExtension(file) is { Length: > 0 } name ? name : file;

    // uwsgi works in the vassals folder. So does this, but a link's program is at home where the link leads: in the app's folder.
    private string Folder()
    {
        var real = besideUwsgi ? null : host.RealPath(file);
        var home = (real is null ? null : Path.GetDirectoryName(real)) ?? host.WorkingDirectory;
        return values.Last("chdir") is { } option ? values.Full(option, option.Value ?? "", home) ?? home : home;
    }

    // In the text of a command or a variable it may be meant; elsewhere a name without a value is a slip.
    private void FindUnresolved()
    {
        foreach (var key in ProgramKeys.All)
        {
            var isText = key.Name is "exec" or "env" or "ready" or "health";
            foreach (var option in values.All(key.Name, int.MaxValue))
            {
                var value = option.Value ?? "";
                if (
                    key.Name != "exec"
                    && (value.Contains("%(fd)", StringComparison.Ordinal) || value.Contains("%(fd:", StringComparison.Ordinal))
                )
                    values.Refuse(option, "descriptors have their numbers in exec only", "remove it");
                else if (!isText && (Unresolved(value, "%(") ?? Unresolved(value, "$(")) is { } name)
                    values.Refuse(
                        option,
                        $"{name} has no value",
                        name[0] == '%'
                            ? "correct the name, or define it with set-placeholder = NAME=VALUE"
                            : "correct the name, or set that variable for the emperor"
                    );
            }
        }
    }

    private static string? Unresolved(string value, string sign)
    {
        var start = value.IndexOf(sign, StringComparison.Ordinal);
        if (start < 0)
            return null;
        var end = value.IndexOf(')', start);
        return end < 0 ? value[start..] : value[start..(end + 1)];
    }

    private IReadOnlyList<string> Exec(string folder, IReadOnlyList<ProgramSocket> sockets)
    {
        if (values.Last("exec") is not { } option)
            return [];
        var words = values.Command(option, option.Value ?? "", folder);
        foreach (var word in words)
        {
            for (
                var at = word.IndexOf("%(fd", StringComparison.Ordinal);
                at >= 0;
                at = word.IndexOf("%(fd", at + 1, StringComparison.Ordinal)
            )
            {
                var end = word.IndexOf(')', at);
                var text = end < 0 ? word[at..] : word[at..(end + 1)];
                if (text == "%(fd)" ? sockets.Count > 0 : !text.StartsWith("%(fd:", StringComparison.Ordinal))
                    continue;
                var count = sockets.Count(s => text == $"%(fd:{s.Name})");
                if (sockets.Count == 0)
                    values.Refuse(
                        option,
                        $"{text} is the number of a socket's descriptor, and there is no socket",
                        "add \"socket = ADDRESS\""
                    );
                else if (count == 0)
                    values.Refuse(option, $"{text} names none of its sockets", "correct the name; \"socket = NAME=ADDRESS\" gives one");
                else if (count > 1)
                    values.Refuse(option, $"{text} names {count} sockets", "give each its own name: \"socket = NAME=ADDRESS\"");
            }
        }
        return words;
    }

    private string? Account(string key, string what) =>
        values.Last(key) is { } option ? values.Account(option, option.Value ?? "", what) : null;

    private string[]? Groups()
    {
        if (values.Last("groups") is not { } option)
            return null;
        var names = Words(option);
        if (names.Length > MostNames)
            values.Refuse(option, $"there are more than {MostNames} groups", "remove some");
        else
            foreach (var name in names)
                values.Account(option, name, "group");
        return names;
    }

    private int? Umask()
    {
        if (values.Last("umask") is not { } option)
            return null;
        var text = option.Value ?? "";
        if (text.Length is 3 or 4 && text.All(c => c is >= '0' and <= '7') && Convert.ToInt32(text, 8) is var mask and <= 0x1FF)
            return mask;
        values.Refuse(option, "it is no mask", "write three or four octal digits, such as 022");
        return null;
    }

    private List<string> Environment()
    {
        var variables = new List<string>();
        foreach (var option in values.All("env", MostVariables))
        {
            var value = option.Value ?? "";
            var equals = value.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? value : value[..equals];
            if (equals < 0)
                values.Refuse(option, "it gives the variable no value", "write NAME=VALUE");
            else if (name.Length == 0 || char.IsAsciiDigit(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
                values.Refuse(option, "that is no variable's name", "write NAME=VALUE, with a NAME of letters, digits and _");
            else if (OurVariables.Contains(name, StringComparer.Ordinal))
                values.Refuse(option, $"the emperor sets {name} itself", "remove it");
            else
            {
                variables.RemoveAll(v => v.StartsWith(name + "=", StringComparison.Ordinal));
                variables.Add(value);
            }
        }
        return variables;
    }

    private List<string> EnvironmentFiles(string folder)
    {
        var files = new List<string>();
        foreach (var option in values.All("env-file", MostFiles))
        {
            var value = option.Value ?? "";
            var mayBeMissing = value.StartsWith('-');
            if (values.Full(option, mayBeMissing ? value[1..] : value, folder) is { } path)
                files.Add(mayBeMissing ? "-" + path : path);
        }
        return files;
    }

    private int StopSignal()
    {
        const int Terminate = 15;
        if (values.Last("stop-signal") is not { } option)
            return Terminate;
        if (ProgramRules.SignalOf(values, option, option.Value ?? "") is not { } signal)
            return Terminate;
        // WINCH, which ends nothing by itself, is how the Apache httpd is told to stop gracefully.
        if (SignalNames.NameOf(signal) is "STOP" or "CONT" or "CHLD" or "TSTP" or "TTIN" or "TTOU" or "URG")
            values.Refuse(option, "that signal ends nothing", "name one that the program ends on, such as TERM, INT or QUIT");
        return signal;
    }

    private List<int> SuccessExitStatus()
    {
        var codes = new List<int>();
        if (values.Last("success-exit-status") is not { } option)
            return codes;
        foreach (var word in Words(option))
        {
            if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code <= 255)
            {
                if (!codes.Contains(code))
                    codes.Add(code);
                continue;
            }
            values.Refuse(option, $"\"{word}\" is no exit code", "write numbers from 0 to 255, with blanks between them");
            break;
        }
        return codes;
    }

    private List<string> After()
    {
        var names = new List<string>();
        foreach (var option in values.All("after", MostNames))
        {
            var words = Words(option);
            if (words.Length == 0)
                values.Refuse(option, "it names no vassal", "write the name of one's file, such as db.ini");
            foreach (var word in words)
            {
                if (word.Any(char.IsControl))
                    values.Refuse(option, "a vassal's name cannot hold control characters", "remove them");
                else if (word == file)
                    values.Refuse(option, "a vassal cannot wait for itself", "remove the name");
                else if (names.Count >= MostNames)
                {
                    values.Refuse(option, $"there are more than {MostNames} names", "remove some");
                    return names;
                }
                else if (!names.Contains(word, StringComparer.Ordinal))
                    names.Add(word);
            }
        }
        return names;
    }

    private static string[] Words(ExportedOption option) =>
        (option.Value ?? "").Split([' ', '\t', ','], StringSplitOptions.RemoveEmptyEntries);
}
