using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Emperor.EndToEnd.Support;

/// <summary>
/// About how many seconds a long test takes on a machine of its own. It begins before the others of its namespace, and that before the other
/// namespaces: one that begins last would run on alone. Nothing depends on the figure but that.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = false)]
internal sealed class TakesAttribute(int seconds) : PropertyAttribute(seconds);

/// <summary>Puts the tests in that order.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class LongestFirstAttribute : NUnitAttribute, IApplyToTest
{
    public void ApplyToTest(Test test) => Arrange(test);

    private static int Arrange(ITest test)
    {
        var seconds = test.Tests.Select(Arrange).Append(test.Properties.Get("Takes") as int? ?? 0).Max();
        if (seconds > 0)
            test.Properties.Set(PropertyNames.Order, -seconds);
        return seconds;
    }
}
