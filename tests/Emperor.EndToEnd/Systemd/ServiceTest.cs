using System.Globalization;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>
/// A test of deploy/emperor.service in a machine: with its configuration in /etc/emperor/emperor.ini, and scripted vassals in
/// /etc/uwsgi/vassals unless the test says otherwise.
/// </summary>
internal abstract class ServiceTest : MachineTest
{
    protected const string Vassals = "/etc/uwsgi/vassals";
    protected const string Ini = "/etc/emperor/emperor.ini";
    protected const string Unit = "/etc/systemd/system/emperor.service";

    /// <summary>The verb that makes a vassal write down what it does, for <see cref="Witnessed"/>.</summary>
    protected const string Witness = $"journal {Witnesses}";

    private const string Witnesses = "/tmp/witnesses";

    /// <summary>Longer than anything here takes on a busy machine.</summary>
    protected static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    protected override MachineSetup Setup => WithService();

    /// <summary>A machine with the service, which nobody has started.</summary>
    protected static MachineSetup WithService()
    {
        var setup = WithEmperor();
        return setup with
        {
            Files = new Dictionary<string, string>(setup.Files)
            {
                [Unit] = File.ReadAllText($"{Deploy}/emperor.service"),
                ["/usr/lib/tmpfiles.d/emperor.conf"] = File.ReadAllText($"{Deploy}/emperor.tmpfiles"),
                [Ini] = Configuration(),
                [$"{Vassals}/.keep"] = "",
            },
        };
    }

    /// <summary>The emperor's own file, for scripted vassals.</summary>
    protected static string Configuration(params string[] lines) =>
        $"[uwsgi]\nemperor = {Vassals}\nemperor-wrapper = /usr/bin/test-vassal\n" + string.Concat(lines.Select(line => line + "\n"));

    /// <summary>Changes the emperor's own file.</summary>
    protected void Configure(params string[] lines) => Machine.Write(Ini, Configuration(lines));

    /// <summary>Writes a vassal's file; the verbs are in Emperor.TestVassal/README.md.</summary>
    protected void Vassal(string name, params string[] verbs) =>
        Machine.Write($"{Vassals}/{name}", "[uwsgi]\nmaster = true\n" + string.Concat(verbs.Select(verb => $"x-do = {verb}\n")));

    /// <summary>Changes settings of the service's section, as systemctl edit does.</summary>
    protected void Edit(params string[] lines)
    {
        Machine.Write("/etc/systemd/system/emperor.service.d/test.conf", "[Service]\n" + string.Concat(lines.Select(line => line + "\n")));
        Machine.Run("systemctl daemon-reload");
    }

    /// <summary>systemctl start, which must succeed.</summary>
    protected void Start() => Machine.Run("systemctl start emperor");

    /// <summary>What systemctl show says of the service.</summary>
    protected string Show(string property, string unit = "emperor") => Machine.Run($"systemctl show -P {property} {unit}");

    /// <summary>The emperor's process number inside.</summary>
    protected int MainPid => int.Parse(Show("MainPID"), CultureInfo.InvariantCulture);

    /// <summary>Waits until a property is as it must be.</summary>
    protected string AwaitShown(string property, Func<string, bool> isSo)
    {
        var value = "";
        Wait.Until(() => isSo(value = Show(property)), () => $"{property} is {value}\n{Machine.Journal()}", Long);
        return value;
    }

    /// <summary>
    /// The messages of the journal that fit these fields, oldest first: all that were sent to it. What the emperor has just done may still be on
    /// its way there, as it does not wait for its log; see <see cref="AwaitMessages"/>.
    /// </summary>
    protected string[] Messages(string matches) =>
        Machine.Try($"journalctl --sync; journalctl --no-pager -o cat {matches}").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Waits until so many messages of the journal fit these fields; more must not.</summary>
    protected string[] AwaitMessages(string matches, int count)
    {
        string[] found = [];
        Wait.Until(
            () => (found = Messages(matches)).Length >= count,
            () => $"{found.Length} messages {matches} instead of {count}\n{Machine.Journal()}",
            Long
        );
        Assert.That(found, Has.Length.EqualTo(count), matches);
        return found;
    }

    /// <summary>
    /// How many lines of an event the vassals with the verb <see cref="Witness"/> have written. They write before they answer the emperor, so
    /// this says what they had done by the time that systemctl came back.
    /// </summary>
    protected int Witnessed(string @event) =>
        int.Parse(Machine.Try($"cat {Witnesses} | grep -c ' {@event}'").Output, CultureInfo.InvariantCulture);

    /// <summary>How many lines of the journal fit these fields.</summary>
    protected int Count(string matches) => Messages(matches).Length;

    /// <summary>The process numbers of what runs with this program, inside.</summary>
    protected string[] Running(string program) =>
        Machine.Try($"pgrep -x {program}").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
