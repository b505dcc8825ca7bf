using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>Tests that hold an option of the installed uwsgi's emperor against Emperor's, on the same vassals.</summary>
internal abstract class OptionTest : EmperorTest
{
    /// <summary>The installed uwsgi.</summary>
    protected const string Uwsgi = "/usr/bin/uwsgi";

    /// <summary>Writes an executable script.</summary>
    protected string Script(string name, string text) => Executable.Write(Temp[name], text);

    /// <summary>A program in uwsgi's place that writes its arguments to a file, a line each, and is a scripted vassal without a file then.</summary>
    protected string Recorder(string record) =>
        Script(
            "recorder",
            $"#!/bin/sh\nprintf '%s\\n' \"$@\" >{record}.new\nmv {record}.new {record}\nexec {TestVassal.VassalProgram.Path}\n"
        );

    /// <summary>Starts an emperor of either kind with exactly these arguments, in the test's folder.</summary>
    protected EmperorProcess LaunchAs(string program, params string[] arguments) =>
        Launch(
            new EmperorStart
            {
                Program = program,
                Arguments = arguments,
                Folder = Temp.Path,
                Environment = new Dictionary<string, string?> { ["UWSGI_EMPEROR_CONTROL"] = program == Uwsgi ? null : "none" },
            }
        );

    /// <summary>The same with the real uwsgi for a vassal.</summary>
    protected EmperorProcess StartReal(params string[] options) =>
        LaunchAs(EmperorProcess.Program, ["--emperor", Vassals, "--emperor-freq", "600", .. options]);

    /// <summary>Waits for a file, and returns its lines.</summary>
    protected string[] Recorded(string path)
    {
        Wait.Until(() => File.Exists(path), () => $"{path} was not written\n{Logs()}");
        return File.ReadAllLines(path);
    }
}
