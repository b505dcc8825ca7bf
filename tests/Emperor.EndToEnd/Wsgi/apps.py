"""The apps that the tests serve. The path says what shall happen."""

import hashlib
import io
import json
import os
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qs

closed = []
barrier = threading.Barrier(2)


class Answer:
    """An iterable whose close() is recorded."""

    def __init__(self, pieces, name):
        self.pieces = iter(pieces)
        self.name = name

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        closed.append(self.name)


def text(start_response, body, status="200 OK", *headers):
    body = body if isinstance(body, bytes) else body.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers])
    return [body]


def application(environ, start_response):
    path = environ["PATH_INFO"]
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    handler = globals().get("do_" + path.strip("/").replace("/", "_"))
    if handler is None:
        return text(start_response, f"path {path} script {environ['SCRIPT_NAME']}")
    return handler(environ, start_response, query)


def do_environ(environ, start_response, query):
    return text(start_response, json.dumps({key: value if isinstance(value, (str, bool, int, tuple)) else repr(type(value)) for key, value in environ.items()}))


def do_echo(environ, start_response, query):
    """The body, read in one of several ways."""
    body = environ["wsgi.input"]
    way = query.get("way", "all")
    if way == "all":
        data = body.read()
    elif way == "lines":
        data = b"".join(body.readlines())
    elif way == "iterate":
        data = b"".join(body)
    elif way == "line":
        data = b"".join(iter(lambda: body.readline(7), b""))
    elif way == "small":
        data = b"".join(iter(lambda: body.read(3), b""))
    elif way == "none":
        data = b"not read"
    return text(start_response, data)


def do_digest(environ, start_response, query):
    """The body's size and digest, and how much memory reading it has taken at most."""
    digest = hashlib.sha256()
    size = 0
    while True:
        data = environ["wsgi.input"].read(65536)
        if not data:
            break
        size += len(data)
        digest.update(data)
    peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1]
    return text(start_response, f"{size} {digest.hexdigest()} {peak} {environ.get('CONTENT_LENGTH')}")


def do_write(environ, start_response, query):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written ")
    write(b"")
    write(b"in two")
    return [b" and returned"]


def do_generator(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Answer((b"piece %d\n" % i for i in range(int(query.get("n", "3")))), "generator")


def do_lazy(environ, start_response, query):
    """start_response() is called by the first next()."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b""
    yield b"lazy"


def do_steps(environ, start_response, query):
    """Sends a piece, then waits until a file is there, then sends another."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first\n"
    wait_for(query["file"])
    yield b"second\n"


def do_wait(environ, start_response, query):
    """Answers when a file is there, and says by another that it has begun."""
    open(query["begun"], "w").close()
    wait_for(query["file"])
    return text(start_response, "waited")


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)


def do_closed(environ, start_response, query):
    names = list(closed)
    closed.clear()
    return text(start_response, json.dumps(names))


def do_raise(environ, start_response, query):
    when = query["when"]
    if when == "exit":
        sys.exit("an app that wants to leave")
    if when == "before":
        raise RuntimeError("before start_response")
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        if when == "first":
            raise RuntimeError("before the first piece")
        yield b"some"
        raise RuntimeError("after the first piece")

    return Answer(pieces(), "raise")


