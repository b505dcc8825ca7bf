using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>
/// What a thousand hostile clients of each socket cost the main loop. Times say little on a busy machine, so what is measured above all is the
/// processor time of the daemon's main thread, which nobody else has a part in.
/// </summary>
internal sealed class HostileClientsTests : ControlTest
{
    private const int Clients = 1_000;

    // What 1,000 documents of these vassals would take to write is 2 s and more; some 0.05 s are measured.
    private const double MostSeconds = 0.6;

    private string StatsPath => Temp["stats.sock"];

    [Test]
    public void A_thousand_clients_of_the_stats_socket_that_never_read_cost_the_loop_next_to_nothing() =>
        Measure(_ => StatsClient.Connect(StatsPath));

    [Test]
    public void A_thousand_clients_of_the_control_socket_that_do_their_worst_cost_the_loop_next_to_nothing() =>
        Measure(i =>
        {
            var socket = StatsClient.Connect(ControlPath);
            try
            {
                socket.Send(Worst(i));
            }
            catch (SocketException)
            {
                // It was one too many.
            }
            return socket;
        });

    // None of them reads a byte.
    private static byte[] Worst(int i) =>
        (i % 4) switch
        {
            0 => Encoding.UTF8.GetBytes("{\"v\":1,\"verb\":"),
            1 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"v\":1,\"verb\":\"status\"}\n", 100))),
            2 => [.. Enumerable.Range(0, 8_000).Select(n => (byte)(n * 7))],
            _ => Encoding.UTF8.GetBytes("{\"v\":1,\"verb\":\"events\",\"follow\":true,\"since\":0}\n"),
        };

    private void Measure(Func<int, Socket> connect)
    {
        // Large enough that no socket's buffer takes a document.
        for (var i = 0; i < 150; i++)
            File.WriteAllText($"{Vassals}/refused{i:d3}-{new string('x', 150)}.ini", "");
        Write("a.ini", "spawned", "accept", "loyal");
        var daemon = StartControlled("--emperor-stats", StatsPath);
        daemon.AwaitVassal("a.ini", "is loyal");
        Wait.Until(() => daemon.Count(@"ERR refused\d{3}-") >= 150, daemon.Text);
        // What the runtime compiles at the first time is no client's doing.
        _ = StatsClient.Read(StatsPath);
        _ = StatusOf("a.ini");
        var quiet = NewVassals("quiet");
        var before = ProcFs.MainThreadCpu(daemon.Pid);
        var clients = new List<Socket>();
        try
        {
            for (var i = 0; i < Clients; i++)
                clients.Add(connect(i));
            var besieged = NewVassals("besieged");
            // With what these five have taken.
            var used = ProcFs.MainThreadCpu(daemon.Pid) - before;
            TestContext.Out.WriteLine(
                $"{Clients} clients: {used * 1000:0} ms of the main thread; new vassal after {quiet:0.0} ms before, {besieged:0.0} ms among them"
            );
            Assert.That(used, Is.LessThan(MostSeconds), "the main thread works for them");
            Assert.That(besieged, Is.LessThan(2_000), "new vassals wait for them");
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }
        // Whoever comes after them is served, and with a new document as soon as it is seen that they have left.
        var vassals = 0;
        Wait.Until(
            () => (vassals = StatsClient.Read(StatsPath).GetProperty("vassals").GetArrayLength()) == 161,
            () => $"{vassals} vassals instead of 161\n{Logs()}"
        );
        Wait.Until(
            () => Emperor("status", "a").Output.Contains("all well"),
            () => $"the command is not served any more\n{Emperor("status", "a").Errors}"
        );
    }

    // From a new file to its vassal's first instruction, the median of some, in milliseconds.
    private double NewVassals(string prefix)
    {
        var times = new List<double>();
        for (var i = 0; i < 5; i++)
        {
            var from = Stopwatch.GetTimestamp();
            Write($"{prefix}{i}.ini");
            Journal.AwaitStart($"{prefix}{i}.ini");
            times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
        }
        times.Sort();
        return times[times.Count / 2];
    }
}
