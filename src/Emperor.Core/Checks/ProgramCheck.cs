using System.Globalization;
using Emperor.Core.Configuration;
using Emperor.Core.Programs;

namespace Emperor.Core.Checks;

/// <summary>
/// Whether what a section [emperor] names is there (programs, folders, files, users, groups), and what in it is allowed, but hardly meant.
/// </summary>
/// <param name="reading">What was read.</param>
/// <param name="host">What may be asked of the world.</param>
/// <param name="accounts">Users and groups.</param>
/// <param name="problems">Where what is found goes.</param>
internal sealed class ProgramCheck(ProgramReading reading, IConfigHost host, KnownAccounts accounts, List<ConfigProblem> problems)
{
    private const string UsualPath = "/usr/local/bin:/usr/bin:/bin";

    /// <summary>The addresses that the emperor would listen on for it.</summary>
    public IReadOnlyList<SocketClaim> Sockets { get; } = Claims(reading, host);

    /// <summary>Looks at all of it.</summary>
    public void Run()
    {
        problems.AddRange(reading.Problems);
        if (reading.Plan is not { } plan)
            return;
        LookForAccounts(plan);
        LookForPlaces(plan);
        LookForPrograms(plan);
        LookAtTexts();
        LookAtProcessors(plan);
    }

    // Each good socket line has made one socket, in order.
    private static SocketClaim[] Claims(ProgramReading reading, IConfigHost host)
    {
        if (reading.Plan is not { } plan)
            return [];
        var origins = reading.Options.Where(o => o.Key == "socket").Select(o => o.Origin);
        var options = plan.Sockets.Zip(origins, (socket, origin) => new ExportedOption("socket", socket.Address, origin));
        return [.. SocketClaim.Of(options, host.WorkingDirectory)];
    }

    private void LookForAccounts(ProgramPlan plan)
    {
        LookForUser("uid", plan.User);
        LookForGroup("gid", plan.Group);
        foreach (var group in plan.Groups ?? [])
            LookForGroup("groups", group);
        if (plan.Sockets is [{ Owner: { } owner }, ..])
        {
            var parts = owner.Split(':', 2);
            LookForUser("chown-socket", parts[0]);
            LookForGroup("chown-socket", parts.Length > 1 ? parts[1] : null);
        }
    }

    private void LookForUser(string key, string? name)
    {
        if (name is not null && !CNumber.IsNumber(name) && !accounts.HasUser(name))
            Tell(key, $"there is no user {name}", "make it, or name another");
    }

    private void LookForGroup(string key, string? name)
    {
        if (name is not null && !CNumber.IsNumber(name) && !accounts.HasGroup(name))
            Tell(key, $"there is no group {name}", "make it, or name another");
    }

    private void LookForPlaces(ProgramPlan plan)
    {
        if (!host.IsDirectory(plan.Folder))
            Tell("chdir", $"there is no folder {plan.Folder}", "make it, or correct the name");
        foreach (var file in plan.EnvironmentFiles.Where(f => f[0] != '-' && !host.IsFile(f)))
            Tell("env-file", $"there is no file {file}", "write it, or put a - before its name if it may be missing", file);
        foreach (var path in plan.Limits.ReadOnlyPaths.Where(p => !host.Exists(p)))
            Tell("read-only", $"there is no {path}", "make it, or correct the name", path);
        foreach (var claim in Sockets)
        {
            if (claim.Key.StartsWith('/') && Path.GetDirectoryName(claim.Key) is { } parent && !host.IsDirectory(parent))
                problems.Add(
                    new ConfigProblem(
                        Severity.Error,
                        claim.Origin,
                        $"\"socket = {Messages.Shown(claim.Address)}\": the folder {Messages.Shown(parent)} does not exist; make it"
                    )
                );
        }
    }

    private void LookForPrograms(ProgramPlan plan)
    {
        if (plan.IsProgram)
            LookForProgram("exec", plan.Exec[0], plan);
        if (plan.Ready.Command is [var ready, ..])
            LookForProgram("ready", ready, plan);
        if (plan.Health?.Command is [var health, ..])
            LookForProgram("health", health, plan);
    }

