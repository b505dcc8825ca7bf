// temporary, to compile while others build these
using Emperor.Core.Succession; using Emperor.Core.Programs; using Emperor.Core.Vassals; using Emperor.Output; using Emperor.Linux;
namespace Emperor.Servers.Wsgi {
  internal static class WsgiStubs {
    public static WsgiLegacy? LegacyOf(this WsgiMaster m, string v, PlanTable p) => null;
    public static void Inherit(this WsgiMaster m, VassalLegacy v, VassalState s, PlanTable p, bool c) {}
    public static IEnumerable<int> BirthsOf(this WsgiMaster m, string v) => [];
    public static DutyLegacy? LegacyOf(this MasterDuties m, string v, PlanTable p) => null;
    public static void Inherit(this MasterDuties m, VassalLegacy v, PlanTable p, Func<string?, OutputSource?> o, long n) {}
    extension(MasterDuties d) { public IReadOnlySet<int> GuardSlots => new HashSet<int>(); }
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
