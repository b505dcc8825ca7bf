using Emperor.Core.Hooks;
using Emperor.Core.Programs;
using Emperor.Linux;
using Emperor.Servers;
using NUnit.Framework;

namespace Emperor.Tests.Servers;

[TestFixture]
public sealed class ProgramChainTests
{
    private static readonly string[] Command = ["/srv/app", "--port", "a b"];

    private static readonly ProgramIdentity Blog = new(new Account("blog", 1001, 1002), 1002, null);

    private static IEnumerable<TestCaseData> Chains =>
        [
            Case("nothing", new ChainRequest { Command = Command }, "/srv/app --port a b"),
            Case("nice", With(new LimitRules { Nice = 5 }), "/bin/nice -n 5 /srv/app --port a b"),
            Case(
                "nice beside the emperor's own",
                With(new LimitRules { Nice = 5 }) with
                {
                    Niceness = 7,
                },
                "/bin/nice -n -2 /srv/app --port a b"
            ),
            Case("the emperor's own niceness", With(new LimitRules { Nice = 7 }) with { Niceness = 7 }, "/srv/app --port a b"),
            Case("oom-score-adj", With(new LimitRules { OomScoreAdjust = -5 }), "/bin/choom -n -5 -- /srv/app --port a b"),
            Case("cpu-affinity", With(new LimitRules { CpuAffinity = "0,2-3" }), "/bin/taskset -c 0,2-3 /srv/app --port a b"),
            Case(
                "prlimit",
                With(new LimitRules { OpenFiles = 100, AddressSpace = 1024 }) with
                {
                    UserTasks = 7,
                },
                "/bin/prlimit --nofile=100:100 --as=1024:1024 --nproc=7:7 /srv/app --port a b"
            ),
            Case("no-new-privs", With(new LimitRules { NoNewPrivileges = true }), "/bin/setpriv --no-new-privs -- /srv/app --port a b"),
            Case(
                "death signal",
                new ChainRequest { Command = Command, DeathSignal = true },
                "/bin/setpriv --pdeathsig KILL -- /srv/app --port a b"
            ),
            Case(
                "user",
                new ChainRequest { Command = Command, Identity = Blog },
                "/bin/setpriv --reuid=1001 --regid=1002 --init-groups -- /srv/app --port a b"
            ),
            Case(
                "a user that no list knows",
                new ChainRequest { Command = Command, Identity = Blog with { IsKnown = false } },
                "/bin/setpriv --reuid=1001 --regid=1002 --clear-groups -- /srv/app --port a b"
            ),
            Case(
                "groups",
                new ChainRequest { Command = Command, Identity = Blog with { Groups = [5, 6] } },
                "/bin/setpriv --reuid=1001 --regid=1002 --groups=5,6 -- /srv/app --port a b"
            ),
            Case(
                "no groups",
                new ChainRequest { Command = Command, Identity = Blog with { Groups = [] } },
                "/bin/setpriv --reuid=1001 --regid=1002 --clear-groups -- /srv/app --port a b"
            ),
            Case(
                "group alone",
                new ChainRequest { Command = Command, Identity = new ProgramIdentity(null, 5, null) },
                "/bin/setpriv --regid=5 --keep-groups -- /srv/app --port a b"
            ),
            Case(
                "umask and numbers",
                new ChainRequest
                {
                    Command = Command,
                    Umask = 18,
                    PidVariables = ["LISTEN_PID"],
                },
                "/bin/sh -c umask 0022\nexport LISTEN_PID=$$\nexec \"$@\" sh /srv/app --port a b"
            ),
        ];

    [TestCaseSource(nameof(Chains))]
    public void What_is_asked_for_is_in_the_chain_and_nothing_else(object asked, string expected)
    {
        var words = ProgramChain.Words((ChainRequest)asked, name => "/bin/" + name, out var failure);
        Assert.That(failure, Is.Empty);
        Assert.That(string.Join(' ', words!), Is.EqualTo(expected));
    }

