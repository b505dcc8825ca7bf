using Emperor.Core.Hooks;
using NUnit.Framework;

namespace Emperor.Tests.Hooks;

[TestFixture]
public sealed class HookTextTests
{
    [TestCase("exec:echo a:b", HookVerb.Execute, "echo a:b")]
    [TestCase("cd:/srv/a b", HookVerb.ChangeDirectory, "/srv/a b")]
    [TestCase("putenv:A=b c", HookVerb.SetVariable, "A=b c")]
    [TestCase("hostname:jail", HookVerb.SetHostName, "jail")]
    [TestCase("print:100%", HookVerb.Print, "100%")]
    [TestCase("exit:26", HookVerb.Exit, "26")]
    [TestCase("exit:", HookVerb.Exit, "0")]
    [TestCase("mount:proc none /proc", HookVerb.Mount, "-t proc -- none /proc")]
    [TestCase(
        "mount:tmpfs none /mnt nosuid,noexec size=1m,mode=700",
        HookVerb.Mount,
        "-t tmpfs -o nosuid,noexec,size=1m,mode=700 -- none /mnt"
    )]
    [TestCase("mount:none /a /b bind,ro", HookVerb.Mount, "--bind -o ro -- /a /b")]
    [TestCase("mount:none /a /b bind,rec", HookVerb.Mount, "--rbind -- /a /b")]
    [TestCase("mount:none none / rec,private", HookVerb.Mount, "--make-rprivate -- /")]
    [TestCase("mount:none none /a shared", HookVerb.Mount, "--make-shared -- /a")]
    [TestCase("mount:none /a /b move", HookVerb.Mount, "--move -- /a /b")]
    [TestCase("mount:none none /a remount,rdonly", HookVerb.Mount, "-o remount,ro -- none /a")]
    [TestCase("umount:/mnt detach,rec", HookVerb.Unmount, "--lazy --recursive -- /mnt")]
    [TestCase("umount:/mnt", HookVerb.Unmount, "-- /mnt")]
    public void Actions_are_read(string text, HookVerb verb, string arguments)
    {
        var action = HookText.Read("hook-as-vassal", text, out var failure);
        Assert.That(failure, Is.Null);
        Assert.That((action!.Verb, string.Join(' ', action.Arguments)), Is.EqualTo((verb, arguments)));
        Assert.That(action.Name, Is.EqualTo($"hook-as-vassal \"{text}\""));
    }

    [TestCase("write:/a two words", "/a|two words")]
    [TestCase("chown:/a b c", "/a|b|c")]
    [TestCase("unlink:/a b", "/a b")]
    [TestCase("appendn:/a", "/a")]
    public void Of_files_the_last_argument_is_the_rest(string text, string arguments)
    {
        var action = HookText.Read("hook-as-vassal", text, out _);
        Assert.That(action!.Verb, Is.EqualTo(HookVerb.Script));
        Assert.That(string.Join('|', action.Arguments.Skip(1)), Is.EqualTo(arguments));
    }

    [Test]
    public void A_private_one_is_not_shown_and_a_safe_one_may_fail()
    {
        Assert.That(HookText.Read("hook-as-vassal", "!exec:secret", out _)!.Name, Is.EqualTo("hook-as-vassal \"(private)\""));
        Assert.That(HookText.Read("hook-as-vassal", "exec:x", out _)!.IsFatal);
        Assert.That(HookText.Read("hook-as-vassal", "safeexec:x", out _)!.IsFatal, Is.False);
        Assert.That(HookText.Program("vassals-start-hook", "x").IsFatal, Is.False);
    }

    [TestCase("exec", "has no action")]
    [TestCase("", "has no action")]
    [TestCase("write:/a", "has too few arguments; write write:FILE TEXT")]
    [TestCase("chown:/a b", "has too few arguments")]
    [TestCase("unlink:", "has too few arguments")]
    [TestCase("putenv:=b", "names no variable")]
    [TestCase("putenv:a b=c", "names no variable")]
    [TestCase("mount:proc", "names too little to mount")]
    [TestCase("umount:", "does not say what to unmount")]
    [TestCase("umount:/a bind", "has the flag \"bind\"")]
    [TestCase("callret:x", "calls a function inside uWSGI's own process")]
    [TestCase("alarm:x y", "needs what only uWSGI's own process has (alarm)")]
    [TestCase("Exec:x", "asks for what nobody knows (\"Exec\")")]
    public void What_is_none_is_refused(string text, string words)
    {
        Assert.That(HookText.Read("hook-as-vassal", text, out var failure), Is.Null);
        Assert.That(failure, Does.Contain(words));
    }

    [TestCase("fs", NamespaceKinds.Mounts)]
    [TestCase("ns", NamespaceKinds.Mounts)]
    [TestCase("mnt", NamespaceKinds.Mounts)]
    [TestCase("mount", NamespaceKinds.Mounts)]
    [TestCase("ipc", NamespaceKinds.Ipc)]
    [TestCase("net", NamespaceKinds.Network)]
    [TestCase("pid", NamespaceKinds.Processes)]
    [TestCase("uts", NamespaceKinds.HostName)]
    [TestCase("user", NamespaceKinds.Users)]
    [TestCase("io", NamespaceKinds.None)]
    [TestCase("sysvsem", NamespaceKinds.None)]
    public void Each_word_of_uwsgi_is_a_kind_or_none(string word, NamespaceKinds kind)
    {
        Assert.That(NamespaceWords.Read(word, out var failure), Is.EqualTo(kind));
        Assert.That(failure, Is.Null);
    }

    [Test]
    public void A_script_for_a_vassal_without_hooks_is_empty_and_one_with_a_quote_is_read_back()
    {
        var context = new HookContext("it's.ini", "/srv/a b", 1, 2);
        Assert.That(HookScripts.InVassal([], context, TimeSpan.FromSeconds(1), q => q, f => f), Is.Empty);
        var script = HookScripts.InVassal(
            [HookText.Program("vassals-start-hook", "printenv UWSGI_VASSAL_CONFIG UWSGI_VASSAL_UID UWSGI_VASSALS_DIR; echo")],
            context,
            TimeSpan.FromSeconds(60),
            Emperor.Servers.ProgramChain.Quote,
            name => name
        );
        var (status, output) = Linux.Child.Run("/bin/sh", "-c", script);
        Assert.That(status.Code, Is.Zero);
        Assert.That(output, Does.StartWith("it's.ini\n1\n/srv/a b\nit's.ini\n").And.Contain("ended with exit 0"));
    }
}
