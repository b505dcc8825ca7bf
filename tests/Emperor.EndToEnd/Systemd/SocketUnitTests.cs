using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>A .socket unit beside the service: its socket is the vassal's of that name, on demand.</summary>
internal sealed class SocketUnitTests : ServiceTest
{
    private const string Ask =
        "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(50); s.connect(\"/run/shop.sock\"); print(s.recv(20).decode().strip())'";

    protected override MachineSetup Setup
    {
        get
        {
            var setup = WithService();
            return setup with
            {
                Files = new Dictionary<string, string>(setup.Files)
                {
                    ["/etc/systemd/system/shop.socket"] =
                        "[Socket]\nListenStream=/run/shop.sock\nFileDescriptorName=shop.ini\nService=emperor.service\n",
                },
            };
        }
    }

    [Test]
    public void The_first_connection_starts_the_emperor_and_its_vassal_and_none_is_lost_by_a_restart()
    {
        Vassal("shop.ini", "serve");
        Vassal("blog.ini", "accept");
        Machine.Run("systemctl start shop.socket");
        Assert.That(Show("ActiveState"), Is.EqualTo("inactive"));
        var first = Machine.Run(Ask);
        Assert.That(Running("test-vassal"), Does.Contain(first).And.Length.EqualTo(2));
        AwaitShown("ActiveState", state => state == "active");

        Machine.Run("systemctl stop emperor");
        var waiting = Machine.Start(Ask);
        var answer = waiting.Await(Long);
        Assert.That(answer.Code, Is.Zero, answer.Text);
        Assert.That(answer.Output.Trim(), Is.Not.EqualTo(first));

        Machine.Run("systemctl restart emperor");
        Assert.That(Show("StatusText"), Is.EqualTo("The Emperor is governing 2 vassals, 1 on demand"));
        Assert.That(Machine.Run(Ask), Is.Not.EqualTo(answer.Output.Trim()));
        Assert.That(Messages("-u emperor -p warning"), Is.Empty);
    }
}
