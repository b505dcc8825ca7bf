namespace Emperor.Benchmarks;

/// <summary>Takes every wanted figure of one program once, in a reign of its own.</summary>
internal sealed class Round(Options options, Results results, string vassal, string folder, CancellationToken cancel)
{
    private const int WarmUpDocuments = 3;
    private const int StatsSamples = 40;

    private static readonly TimeSpan idleTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan documentPause = TimeSpan.FromMilliseconds(50);

    public void Run(Contender contender, int vassals, int round)
    {
        var label = $"{contender.Name}, {vassals} vassals, round {round} of {options.Rounds}";
        var root = Path.Combine(folder, $"{contender.Name}-{vassals}-{round}");
        try
        {
            Progress.Say($"{label}: laying out {vassals} apps");
            var ground = new Ground(root, vassals, options.StopDelay);
            using var reign = new Reign(contender, ground, vassal, options.Wants(Figures.Stats), cancel);
            if (Take(contender, vassals, Figures.ColdStart, label, () => [reign.Start()]))
                AfterStart(contender, ground, reign, label);
        }
        finally
        {
            if (!options.Keep && Directory.Exists(root))
                Directory.Delete(root, recursive: true);
        }
    }

    private void AfterStart(Contender contender, Ground ground, Reign reign, string label)
    {
        var vassals = ground.Names.Count;
        var samples = Math.Max(1, Math.Min(contender.Samples, vassals / 3));
        // Longer than the two seconds within which uwsgi takes a death for a failure to start.
        reign.Pause(TimeSpan.FromSeconds(options.Settle));
        Take(contender, vassals, Figures.Idle, label, () => [reign.Idle(idleTime)]);
        var rested = reign.Memory();
        // Each act has vassals of its own, so that none has been restarted or edited moments before.
        Take(contender, vassals, Figures.Stats, label, () => Documents(reign));
        Series(Figures.Edit, i => reign.Edit(ground.Names[i]));
        Series(Figures.Drop, reign.Drop);
        Series(Figures.Link, reign.Link);
        Series(Figures.Kill, i => reign.Kill(ground.Names[samples + i]));
        Series(Figures.Remove, i => reign.Remove(ground.Names[samples * 2 + i]));
        Memory(contender, vassals, reign, rested, label);
        Take(contender, vassals, Figures.Stop, label, () => [reign.Stop()]);

        void Series(Figure figure, Func<int, double> sample) => Take(contender, vassals, figure, label, () => Sampled(sample));

        IEnumerable<double> Sampled(Func<int, double> sample)
        {
            for (var i = 0; i < samples; i++)
            {
                reign.Pause(contender.PauseBefore(i, samples));
                yield return sample(i);
            }
        }
    }

    // One after the other as a client that polls does; the first ones, in which a runtime compiles, are everybody's and not measured.
    private IEnumerable<double> Documents(Reign reign)
    {
        for (var i = -WarmUpDocuments; i < (options.Samples ?? StatsSamples); i++)
        {
            reign.Pause(documentPause);
            var took = reign.Document();
            if (i >= 0)
                yield return took;
        }
    }

    /// <summary>The larger of before and after the work: an emperor that grows is not to look small.</summary>
    private void Memory(Contender contender, int vassals, Reign reign, MemoryUse rested, string label)
    {
        var worked = rested;
        Take(
            contender,
            vassals,
            Figures.Memory,
            label,
            () =>
            {
                worked = reign.Memory();
                return [Math.Max(rested.PrivateDirty, worked.PrivateDirty)];
            }
        );
        results[vassals, Figures.PrivateClean, contender.Name].Add(Math.Max(rested.PrivateClean, worked.PrivateClean));
        results[vassals, Figures.Resident, contender.Name].Add(Math.Max(rested.Resident, worked.Resident));
    }

    /// <summary>Takes the samples of a figure; a failure is the figure's own, and the others go on. False when it failed.</summary>
    private bool Take(Contender contender, int vassals, Figure figure, string label, Func<IEnumerable<double>> samples)
    {
        // There is nothing to measure without a start, and an orderly end costs little.
        if (!options.Wants(figure) && figure != Figures.ColdStart && figure != Figures.Stop)
            return true;
        var cell = results[vassals, figure, contender.Name];
        var before = cell.Samples.Count;
        Progress.Say($"{label}: {figure.Title} …");
        try
        {
            foreach (var sample in samples())
                cell.Add(sample);
            Progress.Say($"{label}: {figure.Title}: {Format.Values(cell.Samples.Skip(before), figure.Unit)}");
            return true;
        }
        catch (BenchmarkException e)
        {
            cell.Fail(e.Message);
            Progress.Say($"{label}: {figure.Title}: {e.Message}");
            return false;
        }
    }
}
