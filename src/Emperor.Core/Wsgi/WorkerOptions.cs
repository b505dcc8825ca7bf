using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Emperor.Core.Wsgi;

/// <summary>Writes the options that the worker acts on, as it takes them (WORKER.md, "Options").</summary>
internal static class WorkerOptions
{
    /// <summary>A JSON object of them.</summary>
    public static string Write(WsgiValues values)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (var option in WsgiOptions.All)
            {
                if (option.Fate == WsgiFate.Worker && option.Name == option.Canonical && values.Has(option.Name))
                    Write(json, option, values);
            }
            if (DutyReader.ProcessName(values) is { } name)
                json.WriteString("procname", name);
            // A worker without its app is no worker: a reload keeps what serves, and status tells.
            if (!values.Has("need-app"))
                json.WriteBoolean("need-app", true);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, WsgiOption option, WsgiValues values)
    {
        switch (option.Value)
        {
            case WsgiValue.Number when values.Number(option.Name) is { } number:
                json.WriteNumber(option.Name, number);
                break;
            case WsgiValue.Flag:
                json.WriteBoolean(option.Name, values.Flag(option.Name));
                break;
            case WsgiValue.List or WsgiValue.Paths:
                json.WriteStartArray(option.Name);
                foreach (var (_, value) in values.All(option.Name))
                    json.WriteStringValue(value);
                json.WriteEndArray();
                break;
            case WsgiValue.Text or WsgiValue.Path when values.Text(option.Name) is { } text:
                json.WriteString(option.Name, text);
                break;
        }
    }
}
