// Every test has its own folders and processes. Most of their time is waiting, so more run at once than there are processors. What limits them are
// the machines among them: each systemd takes 8 of the 128 instances of inotify that the kernel lets root have.
[assembly: Parallelizable(ParallelScope.All)]
[assembly: LevelOfParallelism(10)]
[assembly: Emperor.EndToEnd.Support.LongestFirst]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
