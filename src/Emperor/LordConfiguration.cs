using System.Globalization;
using Emperor.Core.Configuration;
using Emperor.Core.Protocol;
using Emperor.Linux;

namespace Emperor;

/// <summary>
/// The configuration that the emperor above hands to this one, its vassal: a uwsgi packet of modifier1 115 on the socket in UWSGI_EMPEROR_FD_CONFIG, which
/// the scheme emperor:// stands for (uWSGI, core/io.c, uwsgi_scheme_emperor). The first comes by itself, each further one when it is asked for by byte 2.
/// </summary>
internal sealed class LordConfiguration(Func<string, string?> environment)
{
    // uWSGI waits so long for each piece.
    private const int Patience = 5_000;

    // That of one that governs already, whose vassals wait meanwhile.
    private const int ShortPatience = 1_000;

    private SafeFd? _fd;
    private byte[]? _content;
    private bool _hasRead;

    /// <summary>What is read next is asked for anew.</summary>
    public void Renew() => _content = null;

    /// <summary>The configuration.</summary>
    public FileReading Read()
    {
        if (_content is not null)
            return FileReading.Of(_content);
        if (Find() is not { } fd)
            return FileReading.Failed("there is no emperor above this one that hands it over (UWSGI_EMPEROR_FD_CONFIG)");
        if (_hasRead)
            Ask();
        var patience = _hasRead ? ShortPatience : Patience;
        var header = new byte[UwsgiPacket.HeaderSize];
        if (
            Files.ReadUntilClosed(fd, header, patience) < header.Length
            || UwsgiPacket.ConfigurationSize(header) is not { } size
            || Files.ReadUntilClosed(fd, (_content = new byte[size]), patience) < size
        )
        {
            _content = null;
            return FileReading.Failed("the emperor above this one has not handed it over");
        }
        _hasRead = true;
        return FileReading.Of(_content);
    }

    /// <summary>Leaves the socket, with the configuration in it, to the program that this one is about to become.</summary>
    public void Bequeath()
    {
        if (_fd is null)
            return;
        Ask();
        Files.Bequeath(_fd.Number);
    }

    private SafeFd? Find() =>
        _fd ??= Number("UWSGI_EMPEROR_FD_CONFIG") is { } fd && Files.IsInherited(fd) && Files.IsSocket(fd) ? Files.TakeOver(fd) : null;

    private void Ask()
    {
        if (Number("UWSGI_EMPEROR_FD") is { } lord && Files.IsSocket(lord))
            _ = Files.WriteAll(lord, [VassalMessage.SendConfiguration]);
    }

    private int? Number(string variable) =>
        int.TryParse(environment(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var fd) && fd > 2 ? fd : null;
}
