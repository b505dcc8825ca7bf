"""One page without dependencies: who serves it, and what it was told by its vassal's file. A browser gets it as HTML, curl as text."""

import html
import os
import sys
import threading

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.7rem; }}
dl {{ display: grid; grid-template-columns: max-content auto; gap: .2rem 1.2rem; }}
dt {{ color: #777; }}
dd {{ margin: 0; }}
</style>
<h1>{title}</h1>
<dl>{facts}</dl>
<p>Touch its ini file and reload this page: another process answers.</p>
</html>
"""


def application(environ, start_response):
    greeting = os.environ.get("GREETING", "Hello from %s" % os.environ.get("VASSAL", "Emperor"))
    facts = [
        ("process", "%d, of master %d" % (os.getpid(), os.getppid())),
        ("thread", threading.current_thread().name),
        ("path", environ["PATH_INFO"]),
        ("python", sys.version.split()[0]),
    ]
    if "text/html" in environ.get("HTTP_ACCEPT", ""):
        kind = "text/html"
        rows = "".join("<dt>%s<dd>%s" % (name, html.escape(value)) for name, value in facts)
        text = PAGE.format(title=html.escape(greeting), facts=rows)
    else:
        kind = "text/plain"
        text = "\n".join([greeting] + ["%s %s" % fact for fact in facts]) + "\n"
    start_response("200 OK", [("Content-Type", kind + "; charset=utf-8"), ("Vary", "Accept")])
    return [text.encode()]
