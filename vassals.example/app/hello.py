"""One page without dependencies: who serves it, and what it was told by its vassal's file."""

import os
import threading


def application(environ, start_response):
    greeting = os.environ.get("GREETING", "Hello from %s" % os.environ.get("VASSAL", "Emperor"))
    lines = [
        greeting,
        "process %d, of master %d" % (os.getpid(), os.getppid()),
        "thread %s" % threading.current_thread().name,
        "path %s" % environ["PATH_INFO"],
    ]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [("\n".join(lines) + "\n").encode()]
