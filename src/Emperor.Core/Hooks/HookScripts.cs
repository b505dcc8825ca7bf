using System.Globalization;
using System.Text;

namespace Emperor.Core.Hooks;

/// <summary>An action on files.</summary>
/// <param name="Script">What the shell does; $1 and so on are the arguments.</param>
/// <param name="Least">How many arguments it must have.</param>
/// <param name="Most">How many it may have; the last one is the rest of the line.</param>
/// <param name="Usage">How it is written.</param>
internal sealed record FileScript(string Script, int Least, int Most, string Usage);

/// <summary>Hooks as scripts of the shell (POSIX), with the meaning that they have in uWSGI (core/hooks.c).</summary>
public static class HookScripts
{
    /// <summary>
    /// Runs $0 with $1, as execvp does. What is no program's name (uWSGI would fail) is read by the shell, with $1 behind it.
    /// </summary>
    public const string WithName =
        "if [ -x \"$0\" ] || command -v -- \"$0\" >/dev/null; then exec \"$0\" \"$1\"; fi; case $0 in *[[:space:]]*) eval \"$0 \\\"\\$1\\\"\" ;; "
        + "*) echo \"$0: there is no such program\" >&2; exit 127 ;; esac";

    // hostname(1) is not everywhere, and the file belongs to root, also in a namespace of users.
    private const string SetHostName =
        "if command -v hostname >/dev/null; then exec hostname -- \"$1\"; else printf %s \"$1\" >/proc/sys/kernel/hostname; fi";

    // What it exits with when a hook has failed, as uWSGI's vassals do.
    private const int FailureCode = 1;

    /// <summary>
    /// A part of a shell's script that runs hooks in order, each with a limit. A hook gets no descriptor but 0, 1 and 2, and those above 9, which the shell of POSIX cannot close. What a hook comes to is
    /// told on standard error; when one fails that must not, the shell ends.
    /// </summary>
    /// <param name="actions">The hooks.</param>
    /// <param name="context">What the hooks are told.</param>
    /// <param name="limit">How long each may take.</param>
    /// <param name="quote">Makes a word that a shell reads back.</param>
    /// <param name="find">A standard program's path, by its name.</param>
    public static string InVassal(
        IReadOnlyList<HookAction> actions,
        HookContext context,
        TimeSpan limit,
        Func<string, string> quote,
        Func<string, string> find
    )
    {
        ArgumentNullException.ThrowIfNull(actions);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(quote);
        ArgumentNullException.ThrowIfNull(find);
        if (actions.Count == 0)
            return "";
        var script = new StringBuilder();
        if (actions.Any(a => a.Verb == HookVerb.ExecuteWithName))
            script.Append(CultureInfo.InvariantCulture, $"export UWSGI_VASSALS_DIR={quote(context.Folder)}\n");
        script.Append(
            CultureInfo.InvariantCulture,
            $$"""
            hook() {
                (
                    unset UWSGI_EMPEROR_FD
                    export {{string.Join(' ', context.Variables.Select(v => $"{v.Name}={quote(v.Value)}"))}} UWSGI_VASSAL_PID=$$
                    exec {{quote(find("timeout"))}} -s KILL {{limit.TotalSeconds:0.###}} "$@" </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
                )
            }
            told() {
                code=$?
                case $code in
                    0) [ -z "$2" ] || echo "emperor: $1 ended with exit 0" >&2 ;;
                    137) echo "emperor: $1 was killed, as at its limit of {{limit.TotalSeconds:0.###}} s (exit $code)" >&2 ;;
                    *) echo "emperor: $1 ended with exit $code" >&2 ;;
                esac
                return $code
            }

            """
        );
        foreach (var action in actions)
            Append(script, action, context, quote, find);
        return script.Append("unset code\n").ToString();
    }

