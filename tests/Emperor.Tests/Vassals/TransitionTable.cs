using Emperor.Core.Protocol;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Vassals;

/// <summary>
/// What every phase answers to every event. A cell is the next phase, or a dot where it stays; behind a slash what is done, in order:
/// S spawn, K kill, B bury, L listen and await a connection, l listen only, U unlisten, T thaw, n a note, a digit the byte that is sent.
///
/// <para>The vassals of the columns are those of <see cref="Patient.BroughtTo"/>, with the default times: the one that starts has failed at
/// nothing yet, the one that stops has lost its file (its <see cref="Aftermath"/> is Forget), the one that is killed was cursed
/// (Recover), the one in backoff has failed twice. What the other aftermaths change is in <see cref="AftermathTableTests"/>.</para>
/// </summary>
internal static class TransitionTable
{
    private const string Text = """
        event              | Waiting      | Held         | Starting     | Running      | Reloading    | Cursed       | Stopping     | Killing      | Backoff      | Resting      | Refused      | Gone
        FileAccepted       | Starting/US  | Starting/S   | Reloading    | Reloading/1n | .            | .            | .            | .            | Starting/S   | Starting/S   | Starting/S   | Starting/S
        FileAccepted socket| ./n          | Waiting/L    | Stopping/0n  | Stopping/0n  | Stopping/0n  | .            | .            | .            | Waiting/L    | Waiting/L    | Waiting/L    | Waiting/L
        FileRefused        | Refused/ln   | Refused/n    | ./n          | ./n          | ./n          | ./n          | .            | .            | Refused/n    | Refused/n    | ./n          | Refused/n
        FileGone           | Gone/nU      | Gone/n       | Stopping/0n  | Stopping/0n  | Stopping/0n  | Stopping/n   | .            | .            | Gone/n       | Gone/n       | Gone/n       | .
        Dismissed          | Gone/nU      | Gone/n       | Stopping/0n  | Stopping/0n  | Stopping/0n  | Stopping/n   | .            | .            | Gone/n       | Gone/n       | Gone/n       | .
        Summoned           | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | Starting/S
        Spawned            | .            | .            | ./n          | ./n          | ./n          | ./n          | ./n          | ./n          | .            | .            | .            | .
        SpawnFailed        | .            | .            | Backoff/n    | Backoff/n    | Backoff/n    | Backoff/n    | Gone/nn      | Backoff/n    | .            | .            | .            | .
        Received 1         | .            | .            | ./n          | ./n          | ./n          | ./n          | ./n          | .            | .            | .            | .            | .
        Received 2         | .            | .            | ./n          | ./n          | ./n          | ./n          | ./n          | .            | .            | .            | .            | .
        Received 5         | .            | .            | Running/n    | .            | Running/n    | .            | .            | .            | .            | .            | .            | .
        Received 17        | .            | .            | Running/n    | ./n          | ./n          | ./n          | ./n          | .            | .            | .            | .            | .
        Received 22        | .            | .            | Stopping/0n  | Stopping/0n  | Stopping/0n  | .            | .            | .            | .            | .            | .            | .
        Received 26        | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        Received 30        | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        Received 99        | .            | .            | ./n          | ./n          | ./n          | ./n          | ./n          | .            | .            | .            | .            | .
        HungUp             | .            | .            | Cursed/n     | Cursed/n     | Cursed/n     | .            | .            | .            | .            | .            | .            | .
        SendFailed 0       | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        SendFailed 1       | .            | .            | .            | Reloading/n  | ./n          | .            | .            | .            | .            | .            | .            | .
        Exited 0           | .            | .            | Starting/BnS | Starting/BnS | Starting/BnS | Starting/BnS | Gone/Bn      | Starting/BnS | .            | .            | .            | .
        Exited 1           | .            | .            | Starting/BnS | Starting/BnS | Starting/BnS | Starting/BnS | Gone/Bn      | Starting/BnS | .            | .            | .            | .
        Exited 26          | .            | .            | Resting/Bn   | Resting/Bn   | Resting/Bn   | Resting/Bn   | Gone/Bn      | Resting/Bn   | .            | .            | .            | .
        Exited SIG26       | .            | .            | Starting/BnS | Starting/BnS | Starting/BnS | Starting/BnS | Gone/Bn      | Starting/BnS | .            | .            | .            | .
        Listening          | ./n          | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        ListenFailed       | Backoff/n    | ./n          | ./n          | ./n          | ./n          | ./n          | ./n          | ./n          | ./n          | ./n          | ./n          | ./n
        SocketsLost        | ./nL         | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        OutputLost         | .            | .            | Stopping/n0n | Stopping/n0n | Stopping/n0n | .            | .            | .            | .            | .            | .            | .
        Knocked            | Starting/S   | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        OthersChanged      | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        OthersChanged ready| .            | Starting/S   | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        BecameReady        | .            | .            | Running/n    | .            | Running/n    | .            | .            | .            | .            | .            | .            | .
        NotReady           | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        Unwell             | .            | .            | .            | Stopping/n0n | Stopping/n0n | .            | .            | .            | .            | .            | .            | .
        FellIdle           | ./T          | ./T          | ./T          | ./T          | ./T          | ./T          | ./T          | ./T          | ./T          | ./T          | ./T          | ./T
        Notified           | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        Departing          | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        AppFailed          | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        Scaled             | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        TimePassed         | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .            | .
        TimePassed due     | .            | .            | .            | .            | .            | Killing/Kn   | Killing/Kn   | ./Kn         | Starting/S   | .            | .            | .
        ReloadAsked        | .            | .            | Reloading    | Reloading/1n | .            | .            | .            | .            | Starting/S   | .            | .            | .
        Forgiven           | .            | .            | .            | .            | .            | .            | .            | .            | Starting/S   | .            | .            | .
        Ordered Stop       | Resting/Un   | Resting/n    | Stopping/0n  | Stopping/0n  | Stopping/0n  | Stopping/n   | .            | .            | Resting/n    | ./n          | .            | .
        Ordered Start      | .            | .            | .            | .            | .            | .            | ./n          | .            | Starting/S   | Starting/S   | ./n          | .
        Ordered Restart    | .            | .            | Stopping/0n  | Stopping/0n  | Stopping/0n  | Stopping/n   | ./n          | .            | Starting/S   | Starting/S   | ./n          | .
        Ordered Reload     | .            | .            | Reloading    | Reloading/1n | .            | .            | ./n          | .            | Starting/S   | Starting/S   | ./n          | .
        Ordered Retry      | .            | .            | .            | .            | .            | .            | ./n          | .            | Starting/S   | ./n          | ./n          | .
        Ragnarok           | Gone/nU      | Gone/n       | Stopping/0n  | Stopping/0n  | Stopping/0n  | Stopping/n   | .            | .            | Gone/n       | Gone/n       | Gone/n       | .
        NoMercy            | Gone/U       | Gone         | Killing/Kn   | Killing/Kn   | Killing/Kn   | Killing/Kn   | Killing/Kn   | ./Kn         | Gone         | Gone         | Gone         | .
        """;

