using System.Globalization;
using System.Text;
using Emperor.Core.Stats;

namespace Emperor.Stats;

// What clients are answered.
internal sealed partial class StatsServer
{
    private const string TextType = "text/plain; charset=utf-8";

    // To the letter what uWSGI answers (uwsgi_send_http_stats in core/utils.c).
    private static readonly byte[] StatsHead =
    [
        .. "HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n\r\n"u8,
    ];

    private void Route(StatsClient client)
    {
        var now = Environment.TickCount64;
        if (!HttpRequest.IsWhole(client.Request))
        {
            if (client.Request.Length >= HttpRequest.LongestHead)
                Reply(client, "431 Request Header Fields Too Large", "the request is longer than 8 KiB\n", now);
            return;
        }
        if (HttpRequest.Parse(client.Request) is not { } request)
        {
            Reply(client, "400 Bad Request", "this is no request of HTTP/1.0 or HTTP/1.1\n", now);
            return;
        }
        client.HeadOnly = request.Method == "HEAD";
        if (request.Method is not ("GET" or "HEAD"))
        {
            Reply(client, "405 Method Not Allowed", "only GET and HEAD are served\n", now, "Allow: GET, HEAD\r\n");
            return;
        }
        switch (request.Path)
        {
            case "/metrics":
                Enqueue(client, MetricsDocument.WantsOpenMetrics(request.Accept) ? Wish.OpenMetrics : Wish.Prometheus);
                break;
            case "/-/healthy":
                Enqueue(client, Wish.Health);
                break;
            case "/-/ready":
                Enqueue(client, Wish.Readiness);
                break;
            default:
                Reply(client, "404 Not Found", "there are /metrics, /-/healthy and /-/ready\n", now);
                break;
        }
    }

    private void Answer(StatsClient client, EmpireSnapshot snapshot, long now)
    {
        switch (client.Wish)
        {
            case Wish.Health:
                Reply(client, "200 OK", "the main loop turns\n", now);
                return;
            case Wish.Readiness when snapshot.IsReady:
                Reply(client, "200 OK", "ready\n", now);
                return;
            case Wish.Readiness:
                Reply(client, "503 Service Unavailable", snapshot.IsEnding ? "stopping\n" : "starting\n", now);
                return;
        }
        var document = DocumentFor(client.Wish, snapshot);
        var head = client.Service switch
        {
            Service.Stats => [],
            Service.StatsOverHttp => StatsHead,
            _ => Head(
                "200 OK",
                client.Wish == Wish.OpenMetrics ? MetricsDocument.OpenMetricsType : MetricsDocument.PrometheusType,
                document.Length,
                "Vary: Accept\r\n"
            ),
        };
        if (client.HeadOnly)
            document.Users--;
        client.Give(head, client.HeadOnly ? null : document);
        WriteOn(client, now);
    }

    // All who are answered by one snapshot share one document of a kind.
    private Document DocumentFor(Wish wish, EmpireSnapshot snapshot)
    {
        if (_written[(int)wish] is { } written)
        {
            written.Users++;
            return written;
        }
        var document = _shelves[(int)wish]
            .Take(output =>
            {
                if (wish == Wish.Stats)
                    _stats.Write(output, snapshot, _sampler.Usage);
                else
                    _metrics.Write(output, snapshot, _sampler.Usage, openMetrics: wish == Wish.OpenMetrics);
            });
        _written[(int)wish] = document;
        return document;
    }

    private void Reply(StatsClient client, string status, string text, long now, string more = "")
    {
        var head = Head(status, TextType, text.Length, more);
        client.Give(client.HeadOnly ? head : [.. head, .. Encoding.ASCII.GetBytes(text)], null);
        WriteOn(client, now);
    }

    private static byte[] Head(string status, string type, int length, string more) =>
        Encoding.ASCII.GetBytes(
            string.Create(
                CultureInfo.InvariantCulture,
                $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n{more}Connection: close\r\n\r\n"
            )
        );
}
