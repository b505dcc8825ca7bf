using System.CommandLine;
using Emperor.Core.Configuration;
using Emperor.Core.Control;
using Emperor.Core.Wsgi;

namespace Emperor.Commands;

/// <summary>
/// The command line of the verbs. Only here is System.CommandLine used, and the daemon's way never comes by: loading it costs a process some
/// 10 ms, and its own options are those of uWSGI, which it could not read.
/// </summary>
internal static class CommandTree
{
    private static readonly Option<string?> Socket = new("--socket")
    {
        Description = "the emperor's control socket (/run/emperor/control.sock, or emperor/control.sock under XDG_RUNTIME_DIR)",
        HelpName = "PATH",
        Recursive = true,
    };

    private static readonly Option<bool> Json = new("--json") { Description = "print JSON, a line each" };

    /// <summary>Does what the arguments say.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        if (arguments[0] == "help" && arguments.Length == 1)
        {
            Console.Out.Write(HelpText.Render(Program.HelpWidth()));
            return ExitCode.Well;
        }
        if (arguments is ["help", VerbList.Serve])
        {
            Console.Out.Write(ServeHelp.Render(Program.HelpWidth()));
            return ExitCode.Well;
        }
        if (arguments[0] == "help" && VerbList.All.All(v => v.Name != arguments[1]))
        {
            Console.Error.WriteLine($"emperor help: there is no verb {Core.PlainText.OneLine(arguments[1])}; see: emperor help");
            return ExitCode.Usage;
        }
        // "help VERB" is "VERB --help".
        var parsed = Root().Parse(arguments[0] == "help" ? [arguments[1], "--help"] : arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Console.Error.WriteLine($"emperor {parsed.CommandResult.Command.Name}: {error.Message}");
            Console.Error.WriteLine($"See: emperor {parsed.CommandResult.Command.Name} --help");
            return ExitCode.Usage;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (NoEmperorException e)
        {
            return Screen.Fail(e.Message, ExitCode.NoEmperor);
        }
        catch (IOException)
        {
            // Whoever was to read what is printed has gone (head, less).
            return ExitCode.Failed;
        }
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Speaks with an emperor.") { Socket };
        root.Add(Status());
        root.Add(Top());
        root.Add(Explain());
        foreach (var name in new[] { "start", "stop", "restart", "reload", "retry" })
            root.Add(Order(name));
        root.Add(Upgrade());
        root.Add(Logs());
        root.Add(Events());
        root.Add(Check());
        root.Add(Config());
        root.Add(Complete());
        return root;
    }

    private static Command Verb(string name)
    {
        var verb = VerbList.All.First(v => v.Name == name);
        return new Command(name, char.ToUpperInvariant(verb.Text[0]) + verb.Text[1..] + ".");
    }

    private static Argument<string[]> Names(bool isNeeded)
    {
        var names = new Argument<string[]>("NAME")
        {
            Description = "a vassal's name, with or without its ending, or a pattern with * and ?",
            Arity = isNeeded ? ArgumentArity.OneOrMore : ArgumentArity.ZeroOrMore,
        };
        // What is no option is taken for a name.
        names.Validators.Add(r =>
        {
            if (r.Tokens.FirstOrDefault(t => t.Value.StartsWith('-')) is { } unknown)
                r.AddError($"there is no option {unknown.Value}");
        });
        return names;
    }

    private static Command Status()
    {
        var names = Names(isNeeded: false);
        var wide = new Option<bool>("--wide", "-w") { Description = "all columns, and lines as long as they are" };
        var command = Verb("status");
        command.Add(names);
        command.Add(Json);
        command.Add(wide);
        command.SetAction(p => StatusCommand.Run(p.GetValue(Socket), p.GetValue(names)!, p.GetValue(Json), p.GetValue(wide)));
        return command;
    }

    private static Command Top()
    {
        var command = Verb("top");
        command.SetAction(p => TopCommand.Run(p.GetValue(Socket)));
        return command;
    }

    private static Command Explain()
    {
        var names = Names(isNeeded: true);
        var command = Verb("explain");
        command.Add(names);
        command.Add(Json);
        command.SetAction(p => ExplainCommand.Run(p.GetValue(Socket), p.GetValue(names)!, p.GetValue(Json)));
        return command;
    }

    private static Command Order(string name)
    {
        var names = Names(isNeeded: false);
        var all = new Option<bool>("--all") { Description = "all vassals, a few at a time" };
        var noWait = new Option<bool>("--no-wait") { Description = "do not wait for the outcome" };
        var timeout = Timeout<int?>(
            "how long the outcome of each is waited for, in seconds (60, or as long as a program may take to get ready)"
        );
        var command = Verb(name);
        command.Add(names);
        command.Add(all);
        command.Add(noWait);
        command.Add(timeout);
        command.Add(Json);
        command.Validators.Add(r =>
        {
            var isNamed = r.GetValue(names) is { Length: > 0 };
            if (isNamed == r.GetValue(all))
                r.AddError(isNamed ? "either name vassals, or say --all" : "name the vassals, or say --all");
        });
        command.SetAction(p =>
            OrderCommand.Run(
                p.GetValue(Socket),
                new ControlRequest
                {
                    Verb = name,
                    Names = p.GetValue(names),
                    All = p.GetValue(all),
                    NoWait = p.GetValue(noWait),
                    TimeoutMs = p.GetValue(timeout) * 1000,
                },
                p.GetValue(Json)
            )
        );
        return command;
    }

