// An ASP.NET Core app under Emperor: it takes the sockets that it is given (LISTEN_FDS), and says READY=1 when it listens.
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

if (Environment.GetEnvironmentVariable("BROKEN") is not null)
    return 3;
var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { Args = args });

// Descriptors that LISTEN_FDS tells of; LISTEN_PID must be this process.
builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.UseSystemd());
builder.Services.AddRoutingCore();
builder.Logging.ClearProviders();
var app = builder.Build();
app.MapGet("/", (HttpContext context) => context.Response.WriteAsync(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
app.Lifetime.ApplicationStarted.Register(() => Notify("READY=1\nSTATUS=Kestrel listens"));
app.Lifetime.ApplicationStopping.Register(() => Notify("STOPPING=1"));
app.Run();
return 0;

// sd_notify(3); with the package Microsoft.Extensions.Hosting.Systemd, UseSystemd of the host does it.
static void Notify(string message)
{
    if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 } address)
        return;
    using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    socket.Connect(new UnixDomainSocketEndPoint(address[0] == '@' ? $"\0{address[1..]}" : address));
    socket.Send(Encoding.UTF8.GetBytes(message));
}
