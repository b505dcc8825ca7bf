using System.Text;

namespace Emperor.Core.Configuration;

/// <summary>Opening files: ini, include, inherit, and names without an option.</summary>
internal sealed partial class ReadingSession
{
    private static readonly string[] Schemes = ["emperor", "http", "https", "data", "sym", "section", "fd", "exec", "call", "callint"];

    private static readonly string[] OtherFormats = [".xml", ".yaml", ".yml", ".json", ".js"];

    private int _depth;
    private int _filesRead;
    private long _fileBytes;
    private string? _lastFile;

    /// <summary>A file whose format follows from its name. It never changes what %O, %D and the like say.</summary>
    private void LoadByExtension(string name, OptionOrigin origin)
    {
        if (_manner.IsLenient && SchemeOf(name) is { } scheme)
        {
            Skip(origin, $"\"{Shown(name)}\" is not looked into: nothing is run or fetched ({scheme}://) to look at a configuration");
            return;
        }
        // uWSGI refuses FILE.ini:section here, although it takes it after --ini.
        var colon = name.LastIndexOf(':');
        var file = colon > 0 ? name[..colon] : name;
        if (file.EndsWith(".ini", StringComparison.Ordinal))
            LoadIni(name, origin, keepFirst: false);
        else if (name.Length == 0)
            Fail(origin, "a configuration file has no name; write the name of an ini file");
        else if (OtherFormats.Any(extension => file.EndsWith(extension, StringComparison.Ordinal)))
            FailFormat(name, origin);
        else
            Fail(origin, $"\"{Shown(name)}\" is no configuration file: its name does not end in .ini; rename it, or name it with --ini");
    }

    private void FailFormat(string name, OptionOrigin origin)
    {
        if (_manner.IsLenient)
        {
            Skip(origin, $"\"{Shown(name)}\" is not looked into: only ini files are");
            return;
        }
        Fail(
            origin,
            $"\"{Shown(name)}\": Emperor reads its own options from ini files only (vassals may use any format); "
                + "\"uwsgi --show-config --no-server\" prints such a file as ini"
        );
    }

    /// <summary>Reads "FILE", "FILE:SECTION" or ":SECTION", which is another section of the file that was read last.</summary>
    private void LoadIni(string name, OptionOrigin origin, bool keepFirst)
    {
        var isLord = name.StartsWith(IConfigHost.LordScheme, StringComparison.Ordinal);
        var colon = name.LastIndexOf(':');
        if (isLord && colon < IConfigHost.LordScheme.Length)
            colon = -1;
        var file = colon < 0 ? name : name[..colon];
        var section = colon < 0 ? "" : name[(colon + 1)..];
        if (_manner.IsLenient && SchemeOf(name) is { } skipped)
        {
            Skip(origin, $"\"{Shown(name)}\" is not looked into: nothing is run or fetched ({skipped}://) to look at a configuration");
            return;
        }
        if (!isLord && SchemeOf(name) is { } scheme)
            Fail(origin, $"\"{Shown(name)}\": Emperor does not read its configuration through {scheme}://; write an ini file and name it");
        else if (colon == 0 && _lastFile is null)
            Fail(origin, $"\"{Shown(name)}\" means a section of the file before, but no file was read before; write FILE:SECTION");
        else if (_depth >= ReadLimits.Depth)
            Fail(origin, $"\"{Shown(name)}\": files include each other {ReadLimits.Depth} deep; look for one that includes itself");
        else if (++_filesRead > _manner.Files)
            Fail(origin, $"\"{Shown(name)}\": more than {_manner.Files} files are read; look for an include within a loop");
        if (_stopped)
            return;
        var openName = new MagicVariables.OpenName(name, file) { Open = true };
        if (!FillMagic(openName, name, file, section, origin, keepFirst))
            return;
        _depth++;
        ReadIni(colon == 0 ? _lastFile! : file, section.Length == 0 ? _manner.Section : section, origin);
        _depth--;
        openName.Open = false;
    }

    private bool FillMagic(MagicVariables.OpenName openName, string name, string file, string section, OptionOrigin origin, bool keepFirst)
    {
        if (name == "-" || name.StartsWith(IConfigHost.LordScheme, StringComparison.Ordinal))
        {
            _magic.OpenNameless(openName);
            return true;
        }
        if (name.StartsWith(':'))
        {
            _magic.OpenSection(openName, section, keepFirst);
            return true;
        }
        var path = ConfigText.ToText(file);
        var fullName = FullName(path);
        if (fullName is null)
        {
            Fail(origin, file.Length == 0 ? "a configuration file has no name; write one" : CannotRead(file, "no such file"));
            return false;
        }
        var binary = ConfigText.ToByteString(_host.BinaryPath);
        _magic.OpenFile(openName, ConfigText.ToByteString(fullName), section, _host.Inode(fullName), binary, keepFirst);
        return true;
    }

    /// <summary>A link keeps its own name, so that many links to one file give different names; all else is resolved.</summary>
    private string? FullName(string path)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
            return null;
        if (!_host.IsLink(path))
            return _host.RealPath(path);
        return path[0] == '/' ? path : _host.WorkingDirectory + "/" + path;
    }

    private void ReadIni(string file, string section, OptionOrigin origin)
    {
        var path = ConfigText.ToText(file);
        var reading = ReadFile(path);
        _lastFile = file;
        if (reading.Bytes is not { } bytes)
        {
            Fail(origin, CannotRead(file, reading.Error ?? "unknown error"));
            return;
        }
        var (text, lines) = _magic.Substitute(Encoding.Latin1.GetString(bytes), _manner.IsProgram);
        var found = false;
        foreach (var line in IniText.Lines(text))
        {
            if (line.Section != section)
                continue;
            found = true;
            Add(line.Key, line.Value, OptionOrigin.File(path, lines[line.Line]));
            if (_stopped)
                return;
        }
        if (!found)
            Report(OptionOrigin.File(path, 0), IniDiagnosis.WhyNothing(text, lines, ConfigText.ToText(section)));
    }

    // Many files of the largest size would take too long together.
    private FileReading ReadFile(string path)
    {
        var reading = _host.ReadFile(path, ReadLimits.FileBytes);
        _fileBytes += reading.Bytes?.Length ?? 0;
        return _manner.FileBytes > 0 && _fileBytes > _manner.FileBytes
            ? FileReading.Failed($"the files that are read have more than {_manner.FileBytes >> 20} MiB together")
            : reading;
    }

    private static string CannotRead(string file, string error) => $"cannot read \"{Shown(file)}\": {error}; create it or correct the name";

    private static string? SchemeOf(string name) =>
        Schemes.FirstOrDefault(scheme => name.StartsWith(scheme + "://", StringComparison.Ordinal));
}
