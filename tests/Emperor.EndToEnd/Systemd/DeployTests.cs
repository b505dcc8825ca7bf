using System.Globalization;
using System.Text.RegularExpressions;

namespace Emperor.EndToEnd.Systemd;

/// <summary>What systemd and nginx think of the files in deploy/.</summary>
internal sealed class DeployTests : ServiceTest
{
    private static string Readme => File.ReadAllText($"{Deploy}/../README.md");

    [Test]
    public void Systemd_has_nothing_to_say_against_the_units()
    {
        var result = Machine.Try(
            "mkdir /run/verify; cp /deploy/*.service /etc/systemd/system/; mkdir -p /etc/systemd/user; cp /deploy/user/*.service /etc/systemd/user/\n"
                + "systemd-analyze verify --man=no /etc/systemd/system/emperor.service 'emperor@www-data.service' 2>&1 &&"
                + "XDG_RUNTIME_DIR=/run/verify systemd-analyze verify --user --man=no /etc/systemd/user/emperor.service 2>&1"
        );
        Assert.That((result.Code, result.Output), Is.EqualTo((0, "")));
    }

    [TestCase("emperor.service")]
    [TestCase("emperor@.service")]
    public void The_exposure_is_not_more_than_the_README_says(string unit)
    {
        var stated = Regex.Match(Readme, $@"`{Regex.Escape(unit)}` \*\*(\d\.\d)\*\*");
        Assert.That(stated.Success, "the README states no figure");
        var threshold = (int)Math.Round(10 * double.Parse(stated.Groups[1].Value, CultureInfo.InvariantCulture));
        var result = Machine.Try($"systemd-analyze security --offline=true --no-pager --threshold={threshold} /deploy/{unit}");
        Assert.That(result.Code, Is.Zero, result.Text);
    }

    [Test]
    public void Tmpfiles_and_sysusers_make_what_the_configuration_needs()
    {
        Machine.Run("systemd-sysusers /deploy/emperor.sysusers && systemd-tmpfiles --create /deploy/emperor.tmpfiles");
        Assert.That(Machine.Run("stat -c '%U:%G %a' /run/uwsgi /var/log/uwsgi"), Is.EqualTo("root:www-data 1775\nroot:root 755"));
        Assert.That(Machine.Run("id -u www-data"), Is.EqualTo("33"));
    }

    [Test]
    public void The_emperor_starts_with_the_configuration_of_deploy()
    {
        Machine.Run($"cp /deploy/emperor.ini {Ini}");
        Machine.Write($"{Vassals}/a.ini", "[uwsgi]\nmaster = true\nsocket = /run/uwsgi/a.sock\n");
        Start();
        AwaitMessages("EVENT=accepting", 1);
        Assert.That(Messages("-u emperor -p warning EVENT=config"), Is.Empty);
        Assert.That(Machine.Run("ps -o user= -C emperor,uwsgi-core,uwsgi").Split('\n').Distinct(), Is.EqualTo((string[])["www-data"]));
        Machine.Run("systemctl reload emperor && systemctl stop emperor");
        Assert.That(Show("Result"), Is.EqualTo("success"));
        Assert.That(Running("uwsgi"), Is.Empty);
    }
}
