using Emperor.Linux;

namespace Emperor.Processes;

// What ends all processes when the emperor is no more.
internal sealed partial class ProcessKeeper
{
    /// <summary>The guard has ended, though it should not have.</summary>
    public void ReplaceGuard()
    {
        if (_guard.Process is { } guard)
        {
            _loop.Remove(guard.Fd);
            _ = guard.Reap(out _);
        }
        _log.Warning(
            "guard-lost",
            "the process that ends all vassals when the emperor is killed was ended by somebody; another is started"
        );
        StartGuard();
    }

    private void StartGuard()
    {
        if (TryStartGuard() is { Number: not 0 } error)
            _log.Warning(
                "no-guard",
                $"/bin/sh cannot be started ({error}): should the emperor be killed, workers of vassals may survive it"
            );
        else
            _loop.Add(_guard.Process!.Fd, Token.Make(TokenKind.Guard, 0));
    }

    private Errno TryStartGuard()
    {
        try
        {
            return _guard.Start();
        }
        catch (LinuxException e)
        {
            return e.Error;
        }
    }
}
