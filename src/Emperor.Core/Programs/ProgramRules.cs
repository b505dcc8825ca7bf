using Emperor.Core.Configuration;

namespace Emperor.Core.Programs;

/// <summary>Reads how a program is known to be ready and well, and how it is reloaded and started again.</summary>
/// <param name="values">The values of the section [emperor].</param>
/// <param name="folder">Where relative paths start.</param>
/// <param name="besideUwsgi">Whether they refine a uwsgi vassal.</param>
/// <param name="hasSocket">Whether the emperor holds a socket for it.</param>
internal sealed class ProgramRules(ProgramValues values, string folder, bool besideUwsgi, bool hasSocket)
{
    private const long ShortestTime = 100;
    private const long Day = 24 * 3_600_000L;
    private const long Month = 30 * Day;
    private const int LongestPath = 2048;

    // A program without a socket and without a word about readiness is ready when it has not failed at once.
    private const long LivesFor = 1000;

    /// <summary>A signal by its name or number.</summary>
    public static int? SignalOf(ProgramValues values, ExportedOption option, string text)
    {
        if (SignalNames.NumberOf(text) is { } signal)
            return signal;
        values.Refuse(option, "it is no signal", "write its name or number, such as TERM or 15");
        return null;
    }

    /// <summary>restart.</summary>
    public RestartRule Restart()
    {
        if (values.Last("restart") is not { } option)
            return RestartRule.Always;
        switch (option.Value)
        {
            case "always":
                return RestartRule.Always;
            case "on-failure":
                return RestartRule.OnFailure;
            case "never":
                return RestartRule.Never;
            default:
                values.Refuse(option, "there is no such way", "write always, on-failure or never");
                return RestartRule.Always;
        }
    }

    /// <summary>on-demand.</summary>
    public bool OnDemand()
    {
        var isOnDemand = values.Flag("on-demand");
        if (isOnDemand && !hasSocket && !values.Has("socket"))
            values.Refuse(values.Last("on-demand")!, "there is no socket by which it could be started", "add \"socket = ADDRESS\"");
        return isOnDemand;
    }

    /// <summary>idle.</summary>
    public long? Idle()
    {
        var idle = values.Time("idle", ShortestTime, Month);
        if (idle is not null && !besideUwsgi && (!values.Has("on-demand") || !values.Flag("on-demand")))
            values.Refuse(values.Last("idle")!, "it would be stopped for good, as nothing starts it again", "add \"on-demand = true\"");
        return idle;
    }

    /// <summary>health and what belongs to it.</summary>
    public HealthRule? Health()
    {
        var rule = new HealthRule
        {
            Interval = values.Time("health-interval", ShortestTime, Day) ?? 10_000,
            Timeout = values.Time("health-timeout", ShortestTime, Day) ?? 5_000,
            Failures = (int)(values.Number("health-failures", 1, 1000) ?? 3),
        };
        if (values.Last("health") is not { } option)
        {
            foreach (var key in new[] { "health-interval", "health-timeout", "health-failures" })
            {
                if (values.Last(key) is { } useless)
                    values.Refuse(useless, "there is no check", "add \"health = http PATH\" or \"health = exec COMMAND\", or remove it");
            }
            return null;
        }
        var (way, rest) = Split(option);
        switch (way)
        {
            case "http":
                return rule with { Path = HttpPath(option, rest) };
            case "exec":
                return rule with { Command = values.Command(option, rest, folder) };
            default:
                values.Refuse(option, "there is no such check", "write http PATH or exec COMMAND");
                return null;
        }
    }

    /// <summary>reload, with its default.</summary>
    public ProgramPlan WithReload(ProgramPlan plan)
    {
        var usual = hasSocket ? ReloadWay.Overlap : ReloadWay.Restart;
        if (values.Last("reload") is not { } option)
            return plan with { Reload = usual };
        var (way, rest) = Split(option);
        switch (way)
        {
            case "overlap" when rest.Length == 0:
                return plan with { Reload = ReloadWay.Overlap };
            case "restart" when rest.Length == 0:
                return plan with { Reload = ReloadWay.Restart };
            case "signal" when rest.Length == 0:
                values.Refuse(option, "it names no signal", "write one, such as signal HUP");
                break;
            case "signal" when SignalOf(values, option, rest) is { } signal:
                if (SignalNames.NameOf(signal) is "KILL" or "STOP" or "TERM")
                    values.Refuse(
                        option,
                        "that signal ends or stops the program",
                        "write another, such as signal HUP, or reload = restart"
                    );
                return plan with { Reload = ReloadWay.Signal, ReloadSignal = signal };
            case "signal":
                break;
            default:
                values.Refuse(option, "there is no such way", "write overlap, restart or signal NAME");
                break;
        }
        return plan with { Reload = usual };
    }

