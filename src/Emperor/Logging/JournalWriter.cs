using System.Text;
using Emperor.Core;
using Emperor.Linux;
using Serilog.Events;

namespace Emperor.Logging;

/// <summary>
/// Writes events to the journal with their fields, in its own protocol (systemd's "Native Journal Protocol": KEY=value lines in one
/// datagram), so that `journalctl -u emperor VASSAL=shop.ini EVENT=died` finds them.
/// </summary>
internal sealed class JournalWriter : IDisposable
{
    /// <summary>Where the journal listens.</summary>
    internal const string Address = "/run/systemd/journal/socket";

    private readonly UnixDatagram _socket;

    private JournalWriter(UnixDatagram socket) => _socket = socket;

    /// <summary>Opens the way to the journal; null when there is none.</summary>
    public static JournalWriter? Open() => UnixDatagram.Open(Address) is { } socket ? new JournalWriter(socket) : null;

    /// <summary>Writes an event.</summary>
    /// <returns>False when the journal does not take it.</returns>
    public bool TryWrite(LogEvent logEvent)
    {
        var fields = new StringBuilder();
        fields.Append("MESSAGE=").Append(PlainText.OneLine(LineFormatter.Render(logEvent))).Append('\n');
        fields.Append("PRIORITY=").Append(LineFormatter.PriorityOf(logEvent.Level)).Append('\n');
        fields.Append("SYSLOG_IDENTIFIER=emperor\n");
        foreach (var (name, value) in logEvent.Properties)
        {
            if (name is "Event" or "Vassal" or "Incarnation" or "Exit" && value is ScalarValue { Value: { } scalar })
                fields.Append(name.ToUpperInvariant()).Append('=').Append(PlainText.OneLine(scalar.ToString() ?? "")).Append('\n');
        }
        return _socket.Send(fields.ToString()).Number == 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
