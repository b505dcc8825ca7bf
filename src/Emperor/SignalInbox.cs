using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Emperor.Linux;

namespace Emperor;

/// <summary>
/// Signals, as the main thread takes them. The runtime tells them on a thread of its own; here they only wait. At most one of a kind
/// waits, as in the kernel; of those that end the emperor each counts, because the second one ends its mercy.
/// </summary>
internal sealed class SignalInbox : IDisposable
{
    private const int Limit = 16;
    private const int MarkLimit = 1_000;
    private static readonly int[] Obeyed =
    [
        Signals.Hangup,
        Signals.Interrupt,
        Signals.Quit,
        Signals.User1,
        Signals.User2,
        Signals.Terminate,
        Signals.Urgent,
    ];

    private readonly ConcurrentQueue<int> _waiting = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly EventLoop _loop;
    private readonly ManualResetEventSlim _marked = new();

    /// <summary>Starts to take signals in.</summary>
    public SignalInbox(EventLoop loop)
    {
        _loop = loop;
        // As uWSGI, which obeys SIGINT also when it was started in the background of a script. For all before the first is registered: then
        // the runtime takes down which ones are ignored.
        foreach (var signal in Obeyed)
            Self.StopIgnoring(signal);
        foreach (var signal in Obeyed)
            _registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context => Take(signal, context)));
        _registrations.Add(PosixSignalRegistration.Create((PosixSignal)Signals.WindowChange, PassMark));
        // Those that came while this program took the place of another one.
        Self.ReleaseSignals(Obeyed);
    }

    /// <summary>The next one.</summary>
    public bool TryTake(out int signal) => _waiting.TryDequeue(out signal);

    /// <summary>
    /// Whether none waits, of those that have come until now: one that the kernel has given to the runtime already may still be on its way, and
    /// another that is sent after it tells when that is over.
    /// </summary>
    public bool IsEmpty
    {
        get
        {
            _marked.Reset();
            if (Self.Signal(Signals.WindowChange).Number == 0)
                _ = _marked.Wait(MarkLimit);
            return _waiting.IsEmpty;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _marked.Dispose();
    }

    private void PassMark(PosixSignalContext context)
    {
        context.Cancel = true;
        _marked.Set();
    }

    private void Take(int signal, PosixSignalContext context)
    {
        context.Cancel = true;
        var ends = signal is Signals.Interrupt or Signals.Terminate or Signals.Quit;
        if (_waiting.Count < Limit && (ends || !_waiting.Contains(signal)))
            _waiting.Enqueue(signal);
        _loop.Wake();
    }
}
