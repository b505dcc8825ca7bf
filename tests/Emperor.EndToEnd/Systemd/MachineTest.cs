using System.Runtime.InteropServices;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>
/// A test with a machine of its own. The emperor as it was built is /usr/bin/emperor in it, the scripted vassal /usr/bin/test-vassal, and the
/// files of deploy/ are in /deploy.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal abstract class MachineTest
{
    private Machine? _machine;

    /// <summary>The machine; booted by its first use.</summary>
    protected Machine Machine => _machine ??= Machine.Boot(Setup);

    /// <summary>A folder of this test, outside of the machine.</summary>
    protected TempFolder Temp { get; } = new();

    /// <summary>What is in it.</summary>
    protected virtual MachineSetup Setup => WithEmperor();

    /// <summary>A machine that has the emperor.</summary>
    protected static MachineSetup WithEmperor()
    {
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        return new MachineSetup
        {
            Files = new Dictionary<string, string> { ["/etc/dotnet/install_location"] = "/usr/lib/emperor-dotnet\n" },
            Links = new Dictionary<string, string> { ["/usr/bin/emperor"] = "/usr/lib/emperor/emperor" },
            Bound = new Dictionary<string, string>
            {
                ["/usr/lib/emperor"] = Path.GetDirectoryName(Path.GetFullPath(EmperorProcess.Program))!,
                ["/usr/lib/emperor-dotnet"] = dotnet,
                ["/usr/bin/test-vassal"] = Path.GetFullPath(TestVassal.VassalProgram.Path),
                ["/deploy"] = Deploy,
            },
            Removed = ["/usr/bin/emperor"],
        };
    }

    /// <summary>The folder deploy/ of this source tree.</summary>
    protected static string Deploy
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists($"{folder.FullName}/Emperor.sln"))
                folder = folder.Parent;
            return $"{folder!.FullName}/deploy";
        }
    }

    [TearDown]
    public void EndMachine()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status == NUnit.Framework.Interfaces.TestStatus.Failed && _machine is not null)
            TestContext.Out.WriteLine($"{_machine.Console}\n{_machine.Journal()}");
        _machine?.Dispose();
        Temp.Dispose();
    }
}
