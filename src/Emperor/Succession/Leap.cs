using System.Globalization;
using System.Text;
using Emperor.Control;
using Emperor.Core.Configuration;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Succession;

/// <summary>What a leap needs of others.</summary>
internal sealed record LeapWorld
{
    /// <summary>The path of the program, as this one was started by it.</summary>
    public required string Program { get; init; }

    /// <summary>Its arguments, without its name.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The environment that this emperor was started with, as NAME=VALUE.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>The folder that it was started in.</summary>
    public required string Folder { get; init; }

    /// <summary>The descriptors that pass on.</summary>
    public required Heirlooms Heirlooms { get; init; }

    /// <summary>What is left.</summary>
    public required Testament Testament { get; init; }

    /// <summary>Those who must be quiet at that moment.</summary>
    public required IReadOnlyList<Quieted> Quieted { get; init; }

    /// <summary>Why it has to wait a moment (hooks that run); null when it has not.</summary>
    public required Func<string?> Obstacle { get; init; }

    /// <summary>What is done when all are quiet, before the legacy is written: what was asked at the last moment is taken in.</summary>
    public required Action TakeLast { get; init; }

    /// <summary>The next one who has asked at that moment; null when there is none.</summary>
    public required Func<Asker?> TakeAsker { get; init; }

    /// <summary>Whether a signal has come that this emperor is still to obey. Those that come from now on wait for the next one.</summary>
    public required Func<bool> IsCalled { get; init; }

    /// <summary>What only an emperor that leaves on purpose has to leave.</summary>
    public required Func<Legacy, Legacy> Complete { get; init; }

    /// <summary>What is done last of all, and what else of descriptors passes on as it is.</summary>
    public required Action Bequeath { get; init; }

    /// <summary>Why there may be none at all (--emperor-survive=never, the end has begun); null when there may.</summary>
    public required Func<string?> Refusal { get; init; }

    /// <summary>How long the new program may take to answer, milliseconds.</summary>
    public required long ProbeLimit { get; init; }

    /// <summary>Starts a helper, and ends it.</summary>
    public required Processes.ProcessKeeper Processes { get; init; }

    /// <summary>The loop that listens to the probe.</summary>
    public required EventLoop Loop { get; init; }

    /// <summary>Where it is told.</summary>
    public required EmperorLog Log { get; init; }
}

/// <summary>Somebody who works on a thread of his own, and must not be in the middle of it when the next program takes over.</summary>
/// <param name="Name">Who, as a part of a sentence.</param>
/// <param name="Pause">Asks him to be quiet.</param>
/// <param name="IsQuiet">Whether he is.</param>
/// <param name="Resume">Lets him go on.</param>
internal sealed record Quieted(string Name, Action Pause, Func<bool> IsQuiet, Action Resume);

/// <summary>
/// Overview: the leap from this program to the one that is now at its path, in the same process ("emperor upgrade", SIGUSR2). It goes in steps, each of which
/// can be broken off, and then this emperor goes on as if nothing had been:
/// <list type="number">
/// <item>waiting until no hook runs and no address is being asked for, which could not be carried on;</item>
/// <item>probing: the new program is started beside this one, reads the legacy as it is now and the configuration, and says whether it can be the
/// next emperor (<see cref="Probe"/>);</item>
/// <item>quieting: threads come to rest, so that no line that they have read is lost;</item>
/// <item>leaping: the legacy is written, the descriptors get numbers that survive, and the program is executed.</item>
/// </list>
/// On the main thread, which never waits here.
/// </summary>
internal sealed class Leap(LeapWorld world) : IDisposable
{
    private const long ObstacleLimit = 70_000;
    private const long QuietLimit = 5_000;
    private const long Look = 10;
    private const int MostWords = 4096;

    // All that the emperor obeys: what comes while the programs change waits for the new one.
    private static readonly int[] Signals =
    [
        Linux.Signals.Hangup,
        Linux.Signals.Interrupt,
        Linux.Signals.Quit,
        Linux.Signals.User1,
        Linux.Signals.User2,
        Linux.Signals.Terminate,
        Linux.Signals.Urgent,
    ];

    private Step _step;
    private long _deadline;
    private PidRef? _probe;
    private int _probeSlot;
    private SafeFd? _answer;
    private readonly StringBuilder _words = new();
    private readonly List<Asker> _askers = [];
    private long _asked;
    private bool _hasLent;
    private FileStatus _tried;

    private enum Step
    {
        None,
        Waiting,
        Probing,
        Quieting,
    }

    /// <summary>Whether one is under way.</summary>
    public bool IsUnderWay => _step != Step.None;

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue =>
        _step switch
        {
            Step.None => null,
            Step.Probing => _deadline,
            _ => Environment.TickCount64 + Look,
        };

