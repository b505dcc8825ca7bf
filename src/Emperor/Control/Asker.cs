using System.Text.Json;
using Emperor.Core.Control;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Succession;

namespace Emperor.Control;

/// <summary>
/// Overview: somebody who has asked for the upgrade over the control socket. He is told how far it is; when nothing comes of it, why; and when it is done, that
/// by the next emperor over the same connection, whose descriptor is an heirloom. The main thread's.
/// </summary>
internal sealed class Asker
{
    // More than a kernel takes a line to go out to a client that reads.
    private const int SendTime = 100;

    private readonly JsonElement? _id;
    private readonly ControlServer? _server;
    private readonly StreamConnection? _stream;
    private Heirlooms? _heirlooms;
    private string? _kept;

    /// <summary>One who is a client of the control socket.</summary>
    /// <param name="server">The control socket.</param>
    /// <param name="client">Which of its clients.</param>
    /// <param name="id">The request's number.</param>
    public Asker(ControlServer server, long client, JsonElement? id) => (_server, Client, _id) = (server, client, id);

    private Asker(StreamConnection stream, JsonElement? id, Heirlooms heirlooms, string kept) =>
        (_stream, _id, _heirlooms, _kept) = (stream, id, heirlooms, kept);

    /// <summary>Which of the control socket's clients; 0 for one who was left by an emperor before this one.</summary>
    public long Client { get; }

    /// <summary>In the next emperor: goes on with one whom the emperor before has left.</summary>
    /// <returns>Null when his connection is lost.</returns>
    public static Asker? Inherit(AskerLegacy legacy, Heirlooms heirlooms) =>
        heirlooms.Take(legacy.Descriptor) is { } fd
            ? new Asker(StreamConnection.Inherit(fd), IdOf(legacy.Id), heirlooms, legacy.Descriptor)
            : null;

    /// <summary>Tells him how far it is.</summary>
    /// <param name="phase">In a word: "probing", "leaving".</param>
    public void Tell(string phase) =>
        Say(
            new ControlReply
            {
                Id = _id,
                More = true,
                Phase = phase,
            }
        );

    /// <summary>Nothing comes of it: this emperor goes on.</summary>
    public void Refuse(string reason) => End(ControlReply.Failed(_id, "refused", reason));

    /// <summary>It is done: this is the new emperor.</summary>
    public void Succeed(UpgradeReport report) => End(new ControlReply { Id = _id, Upgrade = report });

    /// <summary>
    /// Leaves him to the next emperor, while the control socket is quiet (<see cref="ControlServer.IsQuiet"/>). His connection stays what it is: when
    /// nobody takes this one's place, he is refused as ever.
    /// </summary>
    /// <returns>Null when he has gone, or does not read.</returns>
    public AskerLegacy? Leave(Heirlooms heirlooms)
    {
        if (_server?.DescriptorOf(Client) is not { } fd)
            return null;
        _heirlooms?.Drop(_kept);
        _heirlooms = heirlooms;
        _kept = heirlooms.Keep("asker", fd, isStored: false);
        return new AskerLegacy(_kept, _id?.GetRawText());
    }

    private static JsonElement? IdOf(string? text)
    {
        if (text is null)
            return null;
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private void End(ControlReply last)
    {
        Say(last);
        _heirlooms?.Drop(_kept);
        (_heirlooms, _kept) = (null, null);
        _stream?.Dispose();
    }

    private void Say(ControlReply reply)
    {
        if (_stream is null)
        {
            _server!.Answer(new ControlAnswer(Client, _ => reply));
            return;
        }
        var line = ControlProtocol.Line(reply).AsSpan();
        while (_stream.Send(line, out var sent) is var error && line.Length > 0)
        {
            line = line[sent..];
            if (error.Number != 0 && (error != Errno.Again || !_stream.Wait(output: true, SendTime)))
                return;
        }
    }
}
