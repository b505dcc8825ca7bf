#pragma warning disable CS1591
// temporary, to compile while others build these
using Emperor.Core.Succession; using Emperor.Core.Programs; using Emperor.Core.Vassals; using Emperor.Output; using Emperor.Linux;
namespace Emperor.Servers.Wsgi {
  #pragma warning disable CA1822
  internal sealed partial class WsgiMaster { 
    public void Inherit(VassalLegacy v, VassalState s, PlanTable p, bool c) {}
    public IEnumerable<int> BirthsOf(string v) => [];
  }
  internal static class WsgiStubs {
    public static WsgiLegacy? LegacyOf(this WsgiMaster m, string v, PlanTable p) => null;
    public static DutyLegacy? LegacyOf(this MasterDuties m, string v, PlanTable p) => null;
    

  }
}
namespace Emperor.Output {
  internal static class OutStubs {
    public static IReadOnlyList<OutputLegacy> LegacyOf(this VassalOutput m, string v) => [];
    public static OutputSource Inherit(this VassalOutput m, OutputLegacy l, string v, SafeFd fd) => null!;
    extension(OutputSource d) { public string? Heirloom => null; }
  }
}
namespace Emperor.Core.Configuration { public enum SurviveMode { Auto, Upgrade, Never } 
  public static class S { extension(EmperorSettings s) { public SurviveMode Survive => SurviveMode.Auto; } } }