    /// <summary>Begins one. One that is under way serves all who ask.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="asker">Who asks, and waits for the outcome; null for a signal.</param>
    public void Begin(long now, Asker? asker)
    {
        if (asker is not null)
            _askers.Add(asker);
        if (IsUnderWay)
            return;
        if (world.Refusal() is { } refusal)
        {
            Fail(refusal);
            return;
        }
        _asked = now;
        world.Log.Information("upgrade", $"an upgrade to what is now at {world.Program} was asked for");
        (_step, _deadline) = (Step.Waiting, now + ObstacleLimit);
    }

    /// <summary>The loop has seen an answer of the probe, or its end.</summary>
    public void Hear()
    {
        Read();
        if (_probe?.HasEnded(out var status) != true)
            return;
        Read();
        EndProbe();
        var words = _words.ToString();
        if (Probe.Verdict(words, status) is { } refusal)
            Fail($"{world.Program} cannot be the next emperor: {refusal}");
        else
            Quiet();
    }

    /// <summary>Does what is due.</summary>
    public void Turn(long now)
    {
        if (IsUnderWay && world.Refusal() is { } refusal)
        {
            Fail(refusal);
            return;
        }
        switch (_step)
        {
            case Step.Waiting when world.Obstacle() is not { } obstacle:
                StartProbe(now);
                break;
            case Step.Waiting when now >= _deadline:
                Fail($"{world.Obstacle()} for too long; try again");
                break;
            case Step.Probing when now >= _deadline:
                Fail($"{world.Program} cannot be the next emperor: it has not answered in {world.ProbeLimit / 1000} s");
                break;
            case Step.Quieting when world.Quieted.All(q => q.IsQuiet()) && world.Heirlooms.Store is not { NextDue: not null }:
                Go();
                break;
            case Step.Quieting when now >= _deadline:
                var restless = world.Quieted.FirstOrDefault(q => !q.IsQuiet())?.Name ?? "what the service manager is to keep";
                Fail($"{restless} did not come to rest in {QuietLimit / 1000} s; try again");
                break;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => EndProbe();

    private void StartProbe(long now)
    {
        Tell("probing");
        _words.Clear();
        _tried = Identity();
        try
        {
            using var document = Files.CreateSealedFile("emperor-legacy", LegacyText.Write(world.Testament.Whole()));
            using var none = Files.OpenNull();
            var (read, write) = Files.CreateOutputPipe();
            using (write)
            {
                _answer = read;
                _probe = world.Processes.StartHelper(
                    new SpawnRequest
                    {
                        Program = world.Program,
                        Arguments = [world.Program, Probe.Argument, .. world.Arguments],
                        Environment = world.Environment,
                        Encode = ConfigText.Encode,
                        WorkingDirectory = world.Folder,
                        Descriptors = [none.Number, write.Number, write.Number, document.Number],
                    },
                    out _probeSlot,
                    out var error
                );
                if (_probe is null)
                {
                    Fail($"{world.Program} cannot be the next emperor: it cannot be started: {error}");
                    return;
                }
            }
            world.Loop.Add(_probe.Fd, Token.Make(TokenKind.UpgradeProbe, 0));
            world.Loop.Add(_answer.Number, Token.Make(TokenKind.UpgradeProbe, 0));
            (_step, _deadline) = (Step.Probing, now + world.ProbeLimit);
        }
        catch (Exception e)
        {
            // Whatever it is: vassals are worth more than an upgrade.
            Fail($"it cannot be tried whether {world.Program} can be the next emperor: {e.Message}");
        }
    }

    private void Read()
    {
        Span<byte> chunk = stackalloc byte[1024];
        while (_answer is { } answer && Files.Read(answer, chunk, out var count).Number == 0)
        {
            if (count == 0)
            {
                world.Loop.Remove(answer.Number);
                _answer = null;
                answer.Dispose();
                return;
            }
            // What is last says why.
            _words.Append(Encoding.UTF8.GetString(chunk[..count]));
            if (_words.Length > MostWords)
                _words.Remove(0, _words.Length - MostWords);
        }
    }

    private void EndProbe()
    {
        if (_answer is { } answer)
        {
            world.Loop.Remove(answer.Number);
            answer.Dispose();
        }
        if (_probe is { } probe)
        {
            world.Loop.Remove(probe.Fd);
            world.Processes.EndHelper(probe, _probeSlot);
        }
        (_answer, _probe) = (null, null);
    }

    private void Quiet()
    {
        Tell("leaving");
        foreach (var quieted in world.Quieted)
            quieted.Pause();
        (_step, _deadline) = (Step.Quieting, Environment.TickCount64 + QuietLimit);
    }

    private void Fail(string reason)
    {
        var wasQuieting = _step == Step.Quieting;
        _step = Step.None;
        EndProbe();
        if (wasQuieting)
        {
            foreach (var quieted in world.Quieted)
                quieted.Resume();
        }
        world.Log.Error("upgrade-failed", $"no upgrade, and all goes on as it is: {reason}");
        foreach (var asker in _askers)
            asker.Refuse(reason);
        _askers.Clear();
    }

    private void Tell(string phase)
    {
        foreach (var asker in _askers)
            asker.Tell(phase);
    }

    private void Go()
    {
        // What an obstacle is may have begun while threads came to rest.
        if (world.Obstacle() is not null)
        {
            GoLater();
            return;
        }
        var numbers = new List<int>();
        var failure = TryGo(numbers);
        // Still here.
        foreach (var number in numbers)
            Files.CloseNumber(number);
        if (_hasLent)
            _ = Capabilities.ClearAmbient();
        Self.ReleaseSignals(Signals);
        if (failure is null)
            GoLater();
        else
            Fail(failure);
    }

    private void GoLater()
    {
        foreach (var quieted in world.Quieted)
            quieted.Resume();
        (_step, _deadline) = (Step.Waiting, Environment.TickCount64 + ObstacleLimit);
    }

    // Comes back only with the reason why it could not be done; with null when a signal is to be obeyed first.
    private string? TryGo(List<int> numbers)
    {
        string? left = null;
        try
        {
            world.TakeLast();
            while (world.TakeAsker() is { } asker)
                _askers.Add(asker);
            // An order of the last moment may have begun something.
            if (world.Obstacle() is not null)
                return null;
            // The next one takes for stored what it gets.
            world.Heirlooms.Store?.Turn(Environment.TickCount64);
            if (world.Heirlooms.Store is { NextDue: not null })
                return null;
            world.Testament.Probes.Rest(Environment.TickCount64);
            var legacy = world.Complete(world.Testament.Whole());
            var askers = _askers.Select(a => a.Leave(world.Heirlooms)).OfType<AskerLegacy>().ToArray();
            legacy = legacy with
            {
                Empire = legacy.Empire with { Askers = askers, AskedAt = _asked, LendsCapabilities = !Capabilities.AreKeptOverExec },
            };
            var table = new StringBuilder();
            foreach (var (name, fd) in world.Heirlooms.All)
            {
                var number = Files.DuplicateAbove(fd, Arrival.LowestNumber);
                numbers.Add(number);
                table.Append(CultureInfo.InvariantCulture, $"{name} {number}\n");
            }
            using var document = Files.CreateSealedFile("emperor-legacy", LegacyText.Write(legacy));
            using var tableFile = Files.CreateSealedFile("emperor-heirlooms", Encoding.ASCII.GetBytes(table.ToString()));
            // Where it is already, it may have no right any more to enter; where it is may have been removed.
            var here = Here();
            if (here != world.Folder)
            {
                Environment.CurrentDirectory = world.Folder;
                left = here;
            }
            _hasLent = !Capabilities.AreKeptOverExec;
            if (_hasLent && Capabilities.KeepOverExec() is { Number: not 0 } refused)
                return $"its capabilities cannot be kept: {refused}";
            world.Bequeath();
            Files.Bequeath(document.Number);
            Files.Bequeath(tableFile.Number);
            Self.HoldSignals(Signals);
            if (world.IsCalled() || Identity() != _tried)
                return null;
            var error = Spawn.Replace(
                new SpawnRequest
                {
                    Program = world.Program,
                    Arguments = [world.Program, .. world.Arguments],
                    Environment = [.. world.Environment, $"{Arrival.Variable}={Self.Pid}:{document.Number}:{tableFile.Number}"],
                    Encode = ConfigText.Encode,
                    Descriptors = [],
                }
            );
            return $"{world.Program} cannot be executed: {error}";
        }
        catch (Exception e)
        {
            // As for the trial.
            return e.Message;
        }
        finally
        {
            if (left is not null)
                Return(left);
        }
    }

    // What is at the program's path: another file than the one that was tried is tried again.
    private FileStatus Identity() => FileStatus.Get(world.Program, follow: true, out var status).Number == 0 ? status : default;

    // Null when the working folder has been removed.
    private static string? Here()
    {
        try
        {
            return Environment.CurrentDirectory;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void Return(string folder)
    {
        try
        {
            Environment.CurrentDirectory = folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            world.Log.Error("upgrade-failed", $"the way back to {folder} is barred: {e.Message}");
        }
    }
}