    /// <summary>All cells.</summary>
    public static IReadOnlyList<Cell> Cells { get; } = [.. Parse()];

    /// <summary>The event that a row is about, for a vassal as it stands.</summary>
    public static VassalEvent EventOf(string row, VassalState state)
    {
        var words = row.Split(' ');
        var incarnation = state.Incarnation;
        return words[0] switch
        {
            nameof(VassalEvent.FileAccepted) => new VassalEvent.FileAccepted(2, Socket: words.Length > 1 ? Patient.Socket : null),
            nameof(VassalEvent.FileRefused) => new VassalEvent.FileRefused("it is a picture"),
            nameof(VassalEvent.FileGone) => new VassalEvent.FileGone(),
            nameof(VassalEvent.Dismissed) => new VassalEvent.Dismissed("its lord ends"),
            nameof(VassalEvent.Summoned) => new VassalEvent.Summoned(VassalMachine.Create("lord.ini"), 1),
            nameof(VassalEvent.Spawned) => new VassalEvent.Spawned(incarnation, 4711),
            nameof(VassalEvent.SpawnFailed) => new VassalEvent.SpawnFailed(incarnation, "no program"),
            nameof(VassalEvent.Received) => new VassalEvent.Received(incarnation, Number(words[1])),
            nameof(VassalEvent.HungUp) => new VassalEvent.HungUp(incarnation),
            nameof(VassalEvent.SendFailed) => new VassalEvent.SendFailed(incarnation, Number(words[1])),
            nameof(VassalEvent.Exited) => new VassalEvent.Exited(incarnation, EndOf(words[1])),
            nameof(VassalEvent.Listening) => new VassalEvent.Listening(),
            nameof(VassalEvent.ListenFailed) => new VassalEvent.ListenFailed("somebody listens there"),
            nameof(VassalEvent.SocketsLost) => new VassalEvent.SocketsLost(),
            nameof(VassalEvent.OutputLost) => new VassalEvent.OutputLost(),
            nameof(VassalEvent.Knocked) => new VassalEvent.Knocked(),
            nameof(VassalEvent.OthersChanged) => new VassalEvent.OthersChanged(),
            nameof(VassalEvent.BecameReady) => new VassalEvent.BecameReady(incarnation),
            nameof(VassalEvent.NotReady) => new VassalEvent.NotReady(incarnation, "GET /: 503"),
            nameof(VassalEvent.Unwell) => new VassalEvent.Unwell(incarnation, "GET /health: 500"),
            nameof(VassalEvent.FellIdle) => new VassalEvent.FellIdle(),
            nameof(VassalEvent.Notified) => new VassalEvent.Notified(incarnation, new Core.Programs.Notification { Ready = true }),
            nameof(VassalEvent.Departing) => new VassalEvent.Departing(incarnation, "it has served enough", IsDue: true),
            nameof(VassalEvent.AppFailed) => new VassalEvent.AppFailed(incarnation, "ImportError: no module"),
            nameof(VassalEvent.Scaled) => new VassalEvent.Scaled(1, "there is so much to do"),
            nameof(VassalEvent.TimePassed) => new VassalEvent.TimePassed(),
            nameof(VassalEvent.ReloadAsked) => new VassalEvent.ReloadAsked(),
            nameof(VassalEvent.Forgiven) => new VassalEvent.Forgiven(),
            nameof(VassalEvent.Ordered) => new VassalEvent.Ordered(Enum.Parse<OrderKind>(words[1])),
            nameof(VassalEvent.Ragnarok) => new VassalEvent.Ragnarok(),
            nameof(VassalEvent.NoMercy) => new VassalEvent.NoMercy(),
            _ => throw new ArgumentException($"no event is called {row}", nameof(row)),
        };
    }

