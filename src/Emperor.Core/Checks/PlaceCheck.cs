using Emperor.Core.Configuration;

namespace Emperor.Core.Checks;

/// <summary>Whether what a vassal's options name is there: folders, files, users, groups, modules, plugins, programs.</summary>
internal sealed class PlaceCheck(ExportedOption[] options, IConfigHost host, KnownAccounts accounts, List<ConfigProblem> problems)
{
    private static readonly string[] Folders = ["chdir", "chdir2", "virtualenv", "venv", "home", "pyhome", "rails", "cwd"];

    private static readonly string[] ProgramFiles =
    [
        "wsgi-file",
        "file",
        "psgi",
        "rack",
        "lua",
        "php-app",
        "ini-paste",
        "paste-file",
        "pyrun",
    ];

    private static readonly string[] PythonModules = ["module", "wsgi", "pymodule"];

    private static readonly string[] WrittenFiles = ["logto", "logto2", "pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2"];

    private static readonly string[] PluginFolders =
    [
        "/usr/lib/uwsgi/plugins",
        "/usr/lib64/uwsgi",
        "/usr/lib/uwsgi",
        "/usr/local/lib/uwsgi",
    ];

    // Built into every uwsgi that distributions make, so that no file holds them.
    private static readonly string[] BuiltIn =
    [
        "corerouter",
        "http",
        "rpc",
        "signal",
        "ping",
        "cache",
        "nagios",
        "carbon",
        "rrdtool",
        "gevent",
    ];

    private readonly string _folder = FolderAfterChdir(options, host);

    /// <summary>Looks at all of them.</summary>
    public void Run()
    {
        foreach (var option in options)
        {
            if (option.Value is not { Length: > 0 } value || IsUnresolved(value))
                continue;
            if (Folders.Contains(option.Key))
                LookForFolder(option, value);
            else if (ProgramFiles.Contains(option.Key))
                LookForFile(option, value);
            else if (PythonModules.Contains(option.Key))
                LookForModule(option, value);
            else if (WrittenFiles.Contains(option.Key))
                LookForParent(option, value);
            else
                LookForOthers(option, value);
        }
        foreach (var claim in SocketClaim.Of(options, host.WorkingDirectory))
        {
            if (claim.Key.StartsWith('/') && Path.GetDirectoryName(claim.Key) is { } parent && !host.IsDirectory(parent))
                Missing(claim.Origin, $"{claim.Option} = {claim.Address}", $"the folder {parent} does not exist", "make it");
        }
    }