def do_excinfo(environ, start_response, query):
    """An error handler's work: start_response() once more, with exc_info."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-First", "1")])
    if query.get("late"):
        def pieces():
            yield b"sent"
            try:
                raise ValueError("too late")
            except ValueError:
                start_response("500 Oops", [], sys.exc_info())
        return Answer(pieces(), "late")
    try:
        raise ValueError("an error in the app")
    except ValueError:
        start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"handled"]


def do_bad(environ, start_response, query):
    what = query["what"]
    if what == "twice":
        start_response("200 OK", [])
        start_response("200 OK", [])
    elif what == "status":
        start_response("OK", [])
    elif what == "status-type":
        start_response(b"200 OK", [])
    elif what == "informational":
        start_response("100 Continue", [])
    elif what == "header-newline":
        start_response("200 OK", [("X-Split", "a\r\nX-Injected: 1")])
    elif what == "header-name":
        start_response("200 OK", [("X Split", "a")])
    elif what == "header-type":
        start_response("200 OK", [("X-Bytes", b"a")])
    elif what == "headers-type":
        start_response("200 OK", (("X-A", "a"),))
    elif what == "transfer":
        start_response("200 OK", [("Transfer-Encoding", "chunked")])
    elif what == "length":
        start_response("200 OK", [("Content-Length", "many")])
    elif what == "unicode":
        start_response("200 OK", [("X-Unicode", "\u20ac")])
    elif what == "str":
        start_response("200 OK", [])
        return ["not bytes"]
    elif what == "nothing":
        return [b"no start_response"]
    elif what == "none":
        start_response("200 OK", [])
        return None
    return [b"never"]


def do_hop(environ, start_response, query):
    start_response("200 OK", [("Connection", "close"), ("Keep-Alive", "timeout=5"), ("X-Other", "kept"), ("Content-Length", "2")])
    return [b"ok"]


def do_length(environ, start_response, query):
    """A Content-Length that is not kept."""
    start_response("200 OK", [("Content-Length", query["says"])])
    return [b"x" * int(n) for n in query["sends"].split(",")]


def do_status(environ, start_response, query):
    start_response(query["status"], [("Content-Type", "text/plain")] if query.get("type") else [])
    return [b"a body"] if query.get("body") else []


def do_file(environ, start_response, query):
    """wsgi.file_wrapper over one kind of file or another."""
    kind = query.get("kind", "plain")
    size = int(query.get("size", "100000"))
    data = (b"0123456789" * (size // 10 + 1))[:size]
    if kind == "plain" or kind == "tell":
        file = open(query["path"], "rb")
        if kind == "tell":
            file.seek(10)
    elif kind == "temporary":
        file = tempfile.NamedTemporaryFile()
        file.write(data)
        file.seek(0)
    elif kind == "spooled":
        file = tempfile.SpooledTemporaryFile()
        file.write(data)
        file.seek(0)
    elif kind == "bytes":
        file = io.BytesIO(data)
    elif kind == "gzip":
        import gzip

        file = gzip.open(query["path"], "rb")
    headers = [("Content-Type", "application/octet-stream")]
    if query.get("length"):
        headers.append(("Content-Length", query["length"]))
    start_response("200 OK", headers)
    return environ["wsgi.file_wrapper"](file, 4096)


def do_large(environ, start_response, query):
    size = int(query["size"])
    start_response("200 OK", [("Content-Length", str(size))])
    return Answer((b"x" * 65536 for _ in range(size // 65536)), "large")


def do_stream(environ, start_response, query):
    """Never ends."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def forever():
        while True:
            yield b"y" * 65536

    return Answer(forever(), "stream")


def do_together(environ, start_response, query):
    """Two requests at a time, or none: each waits for the other."""
    barrier.wait(timeout=50)
    return text(start_response, "together")


def do_sleep(environ, start_response, query):
    """What a stuck request does, under a name to look for in tracebacks."""
    the_place_where_it_hangs(query["begun"])


def the_place_where_it_hangs(begun):
    open(begun, "w").close()
    time.sleep(600)


def do_grow(environ, start_response, query):
    do_grow.kept = getattr(do_grow, "kept", []) + [bytearray(int(query["mib"]) << 20)]
    return text(start_response, "grown")


def do_errors(environ, start_response, query):
    environ["wsgi.errors"].write("a line for wsgi.errors\n")
    print("a line for stdout")
    return text(start_response, "said")


def do_spawn(environ, start_response, query):
    """What a child of the app has open: nothing of the server's."""
    import subprocess

    names = subprocess.run("ls -l /proc/self/fd", shell=True, close_fds=False, capture_output=True, text=True).stdout
    return text(start_response, names)


def do_fork(environ, start_response, query):
    """A child that lives on and holds what it was forked with."""
    pid = os.fork()
    if pid == 0:
        wait_for(query["file"])
        os._exit(0)
    return text(start_response, str(pid))


def do_pid(environ, start_response, query):
    return text(start_response, f"{os.getpid()} {os.getppid()}")


def do_import(environ, start_response, query):
    try:
        __import__(query["name"])
        return text(start_response, "imported")
    except ImportError as error:
        return text(start_response, str(error))


def do_process(environ, start_response, query):
    umask = os.umask(0)
    os.umask(umask)
    return text(
        start_response,
        json.dumps(
            {
                "argv": sys.argv, "path": sys.path, "cwd": os.getcwd(), "umask": umask, "prefix": sys.prefix,
                "environment": dict(os.environ), "comm": open("/proc/self/comm").read().strip(), "threads": threading.active_count(),
                "main": getattr(sys.modules["__main__"], "__file__", None),
            }
        ),
    )


def other(environ, start_response):
    return text(start_response, f"other app, path {environ['PATH_INFO']!r} script {environ['SCRIPT_NAME']!r}")


def make():
    return other


def validated(environ, start_response):
    """An app behind wsgiref.validate, which checks the server on its one side, and reads the body as it must."""
    return validator(environ, start_response)


def inner(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.errors"].write("")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"valid " + environ["REQUEST_METHOD"].encode() + b" " + body]


if os.environ.get("VALIDATE"):
    from wsgiref.validate import validator as make_validator

    validator = make_validator(inner)


def do_environ_always(environ, start_response):
    return do_environ(environ, start_response, {})
