namespace Emperor;

// How it follows another emperor, and leaves to the next.
internal sealed partial class Daemon
{
    private const int StoreTries = 100;

    // What has come while there was no emperor is heard before anything is decided by time.
    private void Accede()
    {
        if (Restoration is not { } restoration)
            return;
        Control?.Inherit(restoration.Orders);
        Settle(Clock.Now);
        loop.Wait(_ready, 0);
        Turn();
        restoration.Tell();
    }

    private long NextWriting => Math.Min(Chronicle?.NextDue ?? long.MaxValue, Heirlooms.Store?.NextDue ?? long.MaxValue);

    // The journal first: what is stored and not written down is given up, and what is written down and not stored is lost.
    private void WriteDown()
    {
        var now = Environment.TickCount64;
        Chronicle?.Turn(now);
        Heirlooms.Store?.Turn(now);
    }

    // Nothing is left to anybody; above all not the end of the pipe at which the guard waits.
    private void ForgetHeirlooms()
    {
        Heirlooms.DropAll();
        for (var i = 0; i < StoreTries && Heirlooms.Store is { NextDue: not null } store; i++)
        {
            store.Turn(Environment.TickCount64);
            if (store.NextDue is not null)
                loop.Wait(_ready, 20);
        }
    }
}
