using System.Globalization;
using Emperor.Core.Configuration;
using Emperor.Core.Sockets;
using Emperor.Core.Vassals;
using Emperor.Linux;

namespace Emperor.Sockets;

/// <summary>What makes vassals on demand; the options keep uWSGI's names.</summary>
/// <param name="Extension">--emperor-on-demand-extension.</param>
/// <param name="Directory">--emperor-on-demand-directory.</param>
/// <param name="Command">--emperor-on-demand-exec.</param>
internal sealed record OnDemandSettings(string? Extension, string? Directory, string? Command)
{
    /// <summary>Whether none is given.</summary>
    public bool IsEmpty => Extension is null && Directory is null && Command is null;
}

/// <summary>
/// Overview: stands between the files and the empire, and says of each accepted file by which socket its vassal is started on demand: one that
/// the service manager has handed over for it, else what the first given of the three options says (<see cref="OnDemandRules"/>). Where a
/// command is asked, the file is held back until it has answered; everything else goes on meanwhile.
/// </summary>
internal sealed class OnDemandResolver(
    OnDemandSettings settings,
    InheritedSockets inherited,
    AddressCommands? commands,
    Func<string, (string Configuration, string Folder)> locate
) : IDisposable
{
    /// <summary>Takes the rights of who owns a vassal's file (--emperor-tyrant); null where the emperor's are used.</summary>
    public Func<VassalOwner, IDisposable>? Act { get; init; }

    private const long FirstRetry = 10_000;
    private const long LongestRetry = 60_000;

    private readonly Dictionary<string, VassalEvent.FileAccepted> _asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (VassalEvent.FileAccepted File, long Due, long Delay, string Failure)> _retries = new(
        StringComparer.Ordinal
    );
    private readonly List<CommandAnswer> _answers = [];

    /// <summary>Whether the answer to a first question is still to come.</summary>
    public bool IsBusy => commands is { IsBusy: true };

    /// <summary>Whether the file of a vassal is held back because its address is being asked for.</summary>
    public bool IsAsking(string vassal) => _asked.ContainsKey(vassal) || _retries.ContainsKey(vassal);

    /// <summary>When something is due by time alone, monotonic milliseconds; null when nothing is.</summary>
    public long? NextDue
    {
        get
        {
            var next = commands?.NextDue;
            foreach (var retry in _retries.Values)
            {
                if (next is null || retry.Due < next)
                    next = retry.Due;
            }
            return next;
        }
    }

    /// <summary>The loop has seen something of a command.</summary>
    public void Hear(long command) => commands?.Hear(command);

    /// <summary>Puts sockets into what has happened to files, holds back what must wait, and adds what has waited long enough.</summary>
    public void Resolve(List<(string Vassal, VassalEvent Event)> events, long now)
    {
        if (settings.IsEmpty && inherited.All.Count == 0)
            return;
        for (var i = 0; i < events.Count; i++)
        {
            var (vassal, @event) = events[i];
            Forget(vassal);
            // A program's sockets stand in its own file.
            if (@event is not VassalEvent.FileAccepted file || file.Plan is { IsProgram: true })
                continue;
            if (Find(vassal, file, now) is { } found)
                events[i] = (vassal, found);
            else
                events.RemoveAt(i--);
        }
        AskAgain(now);
        commands?.TakeAnswers(now, _answers);
        foreach (var answer in _answers)
        {
            if (_asked.Remove(answer.Vassal, out var file) && Conclude(answer, file, now) is { } @event)
                events.Add((answer.Vassal, @event));
        }
        _answers.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => commands?.Dispose();

    private void Forget(string vassal)
    {
        _retries.Remove(vassal);
        if (_asked.Remove(vassal))
            commands!.Cancel(vassal);
    }

    // Null when a command is asked.
    private VassalEvent? Find(string vassal, VassalEvent.FileAccepted file, long now)
    {
        if (inherited.Of(vassal) is { } socket)
            return file with { Socket = new OnDemandSocket(socket.Address) { Inherited = socket.Name } };
        var (configuration, folder) = locate(vassal);
        if (settings.Extension is { } extension)
            return InFile(vassal, Path.Combine(folder, configuration + extension), file);
        if (settings.Directory is { } directory)
        {
            var path = OnDemandRules.InDirectory(Path.Combine(folder, directory), configuration);
            return path is null ? file : At(vassal, path, file, $"its socket in {directory}");
        }
        if (commands is null)
            return file;
        _asked[vassal] = file;
        commands.Ask(vassal, folder, now);
        return null;
    }

    private VassalEvent InFile(string vassal, string path, VassalEvent.FileAccepted file)
    {
        Errno error;
        byte[]? bytes;
        // Whoever owns the vassal's file may have put a link there to what he may not read himself.
        using (ActFor(file))
            bytes = Files.ReadBounded(path, OnDemandRules.LongestAnswer, out error);
        if (error == Errno.NoEntry || error == Errno.NotDirectory)
            return file;
        if (bytes is null)
            return new VassalEvent.FileRefused(
                $"{path}, which holds its socket's address, cannot be read: {error}; make it readable",
                file.Source
            );
        if (bytes.Length > OnDemandRules.LongestAnswer)
            return new VassalEvent.FileRefused(
                $"{path}, which shall hold its socket's address, is larger than {OnDemandRules.LongestAnswer} bytes; write one line into it",
                file.Source
            );
        var address = OnDemandRules.Answer(bytes);
        return address.Length == 0 ? file : At(vassal, address, file, path, file.Source?.RunsAs);
    }

    private IDisposable? ActFor(VassalEvent.FileAccepted file) => file.Source?.RunsAs is { } owner ? Act?.Invoke(owner) : null;

    // An address that the file's owner has written himself is bound with his rights; one that the operator's options make, with the emperor's, and given
    // to that owner.
    private VassalEvent At(string vassal, string text, VassalEvent.FileAccepted file, string source, VassalOwner? writtenBy = null)
    {
        var (configuration, folder) = locate(vassal);
        if (SocketAddress.Parse(text, folder, out var failure) is not { } address)
            return new VassalEvent.FileRefused($"the address of its on-demand socket ({source}): {failure}", file.Source);
        byte[]? bytes;
        using (ActFor(file))
            bytes = Files.ReadBounded(Path.Combine(folder, configuration), ReadLimits.FileBytes, out _);
        var socket = OnDemandRules.WithWishes(new OnDemandSocket(address.ToString()) { BoundAs = writtenBy }, configuration, bytes);
        if (writtenBy is null && file.Source?.RunsAs is { } owner)
            socket = socket with { Owner = string.Create(CultureInfo.InvariantCulture, $"{owner.Uid}:{owner.Gid}") };
        // What is written to the file after this look is a change of its own.
        return new VassalEvent.FileAccepted(file.ModifiedUnix, file.Source, socket, file.Plan);
    }

    // Null when it is what was said before.
    private VassalEvent? Conclude(CommandAnswer answer, VassalEvent.FileAccepted file, long now)
    {
        if (answer.Failure is { } failure)
        {
            _ = _retries.TryGetValue(answer.Vassal, out var last);
            var delay = Math.Min(last.Delay + FirstRetry, LongestRetry);
            _retries[answer.Vassal] = (file, now + delay, delay, failure);
            return failure == last.Failure
                ? null
                : new VassalEvent.FileRefused(
                    $"the command that tells its on-demand socket ({settings.Command}) failed, and is asked again soon: {failure}",
                    file.Source
                );
        }
        _retries.Remove(answer.Vassal);
        return answer.Address.Length == 0 ? file : At(answer.Vassal, answer.Address, file, settings.Command!);
    }

    private void AskAgain(long now)
    {
        foreach (var (vassal, retry) in _retries.Where(r => r.Value.Due <= now && !_asked.ContainsKey(r.Key)).ToArray())
        {
            _retries[vassal] = retry with { Due = long.MaxValue };
            _asked[vassal] = retry.File;
            commands!.Ask(vassal, locate(vassal).Folder, now);
        }
    }
}
