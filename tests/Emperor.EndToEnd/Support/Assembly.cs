// Every test has its own folders and processes. Most of their time is waiting, so more run at once than there are processors.
[assembly: Parallelizable(ParallelScope.All)]
[assembly: LevelOfParallelism(6)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
