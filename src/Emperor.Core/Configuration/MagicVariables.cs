using System.Globalization;
using System.Text;

namespace Emperor.Core.Configuration;

/// <summary>
/// The variables %x that uWSGI replaces in the raw text of a file before anything else (core/uwsgi.c, config_magic_table_fill). Strings hold
/// a byte a character.
/// </summary>
internal sealed class MagicVariables
{
    /// <summary>What %V says: the version of uWSGI whose behaviour is followed.</summary>
    public const string Version = "2.0.21";

    /// <summary>Upper-case twins that keep the values of the first file.</summary>
    private const string OfTheFile = "odspcenxij";

    private readonly string[] _values = new string[256];
    private bool _firstFileKept;
    private OpenName? _name;
    private OpenName? _firstName;

    public MagicVariables()
    {
        Array.Fill(_values, "");
        _values['%'] = "%";
        _values['('] = "%(";
        _values['['] = "\u001b";
        _values['V'] = Version;
    }

    public MagicVariables(IConfigHost host)
        : this()
    {
        static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
        var time = host.UnixTime;
        _values['v'] = ConfigText.ToByteString(host.WorkingDirectory);
        _values['h'] = ConfigText.ToByteString(host.HostName);
        _values['t'] = Number(time.ToUnixTimeSeconds());
        _values['T'] = Number((time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        _values['k'] = Number(host.Processors);
        _values['u'] = Number(host.UserId);
        _values['U'] = host.UserName is { } user ? ConfigText.ToByteString(user) : _values['u'];
        _values['g'] = Number(host.GroupId);
        _values['G'] = host.GroupName is { } group ? ConfigText.ToByteString(group) : _values['g'];
    }

    /// <summary>
    /// The name of a file as %o shows it. uWSGI cuts the section off the very string while it reads the file and puts it back afterwards, so
    /// what %o and %O say depends on whether that file is still open.
    /// </summary>
    public sealed class OpenName(string full, string whileOpen)
    {
        public bool Open { get; set; }

        public string Text => Open ? whileOpen : full;
    }

    /// <summary>Sets one variable.</summary>
    public void Set(char letter, string value) => _values[letter] = value;

    /// <summary>A file without a path of its own (the standard input): only %o changes.</summary>
    public void OpenNameless(OpenName name) => _name = name;

    /// <summary>Another section of the file that was read last: only %o and %x change.</summary>
    public void OpenSection(OpenName name, string section, bool keepFirst)
    {
        _name = name;
        _values['x'] = section;
        KeepFirst(keepFirst);
    }

    /// <summary>A file of which the full name is known.</summary>
    public void OpenFile(OpenName name, string fullName, string section, ulong? inode, string binaryPath, bool keepFirst)
    {
        _name = name;
        _values['b'] = binaryPath;
        SetPath(fullName);
        if (inode is { } number)
            _values['i'] = InodeText(number);
        _values['x'] = section;
        KeepFirst(keepFirst);
    }

    /// <summary>Sets everything that follows from a file's full name.</summary>
    public void SetPath(string fullName)
    {
        var slash = fullName.LastIndexOf('/');
        var file = fullName[(slash + 1)..];
        var folder = fullName[..Math.Max(slash, 0)];
        var dot = file.LastIndexOf('.');
        _values['p'] = fullName;
        _values['j'] = HashText(fullName);
        _values['s'] = file;
        _values['d'] = fullName[..(slash + 1)];
        _values['e'] = dot < 0 ? "" : file[(dot + 1)..];
        _values['n'] = dot < 0 ? file : file[..dot];
        _values['c'] = folder[(folder.LastIndexOf('/') + 1)..];
        var parts = folder.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < 10; i++)
            _values['0' + i] = i < parts.Length ? parts[i] : "";
    }

    /// <summary>
    /// Replaces every %x; an x that means nothing is deleted together with its '%', be it a line's end. Also tells, for each line of the
    /// result, on which line of the source it began (from 1).
    /// </summary>
    /// <param name="source">The file's text.</param>
    /// <param name="keepsLone">Whether a '%' before a blank, a line's end or the text's end stays as it is.</param>
    public (string Text, IReadOnlyList<int> Lines) Substitute(string source, bool keepsLone = false)
    {
        var text = new StringBuilder(source.Length);
        var line = 1;
        var lines = new List<int> { line };
        for (var i = 0; i < source.Length; i++)
        {
            var letter = source[i];
            if (letter == '%' && !(keepsLone && (i + 1 >= source.Length || source[i + 1] is ' ' or '\t' or '\r' or '\n')))
            {
                // At the very end of the file '%' takes the terminator with it.
                if (++i >= source.Length)
                    break;
                if (source[i] == '\n')
                    line++;
                var value = Value(source[i]);
                text.Append(value);
                foreach (var character in value)
                    if (character == '\n')
                        lines.Add(line);
                continue;
            }
            text.Append(letter);
            if (letter != '\n')
                continue;
            lines.Add(++line);
        }
        return (text.ToString(), lines);
    }

    private string Value(char letter) =>
        letter switch
        {
            'o' => _name?.Text ?? "",
            'O' => _firstName?.Text ?? "",
            _ => letter < _values.Length ? _values[letter] : "",
        };

    private void KeepFirst(bool keepFirst)
    {
        if (_firstFileKept || !keepFirst)
            return;
        _firstFileKept = true;
        _firstName = _name;
        foreach (var letter in OfTheFile)
            _values[char.ToUpperInvariant(letter)] = _values[letter];
    }

    /// <summary>uWSGI prints the inode as a C int into room for ten characters.</summary>
    private static string InodeText(ulong inode)
    {
        var text = unchecked((int)inode).ToString(CultureInfo.InvariantCulture);
        return text.Length > 10 ? text[..10] : text;
    }

    /// <summary>The hash of Bernstein's with XOR, its bytes in memory order of a little-endian machine.</summary>
    private static string HashText(string path)
    {
        var hash = 5381u;
        foreach (var letter in path)
            hash = ((hash << 5) + hash) ^ unchecked((uint)(sbyte)letter);
        return Convert.ToHexString(BitConverter.GetBytes(hash));
    }
}