    /// <summary>Effects in the notation of the cells.</summary>
    public static string Notation(IEnumerable<Effect> effects) =>
        string.Concat(
            effects.Select(e =>
                e switch
                {
                    Effect.Spawn => "S",
                    Effect.Kill => "K",
                    Effect.Bury => "B",
                    Effect.Listen listen => listen.Await ? "L" : "l",
                    Effect.Unlisten => "U",
                    Effect.Note => "n",
                    Effect.Thaw => "T",
                    Effect.Send send => send.Message.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    _ => throw new InvalidOperationException($"the notation has no letter for {e}"),
                }
            )
        );

    private static byte Number(string text) => byte.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static ProcessEnd EndOf(string text) =>
        text.StartsWith("SIG", StringComparison.Ordinal)
            ? new ProcessEnd(Number(text[3..]), Signaled: true, text)
            : new ProcessEnd(Number(text), Signaled: false, $"exit {text}");

    private static IEnumerable<Cell> Parse()
    {
        var rows = Text.Split('\n').Select(r => r.Split('|', StringSplitOptions.TrimEntries)).ToArray();
        var phases = rows[0][1..].Select(Enum.Parse<Phase>).ToArray();
        foreach (var row in rows[1..])
        {
            if (row.Length != phases.Length + 1)
                throw new InvalidOperationException($"the row of {row[0]} has {row.Length - 1} cells");
            for (var i = 0; i < phases.Length; i++)
            {
                var parts = row[i + 1].Split('/');
                var next = parts[0] == "." ? phases[i] : Enum.Parse<Phase>(parts[0]);
                yield return new Cell(row[0], phases[i], next, parts.Length > 1 ? parts[1] : "");
            }
        }
    }

    /// <summary>One answer of one phase.</summary>
    public sealed record Cell(string Event, Phase From, Phase Next, string Effects)
    {
        public override string ToString() => $"{From}, {Event}: {Next}{(Effects.Length > 0 ? $", {Effects}" : "")}";
    }
}
