#pragma warning disable CS1591, CA1822
// temporary, to compile while others build these
using Emperor.Core.Succession; using Emperor.Core.Programs; using Emperor.Core.Vassals; using Emperor.Output; using Emperor.Linux;
namespace Emperor.Output {
  internal static class OutStubs {
    public static IReadOnlyList<OutputLegacy> LegacyOf(this VassalOutput m, string v) => [];
    public static OutputSource Inherit(this VassalOutput m, OutputLegacy l, string v, SafeFd fd) => null!;
    extension(OutputSource d) { public string? Heirloom => null; }
  }
}
namespace Emperor.Core.Configuration { public enum SurviveMode { Auto, Upgrade, Never } 
  public static class S { extension(EmperorSettings s) { public SurviveMode Survive => SurviveMode.Auto; } } }
