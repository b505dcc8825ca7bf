using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class HelpTextTests
{
    [Test]
    public void Every_option_that_Emperor_acts_on_is_in_the_help() =>
        Assert.That(
            SupportedOptions
                .All.SelectMany(option => option.Aliases.Append(option.Name))
                .Where(name => !HelpText.Render(200).Contains("--" + name, StringComparison.Ordinal)),
            Is.Empty
        );

    [Test]
    public void On_a_wide_terminal_each_option_takes_one_line()
    {
        var lines = HelpText.Render(250).Split('\n').Where(line => line.StartsWith("  -", StringComparison.Ordinal));
        Assert.That(lines.Count(), Is.EqualTo(SupportedOptions.All.Length));
    }

    [TestCase(100)]
    [TestCase(120)]
    public void Explanations_stay_within_the_terminal(int width) =>
        Assert.That(
            HelpText
                .Render(width)
                .Split('\n')
                .Where(line => line.StartsWith("  -", StringComparison.Ordinal) || line.StartsWith("     ", StringComparison.Ordinal))
                .Max(line => line.Length),
            Is.LessThanOrEqualTo(width)
        );

    [TestCase(0)]
    [TestCase(-5)]
    [TestCase(1)]
    public void A_terminal_without_width_gets_the_whole_help_too(int width) =>
        Assert.That(HelpText.Render(width), Does.Contain("--emperor-freq").And.Contain("Exit codes:"));

    [Test]
    public void Explanations_are_aligned()
    {
        var lines = HelpText.Render(250).Split('\n');
        var column = lines
            .First(line => line.Contains("--emperor FOLDER", StringComparison.Ordinal))
            .IndexOf("run a vassal", StringComparison.Ordinal);
        Assert.That(
            lines.Where(line => line.StartsWith("  --", StringComparison.Ordinal)).Select(line => (line[column - 1], line[column])),
            Has.All.Matches<(char Before, char First)>(pair => pair is (' ', not ' '))
        );
    }
}
