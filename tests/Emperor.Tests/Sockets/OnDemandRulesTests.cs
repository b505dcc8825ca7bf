using System.Text;
using Emperor.Core.Sockets;
using NUnit.Framework;

namespace Emperor.Tests.Sockets;

[TestFixture]
public sealed class OnDemandRulesTests
{
    [TestCase("shop.ini", "/run/shop.socket")]
    [TestCase("shop.v2.ini", "/run/shop.v2.socket")]
    [TestCase("sites/a.b/shop.ini", "/run/shop.socket")]
    [TestCase("sites/a.b/shop", null)]
    public void The_folder_s_socket_is_named_like_the_file(string vassal, string? path) =>
        Assert.That(OnDemandRules.InDirectory("/run", vassal), Is.EqualTo(path));

    [TestCase("/run/a.sock\n", "/run/a.sock")]
    [TestCase("/run/a.sock\r\nmore", "/run/a.sock")]
    [TestCase("/run/a b.sock  \n", "/run/a b.sock")]
    [TestCase("\n/run/a.sock", "")]
    [TestCase("", "")]
    [TestCase("@a\0b", "@a")]
    public void An_answer_ends_at_the_first_control_character(string text, string answer) =>
        Assert.That(OnDemandRules.Answer(Encoding.UTF8.GetBytes(text)), Is.EqualTo(answer));

    [TestCase("", 438, null)]
    [TestCase("chmod-socket = 660\nchown-socket = www-data:www-data", 432, "www-data:www-data")]
    [TestCase("chmod-socket\n", 438, null)]
    [TestCase("chmod-socket = 600\nchmod-socket = 1\n", 438, null)]
    [TestCase("chmod-socket = 640\nchmod-socket = %(mode)\n", 416, null)]
    [TestCase("chmod-socket = 999\nchown-socket = $(OWNER)", 438, null)]
    [TestCase("[other]\nchmod-socket = 600", 438, null)]
    public void Mode_and_owner_are_those_that_the_vassal_asks_for(string options, int mode, string? owner)
    {
        var socket = OnDemandRules.WithWishes(new OnDemandSocket("/s"), "a.ini", Encoding.UTF8.GetBytes($"[uwsgi]\n{options}\n"));
        Assert.That((socket.Mode, socket.Owner), Is.EqualTo((mode, owner)));
    }

    [Test]
    public void Only_an_ini_is_read_for_them() =>
        Assert.That(
            OnDemandRules.WithWishes(new OnDemandSocket("/s"), "a.yaml", "[uwsgi]\nchmod-socket = 600\n"u8).Mode,
            Is.EqualTo(OnDemandSocket.EveryoneMode)
        );

    [TestCase("7", "2", "a:b", "3 a,4 b", false)]
    [TestCase("7", "2", null, "3 unknown,4 unknown", false)]
    [TestCase("7", "2", "a", "3 a,4 unknown", true)]
    [TestCase("7", "1", "shop.ini", "3 shop.ini", false)]
    [TestCase("7", "0", null, "", false)]
    [TestCase("8", "2", "a:b", "", false)]
    [TestCase("x", "2", "a:b", "", false)]
    [TestCase(null, "2", "a:b", "", false)]
    [TestCase("7", "-1", null, "", true)]
    [TestCase("7", "65537", null, "", true)]
    [TestCase("7", null, null, "", true)]
    public void Sockets_of_the_service_manager_are_told_by_the_environment(
        string? pid,
        string? count,
        string? names,
        string expected,
        bool isWrong
    )
    {
        var environment = new Dictionary<string, string>();
        foreach (var (name, value) in new[] { ("LISTEN_PID", pid), ("LISTEN_FDS", count), ("LISTEN_FDNAMES", names) })
        {
            if (value is not null)
                environment[name] = value;
        }
        var sockets = ListenFds.Read(environment, 7, out var problem);
        Assert.That(string.Join(',', sockets.Select(s => $"{s.Fd} {s.Name}")), Is.EqualTo(expected));
        Assert.That(problem is not null, Is.EqualTo(isWrong), problem);
    }

    [TestCase("shop.socket", "shop")]
    [TestCase("shop.ini", "shop.ini")]
    [TestCase(".socket", ".socket")]
    public void A_unit_s_own_name_is_as_good_as_a_chosen_one(string name, string plain) =>
        Assert.That(ListenFds.Plain(name), Is.EqualTo(plain));

    [TestCase("shop.ini", "shop.ini,shop")]
    [TestCase("/etc/sites/shop.v2.ini", "shop.v2.ini,shop.v2")]
    [TestCase("shop", "shop")]
    public void A_vassal_s_socket_is_named_like_it_with_or_without_ending(string vassal, string names) =>
        Assert.That(string.Join(',', OnDemandRules.InheritedNames(vassal)), Is.EqualTo(names));
}
