using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>
/// A project as the tutorial of Django, uWSGI and nginx makes it: django-admin startproject, a uwsgi.ini beside manage.py, a unix socket
/// beside that. Its page says which process served it.
/// </summary>
internal sealed class DjangoProject
{
    /// <summary>How many workers it has.</summary>
    public const int Workers = 2;

    private const string Views = """
        import os
        import sys

        from django.http import JsonResponse


        def who(request):
            return JsonResponse({"project": __package__, "worker": os.getpid(), "master": os.getppid()})


        def world(request):
            return JsonResponse({"folder": os.getcwd(), "arguments": sys.argv, "environment": dict(os.environ)})

        """;

    private const string Urls = """

        from . import views

        urlpatterns += [path("", views.who), path("world/", views.world)]

        """;

    private DjangoProject(string name, string folder) => (Name, Folder) = (name, folder);

    public string Name { get; }

    /// <summary>Where manage.py is.</summary>
    public string Folder { get; }

    /// <summary>Its vassal's file, outside the vassals folder.</summary>
    public string Ini => $"{Folder}/uwsgi.ini";

    public string Socket => $"{Folder}/{Name}.sock";

    /// <summary>The host under which nginx serves it; Django lets all of localhost in while it debugs.</summary>
    public string Host => $"{Name}.localhost";

    public string IniText =>
        $"""
            # {Name}, as in the tutorial
            [uwsgi]
            plugin          = python3

            # the base directory (full path)
            chdir           = {Folder}
            # Django's wsgi file
            module          = {Name}.wsgi
            master          = true
            # maximum number of worker processes
            processes       = {Workers}
            # the socket (use the full path to be safe)
            socket          = {Socket}
            chmod-socket    = 666
            # clear environment on exit
            vacuum          = true
            need-app        = true
            # nginx logs the requests
            disable-logging = true

            """;

    /// <summary>Makes one in a folder.</summary>
    public static DjangoProject Create(TempFolder temp, string name)
    {
        Command.Run(temp.Path, Installed.Python, "-m", "django", "startproject", name);
        var project = new DjangoProject(name, temp[name]);
        File.WriteAllText($"{project.Folder}/{name}/views.py", Views);
        File.AppendAllText($"{project.Folder}/{name}/urls.py", Urls);
        File.WriteAllText(project.Ini, project.IniText);
        return project;
    }

    /// <summary>What touch(1) does to its ini.</summary>
    public void Touch() => File.SetLastWriteTimeUtc(Ini, DateTime.UtcNow);
}
