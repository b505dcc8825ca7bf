using System.Diagnostics;
using Emperor.Core;
using Emperor.Core.Configuration;
using Emperor.Core.Monitoring;
using Emperor.Core.Programs;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Tyrant;
using Serilog.Events;

namespace Emperor.Monitors;

// What becomes of a file that has changed and come to rest: accepted, refused, or looked at once more.
internal sealed partial class MonitorHub
{
    private VassalEvent? Judge(SettledChange change, Instant now, out bool isMoved)
    {
        isMoved = false;
        _unreadable.Remove(change.Name, out var known);
        if (change.Stamp is not { } stamp)
        {
            // Whatever starts under this name again has a file again first.
            _monitorOf.Remove(change.Name);
            _ownerOf.Remove(change.Name);
            _executed.Remove(change.Name);
            OnOwner?.Invoke(change.Name, null);
            return new VassalEvent.FileGone();
        }
        var monitor = _monitors[change.Monitor];
        var path = monitor.PathOf(change.Name);
        var owned = Tyrant?.Read(path);
        var bytes = Content(change.Name, monitor, owned, out var error, out var read);
        if (bytes is null)
        {
            // Rights may be given without any other change of the file, so it is read again at the next hint or scan.
            var reason = $"{path} cannot be read: {error}; make it readable for the emperor's user";
            _unreadable[change.Name] = reason;
            return known == reason ? null : new VassalEvent.FileRefused(reason, SourceOf(monitor, path, read, bytes));
        }
        // Another file than the one that was looked at, or one that is being written: another look, and then again.
        if (!monitor.IsStampOf(stamp, read))
        {
            _census.Postpone(change, now.Monotonic, Census.Quiet);
            _census.ObserveOne(change.Monitor, change.Name, monitor.LookAt(change.Name, _troubles), now.Monotonic, _conflicts);
            return null;
        }
        var modified = stamp.ModifiedNanoseconds / 1_000_000;
        var refusal = owned?.Refusal;
        var isExecuted = refusal is null && _manner.MayExecute(path, owned?.Owner, Tyrant);
        var source = SourceOf(monitor, path, read, bytes) with { RunsAs = owned?.Owner, IsExecuted = isExecuted };
        ProgramPlan? plan = null;
        if (refusal is null && isExecuted)
            refusal = bytes.Length == 0 ? "the file is empty, and can be executed; write a program into it, or remove it" : null;
        else if (refusal is null)
        {
            plan = Examine(change.Name, monitor.WorkingFolder, bytes, owned?.Owner, out refusal);
            refusal ??= _manner.Collect(change.Name, bytes, plan, ref source);
        }
        // Another's file needs another process, and the one that runs shall not read it.
        isMoved = owned is not null && _ownerOf.TryGetValue(change.Name, out var formerOwner) && formerOwner != owned.Owner;
        if (isMoved)
            _ownerOf.Remove(change.Name);
        if (owned is not null)
            OnOwner?.Invoke(change.Name, owned.Owner);
        if (refusal is null)
        {
            isMoved |= _monitorOf.TryGetValue(change.Name, out var former) && former != change.Monitor;
            // Its command line is another one.
            isMoved |= _monitorOf.ContainsKey(change.Name) && _executed.Contains(change.Name) != isExecuted;
            if (isExecuted)
                _executed.Add(change.Name);
            else
                _executed.Remove(change.Name);
            _monitorOf[change.Name] = change.Monitor;
            foreach (var warning in _programs.Warnings)
                _log.Vassal(LogEventLevel.Warning, "config", change.Name, warning);
            if (owned is not null)
                _ownerOf[change.Name] = owned.Owner;
            return new VassalEvent.FileAccepted(modified / 1000, source, Plan: plan);
        }
        if (!isMoved && owned?.Refusal is null && Math.Abs(now.Unix - modified) < WritingTime)
        {
            _census.Postpone(change, now.Monotonic, WritingPause);
            return null;
        }
        return new VassalEvent.FileRefused(refusal, SourceOf(monitor, path, read, bytes));
    }

    private static byte[]? Content(string vassal, FileMonitor monitor, OwnedFile? owned, out Errno error, out FileStatus read)
    {
        if (owned is null)
            return monitor.Read(vassal, out error, out read);
        (error, read) = (owned.Error, owned.File);
        return owned.Content;
    }

    // What its file names is looked at with the rights of its owner, where it runs as that.
    private ProgramPlan? Examine(string vassal, string folder, byte[] content, VassalOwner? owner, out string? refusal)
    {
        if (owner is null || Tyrant is not { } eye)
            return _programs.Examine(vassal, folder, content, out refusal);
        try
        {
            ProgramPlan? plan;
            _programs.Prepare();
            using (eye.Act(owner))
                plan = _programs.Examine(vassal, folder, content, out refusal);
            if (plan is null || refusal is not null)
                return null;
            if (OwnedPlan.LeftOut(plan) is { Count: > 0 } options)
                _programs.Warn(
                    $"{string.Join(", ", options)} of section [uwsgi] are left out under --emperor-tyrant, as the emperor would do them with its own rights"
                );
            return OwnedPlan.Of(vassal, plan, owner, eye.InitGroups, out refusal);
        }
        catch (LinuxException e)
        {
            refusal =
                $"the emperor cannot act for user {OwnerEye.NameOf(owner.Uid)}, who owns the file: {e.Message}; run it as root, or with "
                + "CAP_SETUID and CAP_SETGID";
            return null;
        }
    }

    private static VassalSource SourceOf(FileMonitor monitor, string path, FileStatus read, byte[]? bytes)
    {
        var target = Files.Target(path);
        var digest = bytes is null ? "" : Sha256.Hex(bytes);
        return new VassalSource(path, target is null || target == path ? path : target, monitor.Argument, read.Uid, read.Gid, digest);
    }
}
