using System.Globalization;
using System.Text;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Succession;

namespace Emperor.Processes;

/// <summary>
/// Overview: what makes sure that nothing of the emperor runs after it, even when it is killed with SIGKILL. The parent-death signal ends
/// only the vassals themselves, and with that their workers become orphans that nobody ends. So a small shell waits on a pipe whose other
/// end only the emperor holds; when that end closes without a farewell, it kills the sessions in a list that the emperor keeps up to date
/// in a memory file, and every process that carries the emperor's mark in its environment, until none is found.
///
/// <para>Where the service manager keeps descriptors, it holds the end of the pipe too: then the guard waits on while one emperor follows another, and it
/// strikes when the service manager gives up and lets go of them.</para>
/// </summary>
internal sealed class Guard : IDisposable
{
    private const int RecordLength = 11;
    private const string Shell = "/bin/sh";

    // Not an argument: people read those, in systemctl status and ps.
    private const string Variable = "EMPEROR_GUARD";

    // $1 is the mark. Descriptor 3 is the pipe, 4 the list. Field 4 behind the name in /proc/PID/stat is the session.
    private const string Script = """
        trap '' HUP INT QUIT TERM
        exec 0</dev/null
        read -r word <&3 && [ "$word" = farewell ] && exit 0
        sessions=" $(tr -s ' \n' '  ' </proc/self/fd/4) "
        for s in $sessions; do [ "$s" -gt 1 ] && kill -9 -- "-$s"; done 2>/dev/null
        round=0
        while [ $round -lt 100 ]; do
            found=
            for d in /proc/[0-9]*; do
                # A process's name may hold anything, a newline too; what follows the last parenthesis is ours to read.
                stat=
                { while IFS= read -r line || [ -n "$line" ]; do stat="$stat $line"; done <"$d/stat"; } 2>/dev/null
                [ -n "$stat" ] || continue
                set -- "$1" ${stat##*) }
                [ "$2" = Z ] && continue
                case $sessions in *" $5 "*) [ "$5" -gt 1 ] && found="$found ${d#/proc/}" ;; esac
            done
            for f in $(grep -lsaz "^$1\." /proc/[0-9]*/environ 2>/dev/null); do
                f=${f#/proc/}
                found="$found ${f%/environ}"
            done
            [ -z "$found" ] && exit 0
            kill -9 $found 2>/dev/null || for p in $found; do
                # A tyrant that may become others, and not kill what is theirs, becomes them for it.
                user=0
                { while read -r key value rest; do [ "$key" = Uid: ] && user=$value; done <"/proc/$p/status"; } 2>/dev/null
                [ "$user" -gt 0 ] && setpriv --reuid="$user" --clear-groups -- sh -c 'kill -9 "$1"' sh "$p" 2>/dev/null
            done
            round=$((round + 1))
        done
        exit 1
        """;

    private readonly string _mark;
    private readonly Heirlooms _heirlooms;
    private readonly SafeFd _list;
    private readonly string _listName;
    private readonly Stack<int> _freeSlots = new();
    private SafeFd? _pipe;
    private string? _pipeName;
    private string? _exitName;
    private int _slots;

    /// <summary>Prepares a guard, or takes over the one that a former emperor has left.</summary>
    /// <param name="mark">It is over everything whose environment holds this followed by a dot.</param>
    /// <param name="heirlooms">The descriptors that pass on.</param>
    /// <param name="legacy">What was left; null for nothing.</param>
    public Guard(string mark, Heirlooms heirlooms, GuardLegacy? legacy)
    {
        (_mark, _heirlooms) = (mark, heirlooms);
        if (legacy is not null && heirlooms.Take(legacy.List) is { } list)
        {
            (_list, _listName, _slots) = (list, legacy.List, legacy.Slots);
            foreach (var slot in legacy.FreeSlots)
                _freeSlots.Push(slot);
            Inherit(legacy);
            return;
        }
        _list = Files.CreateMemoryFile("emperor-sessions");
        _listName = heirlooms.Keep("sessions", _list.Number, isVital: true);
    }

