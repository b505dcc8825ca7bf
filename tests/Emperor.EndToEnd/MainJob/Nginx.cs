using System.Diagnostics;
using System.Globalization;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>An nginx of one test, in the foreground, with all its files in a folder of its own and a loopback port.</summary>
internal sealed class Nginx : IDisposable
{
    private const int Attempts = 5;

    private readonly Process _process;
    private readonly string _folder;

    private Nginx(Process process, string folder, int port) => (_process, _folder, Port) = (process, folder, port);

    public int Port { get; }

    /// <summary>Its error log.</summary>
    public string Log => $"--- nginx\n{(File.Exists($"{_folder}/error.log") ? File.ReadAllText($"{_folder}/error.log") : "")}";

    /// <summary>Starts one that serves each project under its host, and waits until it listens.</summary>
    public static Nginx Start(string folder, IReadOnlyList<DjangoProject> projects)
    {
        Directory.CreateDirectory(folder);
        // Between the look for a free port and nginx's use of it another program may take it.
        for (var attempt = 1; ; attempt++)
        {
            var port = Ports.Free();
            File.WriteAllText($"{folder}/nginx.conf", Configuration(folder, port, projects));
            var info = new ProcessStartInfo(Installed.Nginx, ["-p", folder, "-c", $"{folder}/nginx.conf", "-e", $"{folder}/error.log"]);
            var nginx = new Nginx(Process.Start(info)!, folder, port);
            // nginx writes its pid file when it has bound its ports.
            Wait.Until(
                () => nginx._process.HasExited || (File.Exists($"{folder}/nginx.pid") && new FileInfo($"{folder}/nginx.pid").Length > 0),
                () => $"nginx does not start\n{nginx.Log}"
            );
            if (!nginx._process.HasExited)
                return nginx;
            nginx.Dispose();
            if (attempt == Attempts)
                Assert.Fail($"nginx does not start\n{nginx.Log}");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited && Native.Signal(_process.Id, Native.Terminate) == 0 && !_process.WaitForExit(10_000))
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static string Configuration(string folder, int port, IReadOnlyList<DjangoProject> projects) =>
        $$"""
            daemon off;
            {{(Native.IsRoot ? "user www-data;" : "")}}
            worker_processes 1;
            pid {{folder}}/nginx.pid;
            error_log {{folder}}/error.log notice;
            events { worker_connections 256; }
            http {
                access_log off;
                client_body_temp_path {{folder}}/body;
                proxy_temp_path {{folder}}/proxy;
                fastcgi_temp_path {{folder}}/fastcgi;
                uwsgi_temp_path {{folder}}/uwsgi;
                scgi_temp_path {{folder}}/scgi;
            {{string.Concat(projects.Select(project => Server(port, project)))}}
            }

            """;

    // A uwsgi worker that is told to reload in the very moment between accepting a connection and looking at it ends, and the connection is
    // reset: uwsgi's own race, met once in some two thousand requests during reloads. The socket listed twice lets nginx ask again, as the
    // README advises; a second failure would be told.
    private static string Server(int port, DjangoProject project) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $$"""
                upstream {{project.Host}} {
                    server unix:{{project.Socket}} max_fails=0;
                    server unix:{{project.Socket}} max_fails=0;
                }
                server {
                    listen 127.0.0.1:{{port}};
                    server_name {{project.Host}};
                    location / {
                        include /etc/nginx/uwsgi_params;
                        uwsgi_pass {{project.Host}};
                    }
                }

            """
        );
}
