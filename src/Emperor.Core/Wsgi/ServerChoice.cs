namespace Emperor.Core.Wsgi;

/// <summary>Which server somebody wants (--emperor-server, server in [emperor]).</summary>
public enum ServerWish
{
    /// <summary>uWSGI where it is installed, else the built-in server where it can.</summary>
    Auto,

    /// <summary>uWSGI.</summary>
    Uwsgi,

    /// <summary>The built-in server for WSGI apps.</summary>
    Wsgi,
}

/// <summary>Which server runs a vassal.</summary>
/// <param name="IsBuiltIn">The built-in one; otherwise uWSGI.</param>
/// <param name="Reason">Why, for people.</param>
public readonly record struct ServerChoice(bool IsBuiltIn, string Reason)
{
    /// <summary>Decides for a file with a section [uwsgi].</summary>
    /// <param name="own">What its section [emperor] says; null when that says nothing.</param>
    /// <param name="forAll">What is said for all vassals.</param>
    /// <param name="hasUwsgi">Whether there is a program to run it, asked only when that matters.</param>
    /// <param name="app">The Python app that the file names, asked only when that matters; null for none.</param>
    public static ServerChoice Make(ServerWish? own, ServerWish forAll, Func<bool> hasUwsgi, Func<string?> app)
    {
        ArgumentNullException.ThrowIfNull(hasUwsgi);
        ArgumentNullException.ThrowIfNull(app);
        switch (own ?? forAll)
        {
            case ServerWish.Uwsgi:
                return new ServerChoice(false, own is null ? "--emperor-server says so" : "its file says so (server = uwsgi)");
            case ServerWish.Wsgi:
                return new ServerChoice(true, own is null ? "--emperor-server says so" : "its file says so (server = wsgi)");
            default:
                if (hasUwsgi())
                    return new ServerChoice(false, "uwsgi is installed");
                return app() is { } named
                    ? new ServerChoice(true, $"uwsgi is not installed, and its file names a Python app ({named})")
                    : new ServerChoice(false, "its file names no Python app (module, wsgi-file, mount), so nothing else can run it");
        }
    }
}