    [Test]
    public void What_only_root_may_do_comes_before_the_user_changes()
    {
        var request = new ChainRequest
        {
            Command = Command,
            CGroup = "/sys/fs/cgroup/it's",
            Identity = Blog,
            Umask = 63,
            TakesEnvironment = true,
            Limits = new LimitRules
            {
                Nice = -1,
                OomScoreAdjust = 1,
                CpuAffinity = "0",
                OpenFiles = 1,
                NoNewPrivileges = true,
                PrivateTmp = true,
                ReadOnlyPaths = ["/etc"],
            },
        };
        var words = ProgramChain.Words(request, name => "/bin/" + name, out _)!;
        string[] programs =
        [
            .. words.Where(w => w.StartsWith("/bin/", StringComparison.Ordinal) || w == "/srv/app").Select(Path.GetFileName)!,
        ];
        Assert.That(programs, Is.EqualTo(new[] { "unshare", "sh", "nice", "choom", "taskset", "prlimit", "setpriv", "sh", "app" }));
        var outer = words[7];
        Assert.That(outer, Does.Contain(@"echo 0 >'/sys/fs/cgroup/it'\''s/cgroup.procs'").And.Contain("p='/etc'").And.Contain("tmpfs"));
        Assert.That(outer.IndexOf("cgroup.procs", StringComparison.Ordinal), Is.LessThan(outer.IndexOf("rbind", StringComparison.Ordinal)));
        Assert.That(outer.IndexOf("rbind", StringComparison.Ordinal), Is.LessThan(outer.IndexOf("tmpfs", StringComparison.Ordinal)));
    }

    private const NamespaceKinds AllKinds = (NamespaceKinds)63;

    [TestCase(
        AllKinds,
        false,
        "unshare --net --ipc --uts --mount --propagation slave -- | sh first | nice | unshare --user --uts --mount --propagation unchanged -- | sh wait | setpriv | sh last"
    )]
    [TestCase(
        AllKinds,
        true,
        "unshare --user --map-root-user --net --ipc --uts --mount --propagation slave -- | sh first | nice | setpriv | sh last"
    )]
    [TestCase(NamespaceKinds.Processes, false, "sh first | nice | setpriv | sh last")]
    [TestCase(NamespaceKinds.Network, false, "unshare --net -- | sh first | nice | setpriv | sh last")]
    public void Namespaces_come_before_hooks_and_that_of_users_before_the_user_changes(
        NamespaceKinds kinds,
        bool mapsItself,
        string expected
    )
    {
        var request = With(new LimitRules { Nice = 3 }) with
        {
            Identity = Blog,
            Jail = new JailRequest(kinds, "echo first\n", "echo last\n") { MapsItself = mapsItself },
        };
        var words = ProgramChain.Words(request, name => "/bin/" + name, out var failure)!;
        Assert.That(failure, Is.Empty);
        var shown = new List<string>();
        foreach (var word in words.TakeWhile(w => w != "/srv/app"))
        {
            if (word.StartsWith("/bin/", StringComparison.Ordinal))
                shown.Add(word[5..]);
            else if (shown[^1].StartsWith("unshare", StringComparison.Ordinal))
                shown[^1] += $" {word}";
            else if (word.Contains("uid_map", StringComparison.Ordinal))
                shown[^1] += " wait";
            else if (shown[^1] == "sh" && word.Contains("echo ", StringComparison.Ordinal))
                shown[^1] += word.Contains("echo first", StringComparison.Ordinal) ? " first" : " last";
        }
        Assert.That(string.Join(" | ", shown), Is.EqualTo(expected));
    }

    [Test]
    public void A_program_that_is_missing_is_named_with_what_asks_for_it()
    {
        var words = ProgramChain.Words(With(new LimitRules { OomScoreAdjust = 1 }), name => name == "choom" ? null : name, out var failure);
        Assert.That(words, Is.Null);
        Assert.That(failure, Does.StartWith("choom is not installed, which oom-score-adj asks for; install it (package util-linux)"));
    }

    private static ChainRequest With(LimitRules limits) => new() { Command = Command, Limits = limits };

    private static TestCaseData Case(string name, ChainRequest request, string expected) =>
        new TestCaseData(request, expected).SetName(name);
}
