namespace Emperor.EndToEnd.MainJob;

/// <summary>The programs of Debian's packages that stand beside Emperor in production.</summary>
internal static class Installed
{
    public const string Uwsgi = "/usr/bin/uwsgi";
    public const string Nginx = "/usr/sbin/nginx";

    /// <summary>Debian's, which has Django; another one may come first in PATH.</summary>
    public const string Python = "/usr/bin/python3";

    private const string Packages = "uwsgi-core uwsgi-plugin-python3 nginx-light python3-django curl";

    private static readonly string[] Needed =
    [
        Uwsgi,
        Nginx,
        Python,
        "/usr/lib/uwsgi/plugins/python3_plugin.so",
        "/usr/lib/python3/dist-packages/django",
        "/usr/bin/curl",
    ];

    /// <summary>Fails the test when one of them is missing: a test that is left out proves nothing.</summary>
    public static void Require()
    {
        var missing = Needed.Where(path => !File.Exists(path) && !Directory.Exists(path)).ToList();
        if (missing.Count > 0)
            Assert.Fail($"{string.Join(", ", missing)} not there: tests/run installs them, or apt-get install {Packages}");
    }
}
