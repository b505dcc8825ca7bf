using System.Globalization;
using Emperor.Core.Configuration;

namespace Emperor.Core.Hooks;

/// <summary>Reads hooks as they are written: ACTION:ARGUMENT (uWSGI, core/hooks.c).</summary>
public static class HookText
{
    private const string Known =
        "cd, chdir, mkdir, putenv, chmod, chown, chown2, sticky, exec, safeexec, create, write, writen, append, appendn, writefifo, spinningfifo, "
        + "unlink, mount, umount, hostname, wait_for_fs, wait_for_file, wait_for_dir, print, exit";

    /// <summary>Reads one.</summary>
    /// <param name="option">The option that it comes from, without the dashes.</param>
    /// <param name="text">What is written there. A '!' before it keeps it out of the log.</param>
    /// <param name="failure">When null is returned: what is wrong with it, and what mends it.</param>
    public static HookAction? Read(string option, string text, out string? failure)
    {
        ArgumentNullException.ThrowIfNull(text);
        failure = null;
        var isPrivate = text.StartsWith('!');
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            failure = "has no action; write ACTION:ARGUMENT, such as exec:/usr/local/bin/prepare";
            return null;
        }
        var name = text[(isPrivate ? 1 : 0)..colon];
        var shown = isPrivate ? "(private)" : PlainText.OneLine(text);
        if (Parse(name, text[(colon + 1)..], out failure) is not { } parsed)
            return null;
        if (parsed.Verb == HookVerb.Exit && option != "hook-as-vassal")
        {
            failure = "would end the emperor itself; take it out";
            return null;
        }
        return new HookAction(option, shown, parsed.Verb, parsed.Arguments) { IsFatal = name != "safeexec" };
    }

    /// <summary>A command of --exec-as-vassal or --exec-as-emperor.</summary>
    public static HookAction Command(string option, string command) => new(option, PlainText.OneLine(command), HookVerb.Execute, [command]);

    /// <summary>A program of --vassals-start-hook or --vassals-stop-hook.</summary>
    public static HookAction Program(string option, string program) =>
        new(option, PlainText.OneLine(program), HookVerb.ExecuteWithName, [program]) { IsFatal = false };

    /// <summary>What is mounted by --mount-as-vassal or --mount-as-emperor.</summary>
    public static HookAction? Mount(string option, string text, out string? failure) => Of(option, "mount", text, out failure);

    /// <summary>What is unmounted by --umount-as-vassal or --umount-as-emperor.</summary>
    public static HookAction? Unmount(string option, string text, out string? failure) => Of(option, "umount", text, out failure);

    private static HookAction? Of(string option, string action, string text, out string? failure) =>
        Parse(action, text, out failure) is { } parsed
            ? new HookAction(option, PlainText.OneLine(text), parsed.Verb, parsed.Arguments)
            : null;

    private static (HookVerb Verb, IReadOnlyList<string> Arguments)? Parse(string action, string argument, out string? failure)
    {
        failure = null;
        switch (action)
        {
            case "cd" or "chdir":
                return (HookVerb.ChangeDirectory, [argument]);
            case "putenv" when EnvironmentName(argument).Length == 0:
                failure = "names no variable; write putenv:NAME=VALUE";
                return null;
            case "putenv":
                return (HookVerb.SetVariable, [argument]);
            case "exec" or "safeexec":
                return (HookVerb.Execute, [argument]);
            case "hostname":
                return (HookVerb.SetHostName, [argument]);
            case "print" or "log":
                return (HookVerb.Print, [argument]);
            case "exit":
                return (HookVerb.Exit, [CNumber.TryReadPrefix(argument, out var code) ? Text(code & 0xFF) : "0"]);
            case "mount":
                return MountArguments(argument, out failure);
            case "umount":
                return UnmountArguments(argument, out failure);
            case "call" or "callret" or "callint" or "callintret" or "unix_signal":
                failure = "calls a function inside uWSGI's own process, which Emperor is not; write a program, and run it by exec:";
                return null;
            case "alarm" or "rpc" or "retryrpc" or "wait_for_socket":
                failure = $"needs what only uWSGI's own process has ({action}); run a program by exec: in its place";
                return null;
            default:
                return FileArguments(action, argument, out failure);
        }
    }

    private static (HookVerb, IReadOnlyList<string>)? FileArguments(string action, string argument, out string? failure)
    {
        failure = null;
        if (HookScripts.OfFile(action) is not { } file)
        {
            failure = $"asks for what nobody knows (\"{PlainText.OneLine(action)}\"); the actions are {Known}";
            return null;
        }
        // As uWSGI: all but the last one end at the first blank, and the last one is the rest of the line.
        var words = argument.Split(' ', Math.Max(1, file.Most));
        if (words.Length < file.Least || words[0].Length == 0)
        {
            failure = $"has too few arguments; write {action}:{file.Usage}";
            return null;
        }
        return (HookVerb.Script, [file.Script, .. words]);
    }

    private static (HookVerb, IReadOnlyList<string>)? MountArguments(string argument, out string? failure)
    {
        failure = null;
        var words = argument.Split(' ', 5);
        if (words.Length < 3 || words.Take(3).Any(w => w.Length == 0))
        {
            failure =
                "names too little to mount; write TYPE WHAT WHERE, and flags and data behind it, such as proc none /proc or none /srv/a /mnt bind,ro";
            return null;
        }
        var result = MountFlags.Mount(words[0], words[1], words[2], words.ElementAtOrDefault(3), words.ElementAtOrDefault(4), out failure);
        return result is null ? null : (HookVerb.Mount, result);
    }

    private static (HookVerb, IReadOnlyList<string>)? UnmountArguments(string argument, out string? failure)
    {
        failure = null;
        var words = argument.Split(' ', 2);
        if (words[0].Length == 0)
        {
            failure = "does not say what to unmount; write WHERE, and flags behind it, such as /mnt detach";
            return null;
        }
        var result = MountFlags.Unmount(words[0], words.ElementAtOrDefault(1), out failure);
        return result is null ? null : (HookVerb.Unmount, result);
    }

    private static string EnvironmentName(string text)
    {
        var name = text.Split('=', 2)[0];
        return name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') && !name.StartsWith(char.IsAsciiDigit) ? name : "";
    }

    private static bool StartsWith(this string text, Func<char, bool> what) => text.Length > 0 && what(text[0]);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