    /// <summary>ready and ready-timeout, with their defaults.</summary>
    public ProgramPlan WithReady(ProgramPlan plan)
    {
        const long UsualTimeout = 60_000;
        var rule = Ready() ?? UsualReady();
        var timeout = values.Time("ready-timeout", ShortestTime, Day);
        if (timeout <= rule.Delay && rule.Way == ReadyWay.After)
            values.Refuse(
                values.Last("ready-timeout")!,
                $"it would never be ready, as that takes {Quantity.TimeText(rule.Delay)}",
                "remove it, or write more"
            );
        // Nobody has asked for a bound of what uwsgi has done without one.
        var usual = besideUwsgi ? ProgramPlan.Never : UsualTimeout + (rule.Delay < UsualTimeout ? 0 : rule.Delay);
        return plan with { Ready = rule, ReadyTimeout = timeout ?? usual };
    }

    private ReadyRule UsualReady() =>
        besideUwsgi ? new ReadyRule(ReadyWay.Protocol)
        : hasSocket ? new ReadyRule(ReadyWay.Accept)
        : new ReadyRule(ReadyWay.After) { Delay = LivesFor };

    private ReadyRule? Ready()
    {
        if (values.Last("ready") is not { } option)
            return null;
        var (way, rest) = Split(option);
        var isAlone = rest.Length == 0;
        switch (way)
        {
            case "notify" or "accept" when besideUwsgi:
                values.Refuse(
                    option,
                    "uwsgi says itself when it accepts requests",
                    "write protocol, exec COMMAND or after SECONDS, or remove it"
                );
                return null;
            case "notify" when isAlone:
                return new ReadyRule(ReadyWay.Notify);
            case "protocol" when isAlone:
                return new ReadyRule(ReadyWay.Protocol);
            case "accept" when isAlone:
                if (!values.Has("socket"))
                    values.Refuse(option, "there is no socket on which it could accept", "add \"socket = ADDRESS\", or choose another way");
                return new ReadyRule(ReadyWay.Accept);
            case "http":
                return new ReadyRule(ReadyWay.Http) { Path = HttpPath(option, rest) };
            case "exec":
                return new ReadyRule(ReadyWay.Exec) { Command = values.Command(option, rest, folder) };
            case "after" when !isAlone:
                return new ReadyRule(ReadyWay.After) { Delay = values.Time(option, rest, 0, Day) ?? 0 };
            default:
                values.Refuse(option, "there is no such way", "write accept, notify, http PATH, exec COMMAND, protocol or after SECONDS");
                return null;
        }
    }

    private string HttpPath(ExportedOption option, string path)
    {
        if (besideUwsgi)
            values.Refuse(
                option,
                "the sockets of a uwsgi vassal are its own",
                "write exec COMMAND, such as exec curl -fs http://127.0.0.1:8000/"
            );
        else if (!values.Has("socket"))
            values.Refuse(option, "there is no socket that could be asked", "add \"socket = ADDRESS\", or write exec COMMAND");
        else if (path.Length > 0 && path[0] != '/')
            values.Refuse(option, "a path begins with /", "write one such as http /health");
        else if (path.Length > LongestPath || path.Any(c => c is <= ' ' or >= '\x7f'))
            values.Refuse(option, "that is no path of a URL", "write one such as http /health, without blanks");
        return path.Length == 0 ? "/" : path;
    }

    private static (string Way, string Argument) Split(ExportedOption option)
    {
        var value = (option.Value ?? "").Trim();
        var blank = value.AsSpan().IndexOfAny(' ', '\t');
        return blank < 0 ? (value, "") : (value[..blank], value[blank..].Trim());
    }
}
