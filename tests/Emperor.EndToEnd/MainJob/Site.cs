using System.Net;
using System.Text.Json;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>What came back: the status, and who served it when that was 200.</summary>
internal sealed record Page(int Status, string Project, int Worker, int Master)
{
    public bool IsServed => Status == 200;
}

/// <summary>The pages behind an nginx.</summary>
internal sealed class Site(Nginx nginx, Func<string> log) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{nginx.Port}/"),
        Timeout = Limit,
    };

    /// <summary>Gets a project's front page.</summary>
    public async Task<Page> GetAsync(DjangoProject project)
    {
        using var response = await SendAsync(project, "");
        if (response.StatusCode != HttpStatusCode.OK)
            return new Page((int)response.StatusCode, "", 0, 0);
        using var page = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var root = page.RootElement;
        return new Page(
            (int)response.StatusCode,
            root.GetProperty("project").GetString()!,
            root.GetProperty("worker").GetInt32(),
            root.GetProperty("master").GetInt32()
        );
    }

    /// <summary>The same, waiting.</summary>
    public Page Get(DjangoProject project) => GetAsync(project).GetAwaiter().GetResult();

    /// <summary>Gets a page that must be there.</summary>
    public string Text(DjangoProject project, string path)
    {
        using var response = SendAsync(project, path).GetAwaiter().GetResult();
        var text = response.Content.ReadAsStringAsync().GetAwaiter().GetResult();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), $"{text}\n{log()}");
        return text;
    }

    /// <summary>Asks until the front page is as it must be.</summary>
    public Page Await(DjangoProject project, Func<Page, bool> isSo, string otherwise)
    {
        Page? last = null;
        return Wait.For(
            () => (last = Get(project)) is var page && isSo(page) ? page : null,
            () => $"{project.Name}: {otherwise}; the last answer was {last}\n{log()}",
            Limit
        );
    }

    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> SendAsync(DjangoProject project, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Host = project.Host;
        return await _client.SendAsync(request);
    }
}
