using Emperor.Core.Configuration;
using Emperor.Core.Sockets;

namespace Emperor.Core.Programs;

/// <summary>Reads which sockets a section [emperor] asks for.</summary>
/// <param name="values">Its values.</param>
/// <param name="folder">Where relative paths start.</param>
/// <param name="vassal">The vassal's name without its ending: what sockets are called that have no name.</param>
internal sealed class ProgramSockets(ProgramValues values, string folder, string vassal)
{
    private const int Most = 64;

    // As systemd's FileDescriptorName=.
    private const int LongestName = 255;

    private const int LongestQueue = 65_535;

    /// <summary>Reads them, in the order of their lines.</summary>
    public IReadOnlyList<ProgramSocket> Read()
    {
        var sockets = new List<ProgramSocket>();
        var prototype = new ProgramSocket("", "")
        {
            Mode = Mode(),
            Owner = Owner(),
            Backlog = (int)(values.Number("listen", 1, LongestQueue) ?? 4096),
            ReusePort = values.Flag("reuse-port"),
        };
        foreach (var option in values.All("socket", Most))
        {
            var (name, text) = Split(option.Value ?? "");
            if (SocketAddress.Parse(text, folder, out var failure) is not { } address)
            {
                var cause = failure.Split("; ", 2);
                values.Refuse(option, cause[0], cause.Length > 1 ? cause[1] : "correct it");
                continue;
            }
            if (address.Kind == SocketKind.Path)
                address = address with { Name = Path.GetFullPath(address.Name) };
            if (sockets.Exists(s => s.Address == address.ToString()))
                values.Refuse(option, "that address stands here twice", "remove one");
            else
                sockets.Add(prototype with { Address = address.ToString(), Name = name ?? Nameless() });
        }
        FindUseless(sockets);
        return sockets;
    }

    // NAME=ADDRESS: a name holds no sign with which a path, an abstract name or an internet address could begin, so that nothing is ambiguous but a
    // relative path with a '=' in it, which is written ./a=b then.
    private static (string? Name, string Address) Split(string value)
    {
        var equals = value.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? "" : value[..equals].TrimEnd(' ');
        return
            name.Length is > 0 and <= LongestName
            && char.IsAsciiLetter(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? (name, value[(equals + 1)..].TrimStart(' '))
            : (null, value);
    }

    private string Nameless()
    {
        var name = string.Concat(vassal.Select(c => char.IsAscii(c) && !char.IsControl(c) && c is not (':' or ')' or ' ') ? c : '_'));
        return name.Length > LongestName ? name[..LongestName] : name;
    }

    private void FindUseless(List<ProgramSocket> sockets)
    {
        foreach (var key in new[] { "chmod-socket", "chown-socket", "listen", "reuse-port" })
        {
            if (values.Last(key) is not { } option)
                continue;
            if (!values.Has("socket"))
                values.Refuse(option, "there is no socket", "add \"socket = ADDRESS\", or remove it");
            else if (key == "reuse-port" && sockets.Count > 0 && sockets.TrueForAll(s => s.Address[0] is '/' or '@'))
                values.Refuse(option, "none of its sockets has a port", "remove it");
        }
    }

    // As uWSGI: alone, or as 1, for everybody; else three octal digits.
    private int Mode()
    {
        if (values.Last("chmod-socket") is not { } option || option.Value is null or "" or "1")
            return OnDemandSocket.EveryoneMode;
        if (option.Value.Length == 3 && option.Value.All(c => c is >= '0' and <= '7'))
            return Convert.ToInt32(option.Value, 8);
        values.Refuse(option, "it is no mode", "write three octal digits, such as 660");
        return OnDemandSocket.EveryoneMode;
    }

    private string? Owner()
    {
        if (values.Last("chown-socket") is not { } option)
            return null;
        var value = option.Value ?? "";
        var parts = value.Split(':', 2);
        var isFine = values.Account(option, parts[0], "user") is not null;
        return isFine && (parts.Length == 1 || values.Account(option, parts[1], "group") is not null) ? value : null;
    }
}