    /// <summary>Whether a descriptor that passes on is one of a guard's, by its name.</summary>
    public static bool IsName(string name) => name.StartsWith($"{Heirlooms.Prefix}g", StringComparison.Ordinal);

    /// <summary>What it leaves; null when no guard runs.</summary>
    public GuardLegacy? Legacy =>
        Process is { } process && _exitName is { } exit && _pipeName is { } pipe
            ? new GuardLegacy(process.Pid, exit, pipe, _listName, _slots, [.. _freeSlots.Reverse()])
            : null;

    /// <summary>The guarding process; null when it could not be started.</summary>
    public PidRef? Process { get; private set; }

    /// <summary>Whether a process is a guard.</summary>
    public static bool IsOne(int pid) => ProcFs.EnvironmentVariable(pid, Variable) is not null;

    /// <summary>Starts the guard, or another one when the last is gone.</summary>
    /// <returns>Why not; no error when it runs.</returns>
    public Errno Start()
    {
        Forget();
        var (read, write) = Files.CreatePipe();
        _pipe = write;
        using (read)
        using (var none = Files.OpenNull())
        {
            Process = Spawn.Start(
                new SpawnRequest
                {
                    Program = Shell,
                    Arguments = ["sh", "-c", $"eval \"${Variable}\"", "emperor-guard", _mark],
                    Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", $"{Variable}={Script}"],
                    WorkingDirectory = "/",
                    Descriptors = [none.Number, none.Number, none.Number, read.Number, _list.Number],
                },
                out var error
            );
            if (Process is { } process)
                (_pipeName, _exitName) = (
                    _heirlooms.Keep("guard", write.Number, isVital: true),
                    _heirlooms.Keep("guardian", process.Fd, isVital: true)
                );
            return error;
        }
    }

    /// <summary>The sessions on the list, by their places.</summary>
    public IEnumerable<(int Slot, int Session)> Listed()
    {
        var record = new byte[RecordLength];
        for (var slot = 0; slot < _slots; slot++)
        {
            if (Files.ReadAt(_list, record, (long)slot * RecordLength, out var count).Number != 0 || count < RecordLength)
                continue;
            var text = Encoding.ASCII.GetString(record).Trim();
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var session) && session > 1)
                yield return (slot, session);
        }
    }

    /// <summary>Puts a session on the list of what ends with the emperor.</summary>
    /// <returns>Its place there.</returns>
    public int Enlist(int session)
    {
        var slot = _freeSlots.TryPop(out var free) ? free : _slots++;
        Write(slot, session);
        return slot;
    }

    /// <summary>Takes the session of a process that has been reaped off the list.</summary>
    public void Delist(int slot)
    {
        Write(slot, 0);
        _freeSlots.Push(slot);
    }

    /// <summary>Tells the guard that the emperor leaves in order and nothing is left to end.</summary>
    public void Farewell()
    {
        if (_pipe is { } pipe)
            _ = Files.WriteAll(pipe.Number, "farewell\n"u8);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Forget();
        _heirlooms.Drop(_listName);
        _list.Dispose();
    }

    // A pipe whose guard is gone, or the other way round, is no guard: another is started.
    private void Inherit(GuardLegacy legacy)
    {
        var (pipe, exit) = (_heirlooms.Take(legacy.Pipe), _heirlooms.Take(legacy.Exit));
        (_pipe, _pipeName, _exitName) = (pipe, legacy.Pipe, legacy.Exit);
        Process = exit is null ? null : PidRef.Adopt(legacy.Pid, exit);
        if (pipe is null || Process?.HasEnded(out _) != false)
            Forget();
    }

    private void Forget()
    {
        _heirlooms.Drop(_pipeName);
        _heirlooms.Drop(_exitName);
        (_pipeName, _exitName) = (null, null);
        Process?.Dispose();
        Process = null;
        _pipe?.Dispose();
        _pipe = null;
    }

    private void Write(int slot, int session)
    {
        var record = string.Create(CultureInfo.InvariantCulture, $"{session, RecordLength - 1}\n");
        _ = Files.WriteAt(_list, Encoding.ASCII.GetBytes(record), (long)slot * RecordLength);
    }
}
