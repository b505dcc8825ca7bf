using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Emperor.EndToEnd.Support;

/// <summary>A client of the stats socket.</summary>
internal static class StatsClient
{
    /// <summary>Connects to a path or, after "@", an abstract name.</summary>
    public static Socket Connect(string address)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var end = address.StartsWith('@') ? $"\0{address[1..]}" : address;
        var failure = "";
        Wait.Until(IsConnected, () => $"nobody listens at {address}: {failure}");
        return socket;

        bool IsConnected()
        {
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(end));
                return true;
            }
            catch (SocketException e)
            {
                failure = e.Message;
                return false;
            }
        }
    }

    /// <summary>All that comes until the other end closes.</summary>
    public static string ReadAll(Socket socket)
    {
        var bytes = new List<byte>();
        var buffer = new byte[64 * 1024];
        for (int count; (count = socket.Receive(buffer)) > 0; )
            bytes.AddRange(buffer.AsSpan(0, count));
        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>One document.</summary>
    public static JsonElement Read(string address)
    {
        using var socket = Connect(address);
        return JsonDocument.Parse(ReadAll(socket)).RootElement;
    }

    /// <summary>A vassal in a document; fails when it is not there.</summary>
    public static JsonElement Vassal(JsonElement document, string name) =>
        document.GetProperty("vassals").EnumerateArray().Single(v => v.GetProperty("id").GetString() == name);

    /// <summary>Reads documents until one says of a vassal what is waited for.</summary>
    public static JsonElement Await(string address, string vassal, Func<JsonElement, bool> says)
    {
        var last = default(JsonElement);
        Wait.Until(
            () =>
            {
                var all = Read(address).GetProperty("vassals").EnumerateArray();
                last = all.FirstOrDefault(v => v.GetProperty("id").GetString() == vassal);
                return last.ValueKind == JsonValueKind.Object && says(last);
            },
            () => $"stats do not say of {vassal} what was waited for; they say {last}"
        );
        return last;
    }
}
