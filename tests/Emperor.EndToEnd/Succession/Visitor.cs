using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Somebody who connects to an address again and again until it is disposed, and must be answered by the same processes each time.</summary>
internal sealed class Visitor : IDisposable
{
    private readonly Thread _thread;
    private readonly List<string> _failures = [];
    private readonly string _address;
    private volatile bool _isEnding;
    private int _answers;

    public Visitor(string address)
    {
        _address = address;
        _thread = new Thread(Visit) { IsBackground = true };
        _thread.Start();
    }

    public void Dispose()
    {
        // Once at least, also when all is over before it has begun.
        Wait.Quietly(() => Volatile.Read(ref _answers) > 0 || _failures.Count > 0);
        _isEnding = true;
        _thread.Join();
        Assert.That(_failures, Is.Empty, _address);
    }

    private void Visit()
    {
        while (!_isEnding && _failures.Count == 0)
        {
            try
            {
                using var socket = new System.Net.Sockets.Socket(
                    System.Net.Sockets.AddressFamily.Unix,
                    System.Net.Sockets.SocketType.Stream,
                    System.Net.Sockets.ProtocolType.Unspecified
                );
                socket.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
                socket.Connect(new System.Net.Sockets.UnixDomainSocketEndPoint(_address));
                if (StatsClient.ReadAll(socket).Length == 0)
                    _failures.Add("the connection was closed without an answer");
                Interlocked.Increment(ref _answers);
            }
            catch (System.Net.Sockets.SocketException e)
            {
                _failures.Add(e.Message);
            }
            Thread.Sleep(2);
        }
    }
}