    private void LookForProgram(string key, string program, ProgramPlan plan)
    {
        if (program.StartsWith('/'))
        {
            if (!host.IsFile(program))
                Tell(key, $"there is no program {program}", "install it, or correct the name");
            return;
        }
        // Where its environment says, unless only files that are read at the start know.
        const string Path = "PATH=";
        var own = plan.Environment.FirstOrDefault(v => v.StartsWith(Path, StringComparison.Ordinal))?[Path.Length..];
        var path = own ?? host.GetEnvironment("PATH") ?? UsualPath;
        if (!path.Split(':').Any(folder => host.IsFile($"{(folder.Length == 0 ? plan.Folder : folder)}/{program}")))
            Tell(key, $"there is no program {program} in {path}", "install it, or write its whole path");
    }

    // As they are meant for a shell, or for uWSGI's placeholders, though neither acts on them.
    private void LookAtTexts()
    {
        foreach (var option in reading.Options.Where(o => o.Key is "exec" or "ready" or "health" or "env"))
        {
            var value = option.Value ?? "";
            for (
                var at = value.IndexOf("%(", StringComparison.Ordinal);
                at >= 0;
                at = value.IndexOf("%(", at + 1, StringComparison.Ordinal)
            )
            {
                var end = value.IndexOf(')', at);
                var name = end < 0 ? value[at..] : value[at..(end + 1)];
                if (!name.StartsWith("%(fd", StringComparison.Ordinal))
                    Warn(
                        option,
                        $"{name} is left as it is, since nothing has that name",
                        "define it with set-placeholder = NAME=VALUE if it is a placeholder"
                    );
            }
            if (option.Key != "env" && ShellWords.Split(value, out _, out _)?.FirstOrDefault(IsVariable) is { } variable)
                Warn(
                    option,
                    $"no shell reads it, so {variable} is left as it is",
                    "write $(NAME) for a variable of the emperor's, or run sh -c '…'"
                );
        }
    }

    private static bool IsVariable(string word) =>
        word.Length > 1
        && word[0] == '$'
        && word[1..].Trim('{', '}') is { Length: > 0 } name
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private void LookAtProcessors(ProgramPlan plan)
    {
        if (plan.Limits.CpuMax > host.Processors * 1000L && Last("cpu-max") is { } most)
            Warn(
                most,
                string.Create(CultureInfo.InvariantCulture, $"the machine has {host.Processors} processors, so it has no effect"),
                "write a smaller one; 1 or 100% is one processor"
            );
        if (plan.Limits.CpuAffinity is { } list && Last("cpu-affinity") is { } affinity)
        {
            var first = list.Split([',', '-', ':'])[0];
            if (int.Parse(first, CultureInfo.InvariantCulture) >= host.Processors)
                Warn(
                    affinity,
                    string.Create(CultureInfo.InvariantCulture, $"the machine has {host.Processors} processors, numbered from 0"),
                    "name some of these"
                );
        }
    }

    private ExportedOption? Last(string key) => reading.Options.LastOrDefault(o => o.Key == key);

    // Where nothing of that key stands, its default is to blame, and the place is the program's.
    private void Tell(string key, string cause, string cure, string? end = null)
    {
        var all = reading.Options.Where(o => o.Key == key).ToArray();
        var name = end is null ? null : end[(end.LastIndexOf('/') + 1)..];
        var option =
            all.FirstOrDefault(o => name is { Length: > 0 } && (o.Value ?? "").EndsWith(name, StringComparison.Ordinal))
            ?? all.LastOrDefault()
            ?? Last("exec");
        if (option is not null)
            problems.Add(new ConfigProblem(Severity.Error, option.Origin, Sentence(option, cause, cure)));
    }

    private void Warn(ExportedOption option, string cause, string cure) =>
        problems.Add(new ConfigProblem(Severity.Warning, option.Origin, Sentence(option, cause, cure)));

    private static string Sentence(ExportedOption option, string cause, string cure) =>
        $"\"{option.Key} = {Messages.Shown(option.Value ?? "")}\": {Messages.Shown(cause)}; {cure}";
}
