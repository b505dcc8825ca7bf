using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>The units beside emperor.service: of a user without rights, of a user's session, and those written for uwsgi.</summary>
internal sealed class OtherUnitsTests : ServiceTest
{
    // https://uwsgi-docs.readthedocs.io/en/latest/Systemd.html, and the ExecStartPre that tutorials add to it.
    private const string UnitOfUwsgi = """
        [Unit]
        Description=uWSGI Emperor
        After=syslog.target

        [Service]
        ExecStartPre=/bin/bash -c 'mkdir -p /run/uwsgi; chown www-data:www-data /run/uwsgi'
        ExecStart=/usr/bin/emperor --ini /etc/uwsgi/emperor.ini
        # Requires systemd version 211 or newer
        RuntimeDirectory=uwsgi
        Restart=always
        KillSignal=SIGQUIT
        Type=notify
        StandardError=syslog
        NotifyAccess=all

        [Install]
        WantedBy=multi-user.target

        """;

    protected override MachineSetup Setup
    {
        get
        {
            var setup = WithService();
            return setup with
            {
                Files = new Dictionary<string, string>(setup.Files)
                {
                    ["/etc/systemd/system/emperor@.service"] = File.ReadAllText($"{Deploy}/emperor@.service"),
                    ["/etc/systemd/user/emperor.service"] = File.ReadAllText($"{Deploy}/user/emperor.service"),
                    ["/etc/systemd/system/emperor.uwsgi.service"] = UnitOfUwsgi,
                },
            };
        }
    }

    [Test]
    public void A_unit_written_for_uwsgi_works_with_another_program_alone()
    {
        const string unit = "emperor.uwsgi";
        Machine.Write("/etc/uwsgi/emperor.ini", Configuration());
        Vassal("a.ini", Witness, "sleep 500", "fork 1", "accept");
        Machine.Run($"systemctl start {unit}");
        Assert.That(Witnessed("child"), Is.EqualTo(1), "it was ready before its vassal");
        AwaitMessages("EVENT=accepting VASSAL=a.ini", 1);
        Assert.That(Show("StatusText", unit), Does.StartWith("The Emperor is governing 1 vassals"));
        Machine.Run($"kill -9 {Show("MainPID", unit)}");
        Wait.Until(() => Show("NRestarts", unit) == "1" && Show("ActiveState", unit) == "active", () => Machine.Journal(), Long);
        Machine.Run($"systemctl stop {unit}");
        Assert.That(Show("Result", unit), Is.EqualTo("success"));
        AwaitMessages("EVENT=buried", 1);
        Assert.That(Running("test-vassal"), Is.Empty);
    }

    [Test]
    public void A_user_without_rights_has_an_emperor_of_its_own()
    {
        const string unit = "emperor@alice";
        Machine.Run("useradd -m alice");
        Machine.Write("/etc/emperor/alice.ini", Configuration($"emperor = /home/alice/vassals", "emperor-ready = all"));
        Machine.Write("/home/alice/vassals/a.ini", "[uwsgi]\nx-do = accept\n");
        Machine.Write("/home/alice/vassals/b.ini", $"[uwsgi]\nx-do = {Witness}\nx-do = reload-delay 500\nx-do = accept\nx-do = daemon 1\n");
        Machine.Run($"chown -R alice: /home/alice; systemctl start {unit}");
        AwaitMessages("EVENT=accepting", 2);
        Assert.That(Machine.Run("ps -o user= -C emperor,test-vassal").Split('\n').Distinct(), Is.EqualTo((string[])["alice"]));
        Assert.That(Machine.Run("stat -c %U /run/emperor-alice"), Is.EqualTo("alice"));
        Machine.Run($"systemctl reload {unit}");
        Assert.That(Witnessed("reload"), Is.EqualTo(1), "systemctl reload came back before the app");
        AwaitMessages("EVENT=accepting", 4);
        var before = Running("test-vassal");
        Machine.Run($"kill -9 {Show("MainPID", unit)}");
        Wait.Until(() => Show("NRestarts", unit) == "1" && Show("ActiveState", unit) == "active", () => Machine.Journal(), Long);
        AwaitMessages("EVENT=adopted", 1);
        Assert.That(Running("test-vassal"), Is.EqualTo(before), "its vassals outlive it");
        Machine.Run($"systemctl stop {unit}");
        Assert.That((Show("Result", unit), Running("test-vassal")), Is.EqualTo(("success", Array.Empty<string>())));
        Assert.That(Show("NFileDescriptorStore", unit), Is.EqualTo("0"));
    }

    [Test]
    public void A_user_s_session_has_an_emperor_of_its_own()
    {
        Machine.Run("useradd -m alice && loginctl enable-linger alice");
        var uid = Machine.Run("id -u alice");
        Wait.Until(() => Machine.Try($"systemctl is-active user@{uid}").Code == 0, () => Machine.Journal(), Long);
        string AsAlice(string command) =>
            Machine.Run($"runuser -u alice -- env HOME=/home/alice XDG_RUNTIME_DIR=/run/user/{uid} sh -c '{command}'");
        AsAlice("mkdir -p ~/.config/emperor/vassals ~/.config/environment.d");
        AsAlice($"printf \"[uwsgi]\\nx-do = {Witness}\\nx-do = reload-delay 500\\nx-do = accept\\n\" >~/.config/emperor/vassals/a.ini");
        AsAlice("systemctl --user set-environment UWSGI_EMPEROR_WRAPPER=/usr/bin/test-vassal; systemctl --user enable --now emperor");
        Assert.That(AsAlice("systemctl --user show -P StatusText emperor"), Does.Contain("governing 1 vassals"));
        AwaitMessages("EVENT=accepting VASSAL=a.ini", 1);
        AsAlice("systemctl --user reload emperor");
        Assert.That(Witnessed("reload"), Is.EqualTo(1), "systemctl reload came back before the app");
        var accepting = AwaitMessages("_SYSTEMD_USER_UNIT=emperor.service VASSAL=a.ini EVENT=accepting", 2);
        Assert.That(accepting, Has.All.Contains("accepts requests"));
        var before = Running("test-vassal");
        AsAlice("kill -9 $(systemctl --user show -P MainPID emperor)");
        AwaitMessages("_SYSTEMD_USER_UNIT=emperor.service EVENT=adopted", 1);
        Assert.That(Running("test-vassal"), Is.EqualTo(before), "its vassals outlive it");
        AsAlice("systemctl --user stop emperor");
        Assert.That(AsAlice("systemctl --user show -P Result emperor"), Is.EqualTo("success"));
        Assert.That(Running("test-vassal"), Is.Empty);
    }
}
