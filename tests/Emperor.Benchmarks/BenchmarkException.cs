namespace Emperor.Benchmarks;

/// <summary>Something could not be measured; the message says what and why, and is all that the user needs to see.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
