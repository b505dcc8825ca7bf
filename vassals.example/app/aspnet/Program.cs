// An ASP.NET Core app. Kestrel takes the socket that the emperor holds for it (LISTEN_FDS); told to stop, it finishes what it has begun.
var builder = WebApplication.CreateSlimBuilder(args);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.UseSystemd());
builder.Logging.SetMinimumLevel(LogLevel.Warning);
var app = builder.Build();
app.MapGet("/", () => $"Hello from {Environment.GetEnvironmentVariable("VASSAL")}\n");
app.Run();