    private void LookForOthers(ExportedOption option, string value)
    {
        switch (option.Key)
        {
            case "uid" when !CNumber.IsNumber(value) && !accounts.HasUser(value):
                Missing(option.Origin, $"uid = {value}", "there is no such user", "make it, or name another");
                break;
            case "gid" when !CNumber.IsNumber(value) && !accounts.HasGroup(value):
                Missing(option.Origin, $"gid = {value}", "there is no such group", "make it, or name another");
                break;
            case "plugin" or "plugins" or "need-plugin" or "need-plugins":
                foreach (var name in value.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries))
                    LookForPlugin(option, name);
                break;
            case "attach-daemon" or "attach-daemon2":
                LookForProgram(option, value);
                break;
            case "static-map" or "static-map2" when value.Contains('='):
                LookForMapped(option, value[(value.IndexOf('=', StringComparison.Ordinal) + 1)..]);
                break;
        }
    }

    private void LookForFolder(ExportedOption option, string value)
    {
        // The first chdir starts where the vassal does, everything else where that has led.
        var path = Full(value, option.Key is "chdir" or "cwd" ? host.WorkingDirectory : _folder);
        if (!host.IsDirectory(path))
            Missing(option.Origin, $"{option.Key} = {value}", $"there is no folder {path}", "make it, or correct the name");
    }

    private void LookForFile(ExportedOption option, string value)
    {
        var path = Full(value, _folder);
        if (!host.IsFile(path))
            Missing(option.Origin, $"{option.Key} = {value}", $"there is no file {path}", "correct the name, or set chdir to its folder");
    }

    private void LookForParent(ExportedOption option, string value)
    {
        var parent = Path.GetDirectoryName(Full(value, _folder));
        if (!value.Contains(':', StringComparison.Ordinal) && parent is not null && !host.IsDirectory(parent))
            Missing(option.Origin, $"{option.Key} = {value}", $"the folder {parent} does not exist", "make it");
    }

    private void LookForMapped(ExportedOption option, string value)
    {
        var path = Full(value, _folder);
        if (!host.Exists(path))
            problems.Add(
                new ConfigProblem(
                    Severity.Warning,
                    option.Origin,
                    $"\"{option.Key} = {option.Value}\": there is no {path}; correct the name"
                )
            );
    }

    private void LookForProgram(ExportedOption option, string value)
    {
        var program = value.Split(' ', 2)[0];
        if (program.StartsWith('/') && !host.IsFile(program))
            Missing(option.Origin, $"{option.Key} = {value}", $"there is no program {program}", "install it, or correct the name");
    }

    // "package.module:callable"; a file with a slash or an ending counts as one.
    private void LookForModule(ExportedOption option, string value)
    {
        var module = value.Split(':')[0];
        if (module.Contains('/', StringComparison.Ordinal) || module.EndsWith(".wsgi", StringComparison.Ordinal))
            return;
        var path = module.Split('(')[0].Replace('.', '/');
        var folders = SearchFolders();
        if (folders.Any(folder => IsModule($"{folder}/{path}")))
            return;
        // A package that is installed for all is not looked for in all places where Python would.
        var isOwn = folders.Any(folder => host.IsDirectory($"{folder}/{path.Split('/')[0]}") || IsModule($"{folder}/{path.Split('/')[0]}"));
        problems.Add(
            new ConfigProblem(
                isOwn || !path.Contains('/', StringComparison.Ordinal) ? Severity.Error : Severity.Warning,
                option.Origin,
                $"\"{option.Key} = {value}\": no module {module} in {string.Join(", ", folders)}; correct the name, or set chdir or pythonpath"
            )
        );
    }

    private bool IsModule(string path) =>
        host.IsFile(path + ".py") || host.IsFile(path + "/__init__.py") || host.Glob(path + ".*.so").Count > 0 || host.IsDirectory(path);

    private List<string> SearchFolders()
    {
        List<string> folders = [_folder];
        foreach (var option in options)
        {
            if (
                option.Key is "pythonpath" or "python-path" or "pp"
                && option.Value is { Length: > 0 } path
                && !folders.Contains(Full(path, _folder))
            )
                folders.Add(Full(path, _folder));
            else if (option.Key is "virtualenv" or "venv" or "home" or "pyhome" && option.Value is { Length: > 0 } home)
                folders.AddRange(host.Glob(Full(home, _folder) + "/lib/python3*/site-packages").Select(found => found.TrimEnd('/')));
        }
        return folders;
    }

    private void LookForPlugin(ExportedOption option, string name)
    {
        // "0:name" gives it a modifier.
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        var plain = colon >= 0 ? name[(colon + 1)..] : name;
        if (BuiltIn.Contains(plain))
            return;
        var own = options
            .Where(o => o.Key is "plugin-dir" or "plugins-dir" && o.Value is { Length: > 0 })
            .Select(o => Full(o.Value!, host.WorkingDirectory));
        string[] folders = [.. own, .. PluginFolders.Where(host.IsDirectory)];
        var isThere =
            plain.StartsWith('/') || plain.EndsWith(".so", StringComparison.Ordinal)
                ? host.IsFile(Full(plain, host.WorkingDirectory))
                : folders.Length == 0 || folders.Any(folder => host.IsFile($"{folder}/{plain}_plugin.so"));
        if (!isThere)
            Missing(
                option.Origin,
                $"{option.Key} = {option.Value}",
                $"there is no {plain}_plugin.so in {string.Join(", ", folders)}",
                $"install it (on Debian the package uwsgi-plugin-{plain.Replace('_', '-')}), or correct the name"
            );
    }

    private void Missing(OptionOrigin origin, string what, string cause, string cure) =>
        problems.Add(new ConfigProblem(Severity.Error, origin, $"\"{Messages.Shown(what)}\": {Messages.Shown(cause)}; {cure}"));

    // What only uwsgi could resolve, and said so.
    private static bool IsUnresolved(string value) =>
        value.Contains("@(", StringComparison.Ordinal)
        || value.Contains("%(", StringComparison.Ordinal)
        || value.Contains("$(", StringComparison.Ordinal);

    private static string FolderAfterChdir(ExportedOption[] options, IConfigHost host)
    {
        var last = options.LastOrDefault(o => o.Key is "chdir" or "cwd")?.Value;
        return string.IsNullOrEmpty(last) ? host.WorkingDirectory : Full(last, host.WorkingDirectory);
    }

    private static string Full(string path, string folder) => Path.GetFullPath(path, folder);
}