    private static Command Upgrade()
    {
        var timeout = Timeout<int>("how long the outcome is waited for, in seconds (60)");
        timeout.DefaultValueFactory = _ => ControlProtocol.DefaultTimeout / 1000;
        var command = Verb(ControlProtocol.Upgrade);
        command.Add(timeout);
        command.Add(Json);
        command.SetAction(p => UpgradeCommand.Run(p.GetValue(Socket), p.GetValue(timeout), p.GetValue(Json)));
        return command;
    }

    private static Option<T> Timeout<T>(string text)
    {
        const int LongestSeconds = ControlProtocol.LongestTimeout / 1000;
        var timeout = new Option<T>("--timeout") { Description = text, HelpName = "SECONDS" };
        timeout.Validators.Add(r =>
        {
            if (!IsNumber(r, LongestSeconds))
                r.AddError($"--timeout lies between 0 and {LongestSeconds} seconds");
        });
        return timeout;
    }

    // Asking for the value of what is no number would throw.
    private static bool IsNumber(System.CommandLine.Parsing.OptionResult result, int most) =>
        result.Tokens.All(t =>
            int.TryParse(t.Value, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
            && number <= most
        );

    private static Option<bool> Follow() => new("--follow", "-f") { Description = "go on with what comes, until Ctrl+C" };

    private static Option<int> Count(int preset)
    {
        var count = new Option<int>("--lines", "-n")
        {
            Description = $"how many of the last ({preset})",
            HelpName = "N",
            DefaultValueFactory = _ => preset,
        };
        count.Validators.Add(r =>
        {
            if (!IsNumber(r, int.MaxValue))
                r.AddError($"--lines is a number from 0 to {int.MaxValue}");
        });
        return count;
    }

    private static Command Logs()
    {
        var (names, follow, count) = (Names(isNeeded: true), Follow(), Count(20));
        var command = Verb("logs");
        command.Add(names);
        command.Add(follow);
        command.Add(count);
        command.Add(Json);
        command.SetAction(p =>
            FollowCommands.Logs(
                p.GetValue(Socket),
                Following("logs", p.GetValue(names)!, p.GetValue(follow), p.GetValue(count)),
                p.GetValue(Json)
            )
        );
        return command;
    }

    private static Command Events()
    {
        var (names, follow, count) = (Names(isNeeded: false), Follow(), Count(20));
        var command = Verb("events");
        command.Add(names);
        command.Add(follow);
        command.Add(count);
        command.Add(Json);
        command.SetAction(p =>
            FollowCommands.Events(
                p.GetValue(Socket),
                Following("events", p.GetValue(names)!, p.GetValue(follow), p.GetValue(count)),
                p.GetValue(Json)
            )
        );
        return command;
    }

    private static ControlRequest Following(string verb, string[] names, bool isFollowing, int count) =>
        new()
        {
            Verb = verb,
            Names = names,
            Follow = isFollowing,
            Count = count,
        };

    private static Command Check()
    {
        var files = new Argument<string[]>("FILE") { Description = "a vassal's ini file", Arity = ArgumentArity.OneOrMore };
        var command = Verb("check");
        var attributes = new Option<string[]>("--attr")
        {
            Description =
                "a key of section [emperor] that the emperor collects (--emperor-collect-attr), so that it is no mistake; repeatable",
            HelpName = "KEY",
        };
        command.Add(files);
        command.Add(attributes);
        command.Add(Json);
        command.SetAction(p => CheckCommand.Run(p.GetValue(files)!, p.GetValue(attributes) ?? [], p.GetValue(Json)));
        return command;
    }

    private static Command Config()
    {
        var name = new Argument<string>("NAME|FILE") { Description = "a vassal's name, or an ini file" };
        var command = Verb("config");
        command.Add(name);
        command.SetAction(p => ConfigCommand.Run(p.GetValue(Socket), p.GetValue(name)!));
        return command;
    }

    private static Command Complete()
    {
        var prefix = new Argument<string>("PREFIX") { Arity = ArgumentArity.ZeroOrOne };
        var command = new Command(VerbList.Completion, "Print the vassals' names that begin so.") { Hidden = true };
        command.Add(prefix);
        command.SetAction(p => StatusCommand.Complete(p.GetValue(Socket), p.GetValue(prefix) ?? ""));
        return command;
    }
}