    internal static FileScript? OfFile(string action) =>
        action switch
        {
            "mkdir" => new("mkdir -- \"$1\"", 1, 1, "FOLDER"),
            "chmod" => new("chmod -- \"$2\" \"$1\"", 2, 2, "FILE MODE"),
            "chown" or "chown2" => new("chown -- \"$2:$3\" \"$1\"", 3, 3, "FILE USER GROUP"),
            "sticky" => new("chmod +t -- \"$1\"", 1, 1, "FILE"),
            "create" or "creat" => new(": >\"$1\"", 1, 1, "FILE"),
            "write" => new("printf %s \"$2\" >\"$1\"", 2, 2, "FILE TEXT"),
            "writen" => new("printf '%s\\n' \"$2\" >\"$1\"", 2, 2, "FILE TEXT"),
            "append" => new("printf %s \"$2\" >>\"$1\"", 2, 2, "FILE TEXT"),
            "appendn" => new("printf '%s\\n' \"$2\" >>\"$1\"", 1, 2, "FILE TEXT"),
            // Nobody who reads it is no failure.
            "writefifo" => new(
                "[ -p \"$1\" ] || exit 1; printf %s \"$2\" | dd of=\"$1\" oflag=nonblock conv=notrunc,nocreat 2>/dev/null || :",
                2,
                2,
                "FIFO TEXT"
            ),
            "spinningfifo" => new(
                "until [ -p \"$1\" ] && printf %s \"$2\" | dd of=\"$1\" oflag=nonblock conv=notrunc,nocreat 2>/dev/null; do sleep 0.2; done",
                2,
                2,
                "FIFO TEXT"
            ),
            "unlink" => new("unlink -- \"$1\"", 1, 1, "FILE"),
            "wait_for_fs" => new("until [ -e \"$1\" ]; do sleep 0.2; done", 1, 1, "PATH"),
            "wait_for_file" => new("until [ -f \"$1\" ]; do sleep 0.2; done", 1, 1, "PATH"),
            "wait_for_dir" => new("until [ -d \"$1\" ]; do sleep 0.2; done", 1, 1, "PATH"),
            _ => null,
        };

    /// <summary>The words of a command that does one action; null for one that only a shell can do for itself.</summary>
    public static IReadOnlyList<string>? Command(HookAction action, HookContext context, Func<string, string> find)
    {
        ArgumentNullException.ThrowIfNull(action);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(find);
        return action.Verb switch
        {
            HookVerb.Execute => [find("sh"), "-c", action.Arguments[0]],
            HookVerb.ExecuteWithName => [find("sh"), "-c", WithName, action.Arguments[0], context.Vassal],
            HookVerb.Mount => [find("mount"), "-n", .. action.Arguments],
            HookVerb.Unmount => [find("umount"), "-n", .. action.Arguments],
            HookVerb.SetHostName => [find("sh"), "-c", SetHostName, "sh", action.Arguments[0]],
            HookVerb.Script => [find("sh"), "-c", action.Arguments[0], "sh", .. action.Arguments.Skip(1)],
            _ => null,
        };
    }

    private static void Append(
        StringBuilder script,
        HookAction action,
        HookContext context,
        Func<string, string> quote,
        Func<string, string> find
    )
    {
        var otherwise = action.IsFatal ? string.Create(CultureInfo.InvariantCulture, $"exit {FailureCode}") : ":";
        var name = quote(action.Name);
        if (Command(action, context, find) is { } words)
        {
            var tells = action.Verb is HookVerb.Execute or HookVerb.ExecuteWithName ? " yes" : "";
            script.Append(
                CultureInfo.InvariantCulture,
                $"hook {string.Join(' ', words.Select(quote))}; told {name}{tells} || {otherwise}\n"
            );
            return;
        }
        var argument = quote(action.Arguments[0]);
        var line = action.Verb switch
        {
            HookVerb.ChangeDirectory => $"cd -- {argument}; told {name} || {otherwise}",
            HookVerb.SetVariable when action.Arguments[0].Contains('=', StringComparison.Ordinal) => $"export {argument}",
            HookVerb.SetVariable => $"unset {argument}",
            HookVerb.Print => $"printf '%s\\n' {argument}",
            HookVerb.Exit => $"exit {action.Arguments[0]}",
            _ => ":",
        };
        script.Append(line).Append('\n');
    }
}

/// <summary>What hooks are told of a vassal.</summary>
/// <param name="Vassal">Its file, as it is named from its working folder.</param>
/// <param name="Folder">Its working folder.</param>
/// <param name="Uid">The owner of its file; null when nobody is known.</param>
/// <param name="Gid">The group of its file.</param>
public sealed record HookContext(string Vassal, string Folder, uint? Uid, uint? Gid)
{
    /// <summary>The variables that uWSGI sets for commands of --exec-as-emperor (core/emperor.c), less the process number, and that of its other hooks.</summary>
    public IReadOnlyList<(string Name, string Value)> Variables =>
        [
            ("UWSGI_VASSAL_CONFIG", Vassal),
            .. Uid is { } uid ? new[] { ("UWSGI_VASSAL_UID", Text(uid)) } : [],
            .. Gid is { } gid ? new[] { ("UWSGI_VASSAL_GID", Text(gid)) } : [],
            ("UWSGI_VASSALS_DIR", Folder),
        ];

    private static string Text(uint number) => number.ToString(CultureInfo.InvariantCulture);
}
