"""Serves WSGI apps (PEP 3333) under Emperor, over the uwsgi protocol and HTTP/1.1.

One file, the standard library only, Python 3.9 and later. The emperor starts it with one control descriptor; WORKER.md, beside this file, is the
contract between the two. A process is either

  a template  loads the apps once, freezes what it has loaded, serves nothing, and forks workers when it is told to, or
  a worker    serves: forked from a template, or, with lazy-apps, started by the emperor itself.

How a worker serves: each of its threads is a Core with an epoll set of its own. In the set are the listening sockets (EPOLLEXCLUSIVE: one waiter
is woken for one connection) and the connections that have not sent a whole request head, or linger between two requests. Heads are collected without
blocking, so a slow client costs a buffer of bounded size and not a worker. A request whose head is complete is served there and then, to its end,
blocking, as WSGI is.

In the path of every request a system call is worth more than a line of code: the usual request behind nginx costs accept, recv, send and close.
"""

import sys

if sys.version_info < (3, 9):
    # The emperor tells it to who asks why the app is down. So that it comes to this, the file is written in the words of Python 3.6.
    import os

    why = "Python 3.9 or later is needed, and %s is %s" % (sys.executable, sys.version.split()[0])
    # To end with something unread could cost the message.
    os.read(int(sys.argv[1]), 256 * 1024)
    os.write(int(sys.argv[1]), ('{"event": "error", "error": "%s"}' % why).encode())
    sys.exit(78)

# The folder of this file is no place to import from; a worker that is read from a descriptor would even search /proc/self/fd.
if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]

import _socket
import errno
import faulthandler
import gc
import io
import json
import mmap
import os
import re
import select
import signal
import socket
import stat
import struct
import threading
import time
import traceback
from collections import deque
from io import BytesIO
from time import monotonic, monotonic_ns

CODE_FILE = (lambda: None).__code__.co_filename

CONTRACT = 1
"""The version of WORKER.md. The emperor says the one that it speaks; another is refused."""

EXIT_OK = 0
EXIT_LIMIT = 17
"""A limit of its own was reached (max-requests, reload-on-rss, max-worker-lifetime); uWSGI's code for "reload me"."""
EXIT_NO_APP = 22
"""need-app, and no app could be loaded; uWSGI's UWSGI_FAILED_APP_CODE."""
EXIT_CONTRACT = 78
"""What the emperor sent is not what WORKER.md says (EX_CONFIG)."""

TRACEBACK_SIGNAL = 40
"""The signal that makes a worker write the Python traceback of all its threads to standard error (harakiri-verbose)."""

LARGEST_MESSAGE = 256 * 1024
LARGEST_TRACEBACK = 16 * 1024
RECEIVE = 16 * 1024
"""How much is asked for at once where the head of a request is expected; its body often comes with it."""
BODY_RECEIVE = 64 * 1024
"""Below the size from which the C library takes memory from the kernel, and gives it back, each time."""
JOIN = 64 * 1024
"""Up to this size a body is copied behind its head, to be sent by one call."""
EVENTS = 64
"""Descriptors looked at in one turn of a core's loop."""
TURN = 20_000_000
"""Nanoseconds after which a core that takes connection after connection looks at its other descriptors, the emperor's word among them."""
MOST_MODEST = 31
"""As many times a door is content with one connection after it has asked in vain for a second."""
PATIENCE = 2
"""Milliseconds for which a uwsgi peer is waited for that has connected and not sent its head. nginx needs microseconds."""
MOST_EXPECTED = 64
"""Variables of a uwsgi request that are expected in their order."""
RELEARN = 100
"""Of so many requests that are not as expected one is learnt from."""
MOST_CONNECTIONS = 1000
"""Connections of one worker that wait for something; beyond it the one that has waited longest is closed."""
LINGER = 5.0
"""Seconds for which what a client still sends is thrown away after the answer, so that it gets to read that."""
NEW_CONNECTION_GRACE = 3.0
"""Seconds for which a worker that leaves waits for the request on a connection that it has already accepted."""
SLOWEST = 500
"""Bytes a second that a client must move on average, beyond a first allowance of http-timeout."""
LARGEST_CHUNKED_BODY = 1 << 30
"""Of a body whose length is not told in advance, when limit-post says nothing."""
SPOOL = 64 * 1024
"""Such a body is in memory up to this size, and in a file beyond it, when post-buffering says nothing."""
LONGEST_CHUNK_LINE = 1024
MOST_TRAILERS = 8 * 1024
LOG_LINE = 4096
MEMORY_EVERY = 1_000_000_000
"""Nanoseconds between two looks at the memory in use, when there are requests; a tenth of it with reload-on-rss."""

# Plain numbers: the arithmetic of enumerations would cost every request two microseconds.
MSG_DONTWAIT = int(socket.MSG_DONTWAIT)
MSG_SEND = MSG_DONTWAIT | int(socket.MSG_NOSIGNAL)
MSG_MORE = int(socket.MSG_MORE)


class Leave(BaseException):
    """Raised in the main thread by SIGTERM: end now, whatever is being done. No Exception, so that apps do not take it for one of theirs."""


class ClientGone(OSError):
    """The client has closed its connection, stalls, or is too slow. Raised out of the app's own reading and writing."""


class NoApp(Exception):
    """There is no app where the options say that there is one. What the options mean is told; where in this file that was found out helps nobody."""


class Refused(Exception):
    """A request that is not served; the client gets this status."""

    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


def log(text: str) -> None:
    """Writes a line to standard error by one call, so that lines of several workers do not mix."""
    try:
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))
    except OSError:
        pass  # nobody reads the log any more; serving goes on


def traceback_of(error: BaseException) -> str:
    """The traceback from where the app begins: what happens before, in this file and in the import system, helps nobody."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        file = trace.tb_frame.f_code.co_filename
        if file != CODE_FILE and "importlib" not in file:
            break
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def log_exception(error: BaseException) -> None:
    log(traceback_of(error)[-65536:].rstrip("\n"))


def printable(text: str) -> str:
    """The text with everything escaped that a line of a log must not hold."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


# ---------------------------------------------------------------------------------------------------------------------------------- options


class Options:
    """uWSGI's options, by uWSGI's names, as the emperor sends them; what is not among them has its default here."""

    def __init__(self, given: dict) -> None:
        self._given = given

    def text(self, name: str) -> str:
        value = self._given.get(name, "")
        if not isinstance(value, str):
            raise ValueError(f"option {name}: a string is wanted")
        return value

    def number(self, name: str, default: int = 0) -> int:
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"option {name}: a number that is not negative is wanted")
        return value

    def flag(self, name: str) -> bool:
        value = self._given.get(name, False)
        if not isinstance(value, bool):
            raise ValueError(f"option {name}: true or false is wanted")
        return value

    def texts(self, name: str) -> list:
        value = self._given.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ValueError(f"option {name}: a list of strings is wanted")
        return value

    def pairs(self, name: str) -> list:
        """Values of the form KEY=VALUE."""
        pairs = []
        for text in self.texts(name):
            key, sign, value = text.partition("=")
            if not sign:
                raise ValueError(f"option {name}: {text!r} is not KEY=VALUE")
            pairs.append((key, value))
        return pairs


# ------------------------------------------------------------------------------------------------------------------------------------- apps


class App:
    """A WSGI callable and where it is mounted."""

    __slots__ = ("number", "mountpoint", "callable", "source", "seconds")

    def __init__(self, number: int, mountpoint: str, callable_, source: str, seconds: float) -> None:
        self.number = number
        self.mountpoint = mountpoint
        self.callable = callable_
        self.source = source
        self.seconds = seconds


class Apps:
    """The apps of a vassal, loaded as uWSGI's Python plugin loads them (plugins/python/pyloader.c), all in one interpreter."""

    MOST = 8
    """As many as have counters in the shared memory (App counters in WORKER.md)."""

    def __init__(self, options: Options) -> None:
        self.loaded: list = []
        self.failed: list = []
        self.files: dict = {}
        """When the modules' files had been changed last, when they were loaded; for py-autoreload."""
        self.default = None
        self._by_mountpoint: dict = {}
        self._mounts: list = []
        self._callable = options.text("callable") or "application"
        self._manage_script_name = options.flag("manage-script-name")
        for name in ("module", "wsgi"):
            if options.text(name):
                self._load("", options.text(name), self._from_module)
        for name in ("wsgi-file", "file"):
            if options.text(name):
                self._load("", options.text(name), self._from_file)
        for mountpoint, what in options.pairs("mount"):
            self._load(mountpoint, what, self._from_file if what.endswith((".py", ".wsgi")) else self._from_module)
        # The longest mountpoint that fits is the one.
        self._mounts.sort(key=lambda mount: -len(mount[0]))
        self.only = self.default if len(self.loaded) == 1 and not self._mounts else None

    def _load(self, mountpoint: str, what: str, loader) -> None:
        started = monotonic()
        try:
            found = loader(what)
            if not isinstance(found, dict):
                found = {mountpoint: found}
            for where, app in found.items():
                if not callable(app):
                    raise NoApp(f"the app must be callable, and is {type(app).__name__}")
                self._add(where, app, what, monotonic() - started)
        except (Exception, SystemExit) as error:
            text = f"{error}\n" if isinstance(error, NoApp) else traceback_of(error)
            log(f"{what}: {error}" if isinstance(error, NoApp) else text[-65536:].rstrip("\n"))
            log(f"unable to load app {len(self.loaded)} (mountpoint='{mountpoint}') (callable not found or import error)")
            self.failed.append({"mountpoint": mountpoint, "source": what, "traceback": text[-LARGEST_TRACEBACK:]})

    def _add(self, mountpoint: str, app, source: str, seconds: float) -> None:
        mountpoint = "" if mountpoint == "/" else mountpoint
        if mountpoint in self._by_mountpoint:
            log(f"mountpoint {mountpoint} already configured. skip.")
            return
        if len(self.loaded) >= self.MOST:
            raise ValueError(f"no more than {self.MOST} apps can be loaded")
        entry = App(len(self.loaded), mountpoint, app, source, seconds)
        self.loaded.append(entry)
        self._by_mountpoint[mountpoint] = entry
        if mountpoint.rstrip("/"):
            self._mounts.append((mountpoint.rstrip("/"), entry))
        if self.default is None and mountpoint == "":
            self.default = entry
        log(
            f"WSGI app {entry.number} (mountpoint='{mountpoint}') ready in {seconds:.2f} seconds pid: {os.getpid()}"
            + (" (default app)" if entry is self.default else "")
        )

    def _from_module(self, what: str):
        import importlib

        module_name, _, callable_name = what.partition(":")
        module = importlib.import_module(module_name)
        several = getattr(module, "applications", None)
        if isinstance(several, dict) and several and not callable_name:
            return {where: getattr(module, app) if isinstance(app, str) else app for where, app in several.items()}
        return self._callable_of(module, callable_name or self._callable)

    def _from_file(self, path: str):
        import importlib.machinery
        import importlib.util

        name = "uwsgi_file_" + re.sub(r"[./\\-]", "_", path)
        loader = importlib.machinery.SourceFileLoader(name, path)
        module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(name, path, loader=loader))
        sys.modules[name] = module
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return self._callable_of(module, self._callable)

    @staticmethod
    def _callable_of(module, name: str):
        is_factory = name.endswith("()")
        try:
            found = getattr(module, name[:-2] if is_factory else name)
        except AttributeError:
            raise NoApp(f'there is no "{name}" in it; name the app by callable = NAME, or module = MODULE:NAME') from None
        return found() if is_factory else found

    def choose(self, environ: dict):
        """The app of a request; SCRIPT_NAME and PATH_INFO are set as its mountpoint demands."""
        if self._manage_script_name:
            path = environ["PATH_INFO"]
            for mountpoint, app in self._mounts:
                if path.startswith(mountpoint) and (len(path) == len(mountpoint) or path[len(mountpoint)] == "/"):
                    environ["SCRIPT_NAME"] = mountpoint
                    environ["PATH_INFO"] = path[len(mountpoint) :]
                    return app
            return self.default
        return self._by_mountpoint.get(environ.get("UWSGI_APPID") or environ["SCRIPT_NAME"], self.default)


# ------------------------------------------------------------------------------------------------------------------------------ shared memory


class Slot:
    """A worker's part of the shared memory, which the emperor reads; WORKER.md has the layout."""

    WORKER_SIZE = 256
    CORE_SIZE = 512
    MAGIC = 0x57504D45  # "EMPW", little endian
    LOADING, SERVING, LEAVING = 1, 2, 3
    FEW = 16

    _HEAD = struct.Struct("<II7Q")

    def __init__(self, fd: int, count: int, cores: int, index: int) -> None:
        self.stride = self.WORKER_SIZE + self.CORE_SIZE * cores
        self.count = count
        self.cores = cores
        self.memory = mmap.mmap(fd, self.stride * count)
        self._offset = index * self.stride
        self._all = memoryview(self.memory)
        self._total = 0
        self._total_until = 0.0
        self.words = self._all[self._offset : self._offset + self.WORKER_SIZE].cast("Q")
        self._HEAD.pack_into(
            self.memory, self._offset, self.MAGIC, CONTRACT, os.getpid(), self.LOADING, cores, int(time.time()), monotonic_ns(), 0, 0
        )
        # Where every other core of the vassal keeps its count of requests: for the sum in uWSGI's log line.
        self._requests = [
            self._all[start : start + 8].cast("Q")
            for worker in range(count)
            for core in range(cores)
            for start in [worker * self.stride + self.WORKER_SIZE + core * self.CORE_SIZE + 24]
        ]

    def state(self, state: int) -> None:
        self.words[2] = state

    def core(self, number: int) -> tuple:
        """The core's place as words, and its offset in the memory."""
        offset = self._offset + self.WORKER_SIZE + number * self.CORE_SIZE
        return self._all[offset : offset + self.CORE_SIZE].cast("Q"), offset

    def total_requests(self) -> int:
        """Of all workers of the vassal; when they are many, as of a tenth of a second ago."""
        if len(self._requests) > self.FEW:
            now = monotonic()
            if now < self._total_until:
                return self._total
            self._total_until = now + 0.1
        self._total = sum(words[0] for words in self._requests)
        return self._total

    def memory_in_use(self) -> int:
        """Reads and publishes rss and vsz; returns rss, in bytes."""
        try:
            with open("/proc/self/statm", "rb", buffering=0) as file:
                vsz, rss = (int(pages) * mmap.PAGESIZE for pages in file.read(128).split()[:2])
        except (OSError, ValueError):
            return 0
        self.words[6] = rss
        self.words[7] = vsz
        return rss


# -------------------------------------------------------------------------------------------------------------------------------- request log


class RequestLog:
    """Lines about requests: uWSGI's own (core/logging.c), or those of log-format."""

    def __init__(self, options: Options, slot: Slot) -> None:
        self._always = not options.flag("disable-logging")
        self._slow = options.number("log-slow")
        self._4xx = options.flag("log-4xx")
        self._5xx = options.flag("log-5xx")
        self._zero = options.flag("log-zero")
        self._big = options.number("log-big")
        self._micros = options.flag("log-micros")
        self._forwarded_for = options.flag("log-x-forwarded-for")
        self._slot = slot
        self._pid = os.getpid()
        self._second = (0, "")
        self._parts = self._compile(options.text("log-format")) if options.text("log-format") else None
        # Whether there can be a line at all; the path of a request asks for this alone.
        self.wanted = bool(self._always or self._slow or self._4xx or self._5xx or self._zero or self._big)

    def write(self, exchange: "Exchange") -> None:
        if not self._always:
            status = exchange.status
            if not (
                (self._slow and exchange.micros >= self._slow * 1000)
                or (self._4xx and 400 <= status <= 499)
                or (self._5xx and 500 <= status <= 599)
                or (self._zero and exchange.body_size == 0)
                or (self._big and exchange.body_size >= self._big)
            ):
                return
        line = self._uwsgi(exchange) if self._parts is None else "".join([part if type(part) is str else part(exchange) for part in self._parts])
        if not line.isprintable():
            line = printable(line)
        try:
            os.write(2, line[:LOG_LINE].encode("latin-1", "backslashreplace") + b"\n")
        except OSError:
            pass

    def _address(self, exchange: "Exchange") -> str:
        environ = exchange.environ
        return (self._forwarded_for and environ.get("HTTP_X_FORWARDED_FOR")) or environ.get("REMOTE_ADDR", "")

    def _ctime(self, seconds: int) -> str:
        known = self._second
        if known[0] != seconds:
            known = self._second = (seconds, time.ctime(seconds))
        return known[1]

    def _uwsgi(self, exchange: "Exchange") -> str:
        environ = exchange.environ
        core = exchange.core
        app = exchange.app
        number, count = (-1, -1) if app is None else (app.number, core.app_requests[app.number])
        unit = f"{exchange.micros} micros" if self._micros else f"{exchange.micros // 1000} msecs"
        return (
            f"[pid: {self._pid}|app: {number}|req: {count}/{self._slot.total_requests()}] {self._address(exchange)}"
            f" ({environ.get('REMOTE_USER', '')}) {{{exchange.variables} vars in {exchange.packet_size} bytes}} [{self._ctime(int(exchange.time))}]"
            f" {exchange.method} {exchange.uri} => generated {exchange.body_size} bytes in {unit}{' via sendfile() ' if exchange.by_sendfile else ' '}"
            f"({environ.get('SERVER_PROTOCOL', '')} {exchange.status}) {exchange.header_count} headers in {exchange.head_size} bytes"
            f" ({exchange.switches} switches on core {core.number})"
        )

    # What log-format may name in %(...), with uWSGI's words. What is empty, or unknown to uWSGI too, is a dash.
    _VARIABLES = {
        "uri": lambda self, e: e.uri,
        "method": lambda self, e: e.method,
        "user": lambda self, e: e.environ.get("REMOTE_USER"),
        "addr": lambda self, e: self._address(e),
        "host": lambda self, e: e.environ.get("HTTP_HOST"),
        "proto": lambda self, e: e.environ.get("SERVER_PROTOCOL"),
        "uagent": lambda self, e: e.environ.get("HTTP_USER_AGENT"),
        "referer": lambda self, e: e.environ.get("HTTP_REFERER"),
        "status": lambda self, e: str(e.status),
        "rsize": lambda self, e: str(e.body_size),
        "hsize": lambda self, e: str(e.head_size),
        "size": lambda self, e: str(e.head_size + e.body_size),
        "cl": lambda self, e: e.environ.get("CONTENT_LENGTH") or "0",
        "micros": lambda self, e: str(e.micros),
        "msecs": lambda self, e: str(e.micros // 1000),
        "secs": lambda self, e: f"{e.micros / 1e6:.6f}",
        "tmsecs": lambda self, e: str(int(e.time * 1e3)),
        "tmicros": lambda self, e: str(int(e.time * 1e6)),
        "time": lambda self, e: str(int(e.time)),
        "ltime": lambda self, e: time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(e.time)),
        "ftime": lambda self, e: time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(e.time)),
        "ctime": lambda self, e: self._ctime(int(e.time)),
        "epoch": lambda self, e: str(int(time.time())),
        "pid": lambda self, e: str(self._pid),
        "wid": lambda self, e: str(e.core.worker.number),
        "switches": lambda self, e: str(e.switches),
        "vars": lambda self, e: str(e.variables),
        "core": lambda self, e: str(e.core.number),
        "vsz": lambda self, e: str(self._slot.words[7]),
        "rss": lambda self, e: str(self._slot.words[6]),
        "vszM": lambda self, e: str(self._slot.words[7] >> 20),
        "rssM": lambda self, e: str(self._slot.words[6] >> 20),
        "pktsize": lambda self, e: str(e.packet_size),
        "modifier1": lambda self, e: "0",
        "modifier2": lambda self, e: "0",
        "headers": lambda self, e: str(e.header_count),
        "werr": lambda self, e: str(e.write_errors),
        "rerr": lambda self, e: str(e.read_errors),
        "ioerr": lambda self, e: str(e.write_errors + e.read_errors),
    }

    def _compile(self, text: str) -> list:
        parts: list = []
        for literal, name in re.findall(r"((?:[^%]|%(?!\())+)|%\(([^)]*)\)", text):
            if literal:
                parts.append(literal)
            elif name.startswith("var."):
                parts.append(lambda exchange, key=name[4:]: str(exchange.environ.get(key) or "-"))
            elif name in self._VARIABLES:
                parts.append(lambda exchange, of=self._VARIABLES[name]: of(self, exchange) or "-")
            else:
                parts.append("-")
        return parts


# ------------------------------------------------------------------------------------------------------------------------------ request bodies


class Input:
    """wsgi.input of a body whose length is known, read from the client as the app asks for it."""

    __slots__ = ("_connection", "_ahead", "_position", "left")

    def __init__(self, connection: "Connection", length: int) -> None:
        self._connection = connection
        self._ahead = b""
        self._position = 0
        self.left = length
        """How many bytes the app has not been given, and are not in memory for it."""

    def _receive(self, most: int) -> bytes:
        data = self._connection.receive(min(most, self.left))
        self.left -= len(data)
        return data

    def _take(self, size: int) -> bytes:
        """Up to size bytes of what is in memory."""
        start = self._position
        data = self._ahead[start : start + size]
        self._position = start + len(data)
        return data

    def read(self, size=-1) -> bytes:
        waiting = len(self._ahead) - self._position
        if size is None or size < 0:
            size = waiting + self.left
        if size <= waiting:
            return self._take(size)
        pieces = [self._take(waiting)]
        size -= waiting
        while size and self.left:
            if size < RECEIVE:
                self._ahead = self._receive(RECEIVE)
                self._position = 0
                piece = self._take(size)
            else:
                piece = self._receive(min(size, BODY_RECEIVE))
            size -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def readline(self, size=-1) -> bytes:
        most = sys.maxsize if size is None or size < 0 else size
        pieces = []
        while most:
            end = self._ahead.find(b"\n", self._position, min(len(self._ahead), self._position + most)) + 1
            piece = self._take(end - self._position if end else most)
            pieces.append(piece)
            most -= len(piece)
            if end or not self.left or not most:
                break
            self._ahead = self._receive(RECEIVE)
            self._position = 0
        return b"".join(pieces)

    def readlines(self, hint=-1) -> list:
        lines = []
        size = 0
        for line in self:
            lines.append(line)
            size += len(line)
            if hint is not None and 0 < hint <= size:
                break
        return lines

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line


CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")


class Chunks:
    """Reads a body in HTTP's chunked coding (RFC 9112, 7.1), strictly: what an intermediary could understand in another way is refused."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def __iter__(self):
        while True:
            line = self._line(LONGEST_CHUNK_LINE)
            match = CHUNK_SIZE.fullmatch(line)
            if match is None:
                raise Refused("400 Bad Request", f"a line that is no chunk's size: {line[:60]!r}")
            left = int(match[1], 16)
            if left == 0:
                break
            while left:
                data = self._connection.receive(min(left, BODY_RECEIVE))
                left -= len(data)
                yield data
            if self._exactly(2) != b"\r\n":
                raise Refused("400 Bad Request", "a chunk that does not end where it should")
        # Trailers are of no use to WSGI; they are read, and must be what they say they are.
        most = MOST_TRAILERS
        while True:
            line = self._line(most)
            if line == b"\r\n":
                return
            most -= len(line)
            if most <= 0 or HEADER_LINE.fullmatch(line[:-2].decode("latin-1")) is None:
                raise Refused("400 Bad Request", "trailers that are malformed or too long")

    def _exactly(self, size: int) -> bytes:
        data = self._connection.receive(size)
        while len(data) < size:
            data += self._connection.receive(size - len(data))
        return data

    def _line(self, most: int) -> bytes:
        """A line with its CRLF."""
        line = b""
        while True:
            data = self._connection.receive(RECEIVE)
            end = data.find(b"\n") + 1
            line += data[:end] if end else data
            if end:
                self._connection.buffer = data[end:] + self._connection.buffer
            if len(line) > most:
                raise Refused("400 Bad Request", "a line of the chunked coding is too long")
            if end:
                if not line.endswith(b"\r\n"):
                    raise Refused("400 Bad Request", "a line of the chunked coding that does not end with CRLF")
                return line


def spool(pieces, threshold: int, most: int):
    """Reads all of a body: into memory, and beyond the threshold into a file. Returns the file, rewound, and the body's length."""
    import tempfile

    file = tempfile.SpooledTemporaryFile(max_size=threshold)
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise Refused("413 Content Too Large", f"a body of more than {most} bytes (limit-post)")
            file.write(piece)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file, size


# ----------------------------------------------------------------------------------------------------------------------------------- answers


class FileWrapper:
    """wsgi.file_wrapper. Returned by the app as it is, its file goes out by sendfile(2) where that is possible; else it is an iterable."""

    def __init__(self, filelike, block_size: int = 8192) -> None:
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        data = self.filelike.read(self.block_size)
        if not data:
            raise StopIteration
        return data

    def plain_file(self):
        """The descriptor, the offset and the size of what follows it, when the bytes of the file are what read() would return."""
        filelike = self.filelike
        # A temporary file is a wrapper around the real one. Nobody else's wrapper is unwrapped: a GzipFile has a descriptor too.
        if type(filelike).__name__ == "_TemporaryFileWrapper" and type(filelike).__module__ == "tempfile":
            filelike = filelike.file
        if type(filelike) not in (io.BufferedReader, io.BufferedRandom, io.FileIO):
            return None
        try:
            if type(filelike) is io.BufferedRandom:
                filelike.flush()
            fd = filelike.fileno()
            status = os.fstat(fd)
            offset = filelike.tell()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return fd, offset, max(0, status.st_size - offset)


PLAIN, LENGTH, DATE, HOP, CODING = range(5)
"""What the name of a header in an answer means to this server."""

ANSWER_HEADERS = {
    "Content-Length": LENGTH,
    "Date": DATE,
    "Connection": HOP,
    "Keep-Alive": HOP,
    "Proxy-Authenticate": HOP,
    "Proxy-Authorization": HOP,
    "TE": HOP,
    "Trailers": HOP,
    "Trailer": HOP,
    "Upgrade": HOP,
    "Transfer-Encoding": CODING,
}
ANSWER_HEADERS_BY_LOWER = {name.lower(): kind for name, kind in ANSWER_HEADERS.items()}
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
STATUS = re.compile(r"[2-5][0-9][0-9](?: [^\r\n]*)?")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
MOST_NAMES = 1024
"""Of the names that have once been found good; clients choose them too."""

_told: set = set()


def tell_once(text: str) -> None:
    """Logs something that would else be said with every request."""
    if text not in _told and len(_told) < 100:
        _told.add(text)
        log(text)


def learn_header(name: str) -> int:
    """The meaning of a header's name that has not been met before."""
    if type(name) is not str:
        raise TypeError(f"http header name must be a string: {name!r}")
    if HEADER_NAME.fullmatch(name) is None:
        raise ValueError(f"not a name of an http header: {name!r}")
    kind = ANSWER_HEADERS_BY_LOWER.get(name.lower(), PLAIN)
    if len(ANSWER_HEADERS) < MOST_NAMES:
        ANSWER_HEADERS[name] = kind
    return kind


STATUSES: dict = {}
"""The number of each status that has been found good."""


def learn_status(status: str) -> int:
    """The number of a status that has not been met before."""
    if type(status) is not str:
        raise TypeError(f"http status must be a string: {status!r}")
    if STATUS.fullmatch(status) is None or not status.isprintable():
        raise ValueError(f"not an http status: {status!r}")
    number = int(status[:3])
    if len(STATUSES) < MOST_NAMES:
        STATUSES[status] = number
    return number


def check_value(name: str, value: str) -> None:
    """Called for values that are not plainly printable."""
    if CONTROL.search(value):
        raise ValueError(f"control characters in the http header {name}: {value!r}")


_date = (0, "")


def http_date(seconds: float) -> str:
    """The time in HTTP's form (RFC 9110, 5.6.7)."""
    global _date
    seconds = int(seconds)
    known = _date
    if known[0] != seconds:
        parts = time.gmtime(seconds)
        day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[parts.tm_wday]
        month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[parts.tm_mon - 1]
        known = _date = (seconds, f"{day}, {parts.tm_mday:02} {month} {parts.tm_year} {parts.tm_hour:02}:{parts.tm_min:02}:{parts.tm_sec:02} GMT")
    return known[1]


class Exchange:
    """One request and its answer. What most exchanges never change is an attribute of the class."""

    app = None
    status = 500
    head = None
    """The status line and the headers as bytes, when start_response() has been called; without the empty line."""
    head_sent = False
    has_date = False
    header_count = 0
    head_size = 0
    body_size = 0
    promised = None
    """The Content-Length that the app has set."""
    known_size = None
    """The size of a body that is here as a whole."""
    chunked = False
    has_body = True
    """False when an answer's body must not be sent: to HEAD, and with 204 and 304."""
    cut = False
    """The answer could not be sent as announced; only closing the connection tells the client."""
    by_sendfile = False
    is_static = False
    input = None
    """The body that may not have been read to its end."""
    raised = False
    switches = 1
    """uWSGI's word: how many pieces the app's answer has come in."""
    read_errors = 0
    write_errors = 0
    micros = 0

    def __init__(self, connection: "Connection", environ: dict, variables: int, packet_size: int) -> None:
        self.connection = connection
        self.core = connection.core
        self.environ = environ
        self.variables = variables
        self.packet_size = packet_size
        self.method = environ["REQUEST_METHOD"]
        self.uri = environ.get("REQUEST_URI") or environ["PATH_INFO"]
        self.time = time.time()

    # The app's side of it.

    def start_response(self, status: str, headers: list, exc_info=None):
        if exc_info is not None:
            try:
                if self.head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no circle of references
        elif self.head is not None:
            raise AssertionError("start_response() was called a second time, without exc_info")
        number = STATUSES.get(status) or learn_status(status)
        if not isinstance(headers, list):
            raise TypeError("http headers must be in a list")
        self.promised = None
        self.has_date = False
        count = len(headers)
        lines = [f"HTTP/1.1 {status}\r\n"]
        for name, value in headers:
            kind = ANSWER_HEADERS.get(name)
            if kind is None:
                kind = learn_header(name)
            if type(value) is not str:
                raise TypeError(f"http header value must be a string: {name}: {value!r}")
            if not value.isprintable():
                check_value(name, value)
            if kind:
                if kind == LENGTH:
                    if not (value.isdecimal() and value.isascii()):
                        raise ValueError(f"not a Content-Length: {value!r}")
                    self.promised = int(value)
                elif kind == DATE:
                    self.has_date = True
                elif kind == HOP:
                    # PEP 3333 forbids it, uWSGI lets it pass. It is this server's to say; the answer is good without it.
                    count -= 1
                    tell_once(f"the app's header {name} is left out: it is about the connection, which is the server's (PEP 3333)")
                    continue
                else:
                    raise ValueError("the app must not encode its answer for transfer (Transfer-Encoding, PEP 3333)")
            lines.append(f"{name}: {value}\r\n")
        self.head = "".join(lines).encode("latin-1")
        self.status = number
        self.header_count = count
        return self.write

    def write(self, data: bytes) -> None:
        """Sends a part of the body. The head goes with the first part that is not empty."""
        if not isinstance(data, bytes):
            raise TypeError(f"a WSGI app's body is made of bytes, not {type(data).__name__}")
        if not data:
            return
        if not self.head_sent:
            head = self._complete_head()
            if not self.has_body:
                self.connection.send(head)
                return
            if self.promised is not None and len(data) > self.promised:
                data = self._within_promise(data)
            self.body_size = size = len(data)
            if self.chunked:
                data = b"%x\r\n%b\r\n" % (size, data)
            if size <= JOIN:
                self.connection.send(head + data)
            else:
                self.connection.send_two(head, data)
            return
        if not self.has_body:
            return
        if self.promised is not None and self.body_size + len(data) > self.promised:
            data = self._within_promise(data)
        self.body_size += len(data)
        if data:
            self.connection.send(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def _within_promise(self, data: bytes) -> bytes:
        tell_once(f"an app sends more than its Content-Length says ({self.promised}); the rest is left out: {printable(self.uri)[:200]}")
        return data[: self.promised - self.body_size]

    # The server's side.

    def _complete_head(self) -> bytes:
        """The head as it is sent."""
        if self.head is None:
            raise AssertionError("the app sent a body and has not called start_response()")
        self.head_sent = True
        if self.method == "HEAD" or self.status in (204, 304):
            self.has_body = False
        head = self.connection.complete_head(self)
        self.head_size = len(head)
        return head

    def run(self) -> None:
        """Answers the request, whatever happens."""
        core = self.core
        core.begin(self)
        try:
            self._answer()
        except ClientGone as error:
            self._gone(error)
        except Refused as error:
            self._refuse(error)
        except Leave:
            raise
        except BaseException as error:
            # SystemExit, too: one request's wish is not the others'.
            self.raised = True
            log_exception(error)
            self._fail("500 Internal Server Error", "Internal Server Error")
        self.connection.after(self)
        core.end(self)

    def _answer(self) -> None:
        worker = self.core.worker
        environ = self.environ
        if environ.get("CONTENT_LENGTH") or self.connection.is_chunked_body:
            self._prepare_input(worker)
        else:
            environ["wsgi.input"] = BytesIO()
        if worker.static is not None and worker.static.serve(self):
            return
        app = worker.apps.only
        if app is None:
            app = worker.apps.choose(environ)
            if app is None:
                log("--- no python application found, check your startup logs for errors ---")
                self._fail("500 Internal Server Error", "Internal Server Error")
                return
        self.app = app
        result = app.callable(environ, self.start_response)
        try:
            kind = type(result)
            if kind is FileWrapper and self._send_file(result):
                return
            if kind is bytes:
                result = [result]  # not what PEP 3333 wants, but uWSGI takes it
                kind = list
            if (kind is list or kind is tuple) and len(result) == 1 and type(result[0]) is bytes and not self.head_sent:
                self.known_size = size = len(result[0])
                self.write(result[0])
                if self.head_sent and (self.promised is None or self.promised == size):
                    return
            else:
                self.switches = 0
                for data in result:
                    self.switches += 1
                    self.write(data)
                    if not self.has_body:
                        break
            self._finish()
        finally:
            if hasattr(result, "close"):
                result.close()

    def _finish(self) -> None:
        if not self.head_sent:
            self.known_size = 0
            self.connection.send(self._complete_head())
        elif self.chunked and self.has_body:
            self.connection.send(b"0\r\n\r\n")
        if self.has_body and self.promised is not None and self.body_size < self.promised:
            self.cut = True
            tell_once(f"an app sends less than its Content-Length says ({self.promised}): {printable(self.uri)[:200]}")

    def _prepare_input(self, worker: "Worker") -> None:
        """Sets wsgi.input for a request with a body."""
        environ = self.environ
        if self.connection.is_chunked_body:
            threshold = worker.post_buffering or SPOOL
            file, size = spool(Chunks(self.connection), threshold, worker.limit_post or LARGEST_CHUNKED_BODY)
            self.connection.is_chunked_body = False
            environ["CONTENT_LENGTH"] = str(size)
            environ["wsgi.input"] = file
            environ["wsgi.input_terminated"] = True
            return
        length = environ["CONTENT_LENGTH"]
        if not (length.isdecimal() and length.isascii() and len(length) <= 18):
            raise Refused("400 Bad Request", f"not a Content-Length: {length[:60]!r}")
        size = int(length)
        if worker.limit_post and size > worker.limit_post:
            self.input = Input(self.connection, size)
            raise Refused("413 Content Too Large", f"Invalid (too big) CONTENT_LENGTH {size} (limit-post {worker.limit_post}). skip.")
        if size == 0:
            environ["wsgi.input"] = BytesIO()
            return
        self.input = body = Input(self.connection, size)
        environ["wsgi.input"] = body
        if worker.post_buffering:
            environ["wsgi.input"] = spool(iter(lambda: body.read(BODY_RECEIVE), b""), worker.post_buffering, size)[0]

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Sends the file of a wrapper by sendfile(2); false when it cannot be."""
        if self.head is None or self.head_sent:
            return False
        plain = wrapper.plain_file()
        if plain is None:
            return False
        fd, offset, size = plain
        if self.promised is not None:
            size = min(size, self.promised)
        self.send_file(fd, offset, size)
        return True

    def send_file(self, fd: int, offset: int, size: int) -> None:
        """The head, and a part of a file."""
        self.known_size = size
        head = self._complete_head()
        if not self.has_body:
            self.connection.send(head)
            return
        if self.chunked:
            raise AssertionError("a file's size is known")
        self.by_sendfile = True
        self.switches = 0
        self.connection.send(head, MSG_MORE if size else 0)
        self.body_size = self.connection.send_file(fd, offset, size)
        if self.body_size < size or (self.promised is not None and self.body_size < self.promised):
            self.cut = True

    def _gone(self, error: ClientGone) -> None:
        self.cut = True
        log(f"{error.strerror} on request {printable(self.uri)[:1024]} (ip {self.environ.get('REMOTE_ADDR', '')})")

    def _refuse(self, error: Refused) -> None:
        log(f"{error} on request {printable(self.uri)[:1024]} (ip {self.environ.get('REMOTE_ADDR', '')})")
        self._fail(error.status, error.status[4:])

    def _fail(self, status: str, text: str) -> None:
        """Answers with an error of the server's own, if nothing has been answered yet; else only closing tells the client."""
        self.cut = True
        if self.head_sent:
            return
        self.head = None
        try:
            self.start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
            self.write(text.encode("latin-1"))
        except ClientGone as error:
            self._gone(error)


# ------------------------------------------------------------------------------------------------------------------------------- static files


class StaticFiles:
    """static-map, static-map2, check-static and their relatives (core/static.c), without that file's ways out of the root."""

    def __init__(self, options: Options) -> None:
        self._maps = [(prefix, folder, False) for prefix, folder in options.pairs("static-map")]
        self._maps += [(prefix, folder, True) for prefix, folder in options.pairs("static-map2")]
        self._check = options.texts("check-static")
        self.index = options.texts("static-index")
        self._skip = tuple(options.texts("static-skip-ext"))
        self._safe = options.texts("static-safe")
        self._roots: dict = {}
        self.wanted = bool(self._maps or self._check)
        if self.wanted:
            import mimetypes

            mimetypes.init()
            self._type_of = mimetypes.guess_type

    def serve(self, exchange: Exchange) -> bool:
        """Answers when the path is that of a file; else false: then the app is asked."""
        if exchange.method not in ("GET", "HEAD"):
            return False
        path = exchange.environ["PATH_INFO"]
        if self._skip and path.endswith(self._skip):
            return False
        for folder, rest in self._candidates(path):
            found = self._open(folder, rest)
            if found is not None:
                fd, name, status = found
                try:
                    exchange.is_static = True
                    self._answer(exchange, fd, name, status)
                finally:
                    os.close(fd)
                return True
        return False

    def _candidates(self, path: str):
        for folder in self._check:
            yield folder, path
        for prefix, folder, append in self._maps:
            # /static is not the beginning of /statics.
            if path.startswith(prefix) and (len(path) == len(prefix) or prefix.endswith("/") or path[len(prefix)] == "/"):
                yield folder, path if append else path[len(prefix) :]

    def _root(self, folder: str):
        """The real path of a folder or file, as bytes, looked up until it is there, and then kept, as uWSGI does."""
        root = self._roots.get(folder)
        if root is None and os.path.exists(folder):
            root = self._roots[folder] = os.fsencode(os.path.realpath(folder))
        return root

    def _open(self, folder: str, rest: str):
        """Opens a regular file at or under the folder: the descriptor, its real path and status; None when there is none."""
        root = self._root(folder)
        if root is None:
            return None
        rest_bytes = rest.encode("latin-1").strip(b"/") if rest.strip("/") else b""
        path = root + b"/" + rest_bytes if rest_bytes else root
        for name in [path] + [path + b"/" + index.encode() for index in self.index]:
            try:
                # A name is opened without effect first, then it is seen where it led: nothing can be exchanged in between.
                place = os.open(name, os.O_PATH | os.O_CLOEXEC)
            except (OSError, ValueError):
                continue
            try:
                status = os.fstat(place)
                if not stat.S_ISREG(status.st_mode):
                    continue
                real = os.readlink(b"/proc/self/fd/%d" % place)
                if not self._is_inside(real, root):
                    log(f"[uwsgi-fileserve] security error: {printable(os.fsdecode(real))} is not under {folder} or a safe path")
                    return None
                return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC), real, status
            except OSError:
                continue
            finally:
                os.close(place)
        return None

    def _is_inside(self, real: bytes, root: bytes) -> bool:
        if real == root or real.startswith(root.rstrip(b"/") + b"/"):
            return True
        return any(real.startswith(safe.rstrip(b"/") + b"/") for safe in map(self._root, self._safe) if safe is not None)

    def _mime_type(self, name: bytes) -> str:
        kind, coding = self._type_of(os.fsdecode(os.path.basename(name)))
        if coding:
            # The file goes out as it is: packed.
            return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(coding, "application/octet-stream")
        return kind or ""

    def _answer(self, exchange: Exchange, fd: int, name: bytes, status: os.stat_result) -> None:
        environ = exchange.environ
        tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        modified = http_date(status.st_mtime)
        headers = [("ETag", tag), ("Last-Modified", modified), ("Accept-Ranges", "bytes")]
        if self._not_modified(environ, tag, status.st_mtime):
            exchange.start_response("304 Not Modified", headers)
            exchange._finish()
            return
        kind = self._mime_type(name)
        if kind:
            headers.append(("Content-Type", kind))
        size = status.st_size
        first, last = 0, size - 1
        asked = environ.get("HTTP_RANGE")
        answer = "200 OK"
        if asked and environ.get("HTTP_IF_RANGE") in (None, tag, modified):
            part = self._range(asked, size)
            if part == "unsatisfiable":
                exchange.start_response("416 Range Not Satisfiable", [("Content-Range", f"bytes */{size}"), ("Content-Length", "0")])
                exchange._finish()
                return
            if part is not None:
                first, last = part
                answer = "206 Partial Content"
                headers.append(("Content-Range", f"bytes {first}-{last}/{size}"))
        headers.append(("Content-Length", str(last - first + 1)))
        exchange.start_response(answer, headers)
        exchange.send_file(fd, first, last - first + 1)

    @staticmethod
    def _not_modified(environ: dict, tag: str, mtime: float) -> bool:
        tags = environ.get("HTTP_IF_NONE_MATCH")
        if tags is not None:
            return any(t.strip() in ("*", tag, "W/" + tag) for t in tags.split(","))
        since = environ.get("HTTP_IF_MODIFIED_SINCE")
        if not since:
            return False
        from email.utils import parsedate_to_datetime

        try:
            return int(mtime) <= parsedate_to_datetime(since).timestamp()
        except (TypeError, ValueError, IndexError, OverflowError):
            return False

    @staticmethod
    def _range(asked: str, size: int):
        """The first and the last byte of one range; None when the header is to be ignored (RFC 9110, 14.2), as are several ranges."""
        match = re.fullmatch(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", asked)
        if match is None or (not match[1] and not match[2]):
            return None
        if not match[1]:
            suffix = int(match[2])
            return (max(0, size - suffix), size - 1) if suffix and size else "unsatisfiable"
        first = int(match[1])
        last = int(match[2]) if match[2] else size - 1
        if last < first and match[2]:
            return None
        return (first, min(last, size - 1)) if first < size else "unsatisfiable"


# ------------------------------------------------------------------------------------------------------------------------------- connections


class Waiting(dict):
    """Connections that wait for something for the same time, the one that has waited longest first, each with its deadline."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit


class Connection:
    """An accepted connection. A class of each protocol reads the heads and completes those of the answers."""

    sock = None
    watched = False
    """It is in the core's epoll set."""
    is_pending = False
    """Its turn comes before the next wait; until then nothing else is done with it."""
    queue = None
    """Where it waits; None while a request of it is served."""
    is_chunked_body = False
    """The request has a body in the chunked coding that has not been read to its end."""
    expects_continue = False
    keep = False
    """Another request may follow."""
    buffer = b""
    """Received, and not yet consumed."""
    received = 0
    """Bytes received since the last request was accounted."""
    moved = 0
    waited = 0.0
    """Bytes moved, and seconds waited for the client, in the request being served."""

    def __init__(self, core: "Core", listener: "Listener", fd: int, peer) -> None:
        self.core = core
        self.listener = listener
        self.fd = fd
        self.peer = peer

    def opened(self) -> _socket.socket:
        """The descriptor's socket object, made when it is wanted."""
        sock = self.sock
        if sock is None:
            # The C type itself, told all that it would else ask the kernel for.
            sock = self.sock = _socket.socket(self.listener.family, _socket.SOCK_STREAM, self.listener.proto, self.fd)
            if _socket.getdefaulttimeout() is not None:
                sock.settimeout(None)  # what an app has set for its own connections
        return sock

    def close_descriptor(self) -> None:
        if self.sock is not None:
            self.sock.close()
        elif self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    # Waiting without holding up the worker.

    def ready(self) -> None:
        """There may be something to read."""
        if self.is_pending:
            return
        try:
            data = self.read_head()
        except BlockingIOError:
            if not self.watched:
                self.wait_for_head()
            return
        except OSError:
            self.close()
            return
        if not data:
            self.close()
            return
        if self.queue is self.core.lingering:
            return
        self.received += len(data)
        self.buffer = self.buffer + data if self.buffer else data
        try:
            self.advance()
        except Exception as error:
            self._fault(error)

    def read_head(self) -> bytes:
        """What has come, without waiting for it."""
        return self.sock.recv(RECEIVE, MSG_DONTWAIT)

    def serve(self) -> None:
        """Serves the request in the buffer, if it is there as a whole."""
        try:
            self.advance()
        except Exception as error:
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        # Of this file. One connection is lost by it, and not the worker.
        log("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        self.close()

    def advance(self) -> None:
        """Serves the request in the buffer, if its head is complete."""
        raise NotImplementedError

    def wait_for_head(self) -> None:
        self.wait_in(self.core.heads[self.listener.protocol])

    def wait_in(self, queue: Waiting) -> None:
        if self.queue is queue:
            return
        if self.queue is None:
            self.core.make_room()
            self.core.waiting += 1
        else:
            del self.queue[self]
        self.queue = queue
        queue[self] = monotonic() + queue.limit
        if not self.watched:
            self.core.watch(self.fd, self, select.EPOLLIN)
            self.core.words[13] += 1
            self.watched = True

    def stop_waiting(self) -> None:
        if self.queue is not None:
            del self.queue[self]
            self.queue = None
            self.core.waiting -= 1

    def expire(self) -> None:
        """It has waited too long."""
        self.close()

    def linger(self) -> None:
        """Closes for the client's eyes, and throws away what it still sends: else the kernel would take the answer back."""
        try:
            self.opened().shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self.buffer = b""
        self.wait_in(self.core.lingering)

    def close(self) -> None:
        self.stop_waiting()
        if self.watched:
            self.core.words[13] -= 1
            # A process forked by the app may still hold the connection: closing alone would not take it out of the set.
            self.watched = False
            self.core.unwatch(self.fd)
        self.close_descriptor()

    def refuse(self, status: str, why: str) -> None:
        """Answers a head that is not accepted."""
        log(f"{why}...skip (socket {self.listener.name}, ip {self.peer[0] if isinstance(self.peer, tuple) else ''})")
        text = status[4:]
        answer = (
            f"HTTP/1.1 {status}\r\nDate: {http_date(time.time())}\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}"
        )
        try:
            self.opened().send(answer.encode(), MSG_SEND)
        except OSError:
            self.close()
            return
        self.linger()

    # The request being served: blocking, within bounds.

    def begin(self) -> None:
        self.stop_waiting()
        self.moved = 0
        self.waited = 0.0

    def after(self, exchange: Exchange) -> None:
        """What becomes of the connection after an answer."""
        body = exchange.input
        if self.is_chunked_body or (body is not None and body.left):
            self.linger()
        elif self.watched:
            self.close()
        else:
            self.close_descriptor()

    def complete_head(self, exchange: Exchange) -> bytes:
        raise NotImplementedError

    def wait(self, event: int, what: str) -> None:
        """Waits until the client reads or sends, but not for a client that stalls or is too slow."""
        poll = select.poll()
        poll.register(self.fd, event)
        limit = min(self.listener.stall, self.core.worker.http_timeout + self.moved / SLOWEST - self.waited)
        started = monotonic()
        if limit <= 0 or not poll.poll(limit * 1000):
            raise ClientGone(errno.ETIMEDOUT, f"{what} timed out: the client stalls or is too slow")
        self.waited += monotonic() - started

    def receive(self, most: int) -> bytes:
        """At least one byte of the request's body."""
        data = self.buffer
        if data:
            if len(data) <= most:
                self.buffer = b""
                return data
            self.buffer = data[most:]
            return data[:most]
        if self.expects_continue:
            self.expects_continue = False
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while True:
            try:
                data = self.opened().recv(most, MSG_DONTWAIT)
            except BlockingIOError:
                self.wait(select.POLLIN, "reading the body")
                continue
            except OSError as error:
                self.core.read_errors += 1
                raise ClientGone(error.errno, f"reading the body: {error.strerror}") from None
            if not data:
                self.core.read_errors += 1
                raise ClientGone(errno.ECONNRESET, "reading the body: the client has closed the connection")
            self.moved += len(data)
            self.received += len(data)
            return data

    def send(self, data: bytes, flags: int = 0) -> None:
        try:
            sent = self.opened().send(data, MSG_SEND | flags)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._lost(error) from None
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def send_two(self, first: bytes, second: bytes) -> None:
        """Two pieces by one call, without copying them together."""
        try:
            sent = self.opened().sendmsg((first, second), (), MSG_SEND)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._lost(error) from None
        if sent < len(first):
            self._send_rest(memoryview(first)[sent:])
            sent = len(first)
        if sent - len(first) < len(second):
            self._send_rest(memoryview(second)[sent - len(first) :])

    def _send_rest(self, data: memoryview) -> None:
        while data:
            self.wait(select.POLLOUT, "writing the answer")
            try:
                sent = self.opened().send(data, MSG_SEND)
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._lost(error) from None
            self.moved += sent
            data = data[sent:]

    def send_file(self, fd: int, offset: int, size: int) -> int:
        """Sends a part of a file, by sendfile(2); returns how much there was of it."""
        os.set_blocking(self.fd, False)
        start = offset
        end = offset + size
        while offset < end:
            try:
                sent = os.sendfile(self.fd, fd, offset, end - offset)
            except BlockingIOError:
                self.wait(select.POLLOUT, "writing the answer")
                continue
            except OSError as error:
                raise self._lost(error) from None
            if sent == 0:
                break  # the file has become shorter
            self.moved += sent
            offset += sent
        return offset - start

    def _lost(self, error: OSError) -> ClientGone:
        self.core.write_errors += 1
        return ClientGone(error.errno, f"writing the answer: {error.strerror} (probably the client disconnected)")


class UwsgiConnection(Connection):
    """The uwsgi protocol: a head of four bytes, the variables, each length before its bytes, then the body. One request a connection."""

    def __init__(self, core: "Core", listener: "Listener", fd: int, peer) -> None:
        self.core = core
        self.listener = listener
        self.fd = fd
        self.peer = peer
        # The usual request is one read and one write of the bare descriptor: a socket object would cost as much again.
        os.set_blocking(fd, False)

    def read_head(self) -> bytes:
        try:
            return os.read(self.fd, RECEIVE)
        except BlockingIOError:
            if self.watched:
                raise
        # Often a connection comes a moment before its request. To wait here for that costs less than the way through the epoll set.
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        poll.poll(PATIENCE)
        return os.read(self.fd, RECEIVE)

    def send(self, data: bytes, flags: int = 0) -> None:
        if flags:
            super().send(data, flags)
            return
        try:
            sent = os.write(self.fd, data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._lost(error) from None
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def advance(self) -> None:
        data = self.buffer
        have = len(data)
        if have < 4:
            self.wait_for_head()
            return
        size = data[1] | data[2] << 8
        worker = self.core.worker
        if size > worker.buffer_size:
            self.refuse("431 Request Header Fields Too Large", f"invalid request block size: {size} (max {worker.buffer_size}, option buffer-size)")
            return
        end = size + 4
        if have < end:
            self.wait_for_head()
            return
        modifier = data[0]
        if modifier not in (0, 30) or size == 0:
            what = "Empty python request" if size == 0 else f"unavailable modifier requested: {modifier}"
            self.refuse("400 Bad Request", f"invalid uwsgi request: {what}")
            return
        environ: dict = {}
        text = data[:end].decode("latin-1")
        high = data[1:]
        at = 4
        try:
            for key, head, length in self.listener.expected:
                start = at + length
                if text[at:start] != head:
                    break
                at = start + 2
                at += data[start] if not high[start] else data[start] | high[start] << 8
                environ[key] = text[start + 2 : at]
            is_surprise = at < end
            while at < end:
                start = at + 2
                at = start + data[at] if not high[at] else start + (data[at] | high[at] << 8)
                key = text[start:at]
                start = at + 2
                at = start + data[at] if not high[at] else start + (data[at] | high[at] << 8)
                environ[key] = text[start:at]
            method = environ["REQUEST_METHOD"]
        except (IndexError, KeyError):
            method = ""
        if at != end or not method or "" in environ:
            self.refuse("400 Bad Request", "invalid uwsgi request: its variables are malformed, or REQUEST_METHOD is missing")
            return
        if is_surprise:
            self.listener.learn(environ)
        self.buffer = data[end:]
        variables = 2 * len(environ)
        path = environ.setdefault("PATH_INFO", "")
        script = environ.setdefault("SCRIPT_NAME", "")
        if modifier == 30 and script and path.startswith(script):
            # What nginx is told by uwsgi_modifier1 30: the front end has not taken SCRIPT_NAME off the path.
            environ["PATH_INFO"] = path[len(script) :]
        # These are CONTENT_LENGTH and CONTENT_TYPE in WSGI; nginx sends both.
        if "HTTP_CONTENT_LENGTH" in environ:
            del environ["HTTP_CONTENT_LENGTH"]
        if "HTTP_CONTENT_TYPE" in environ:
            del environ["HTTP_CONTENT_TYPE"]
        if "HTTP_TRANSFER_ENCODING" in environ:
            # nginx has decoded the body, and tells its length; the header would make Werkzeug look for chunks.
            del environ["HTTP_TRANSFER_ENCODING"]
        environ.update(worker.environ)
        scheme = environ.get("UWSGI_SCHEME") or environ.get("HTTP_X_FORWARDED_PROTO")
        if scheme is not None or "HTTPS" in environ or "HTTP_X_FORWARDED_SSL" in environ:
            environ["wsgi.url_scheme"] = scheme_of(environ, scheme)
        self.begin()
        Exchange(self, environ, variables, size).run()

    def complete_head(self, exchange: Exchange) -> bytes:
        return exchange.head + b"\r\n"


def scheme_of(environ: dict, scheme) -> str:
    """http or https, as uWSGI makes it of what the front end says (core/protocol.c)."""
    if scheme:
        return "https" if scheme.lower() == "https" else "http"
    secure = environ.get("HTTP_X_FORWARDED_SSL") or environ.get("HTTPS") or ""
    return "https" if secure.lower() in ("on", "1") else "http"


# The head of a request in HTTP/1.1 (RFC 9112), strictly. Whoever stands before this server may have understood a doubtful head in another way, and
# then one client's bytes become another's request: so what is doubtful is refused.
REQUEST_LINE = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e\x80-\xff]+) (HTTP/[0-9]\.[0-9])")
HEADER_LINE = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
HOST = re.compile(r"[0-9A-Za-z._~!$&'()*+,;=:%\[\]-]*")
ABSOLUTE_FORM = re.compile(r"https?://([^/?#@]*)((?:[/?].*)?)", re.IGNORECASE)

HTTP_VARIABLES: dict = {"Content-Length": "CONTENT_LENGTH", "Content-Type": "CONTENT_TYPE", "Transfer-Encoding": "HTTP_TRANSFER_ENCODING"}
"""The variable of each header's name that has been found good; None for a name that WSGI could not tell from another (with an underscore)."""

NEVER_TWICE = frozenset(("CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "HTTP_HOST", "HTTP_AUTHORIZATION", "HTTP_EXPECT"))


def learn_variable(name: str):
    """The variable of a header that has not been met before."""
    if HEADER_NAME.fullmatch(name) is None:
        raise Refused("400 Bad Request", f"not a name of an http header: {printable(name)[:60]!r}")
    if "_" in name:
        variable = None
    else:
        variable = name.upper().replace("-", "_")
        if variable not in ("CONTENT_LENGTH", "CONTENT_TYPE"):
            variable = "HTTP_" + variable
    if len(HTTP_VARIABLES) < MOST_NAMES:
        HTTP_VARIABLES[name] = variable
    return variable


def unquote(path: str) -> str:
    """The path with its percent-escapes decoded, as bytes in a string (PEP 3333)."""
    pieces = path.split("%")
    decoded = [pieces[0]]
    for piece in pieces[1:]:
        try:
            decoded.append(chr(int(piece[:2], 16)) + piece[2:] if piece[:2].isalnum() and len(piece) > 1 else "%" + piece)
        except ValueError:
            decoded.append("%" + piece)
    return "".join(decoded)


class HttpConnection(Connection):
    """HTTP/1.1 and 1.0, any number of requests one after the other."""

    version = "HTTP/1.1"

    def __init__(self, core: "Core", listener: "Listener", fd: int, peer) -> None:
        super().__init__(core, listener, fd, peer)
        self.opened()

    def advance(self) -> None:
        data = self.buffer
        if data[:2] == b"\r\n":
            # One empty line before a request is to be overlooked (RFC 9112, 2.2).
            data = self.buffer = data[2:]
        end = data.find(b"\r\n\r\n")
        limit = self.core.worker.buffer_size
        if end < 0:
            if len(data) > limit:
                self.refuse("431 Request Header Fields Too Large", f"invalid HTTP request size (max {limit}, option buffer-size)")
            elif data.count(b"\n") != data.count(b"\r\n") or b"\0" in data:
                self.refuse("400 Bad Request", "invalid HTTP request: a line that does not end with CRLF")
            else:
                self.wait_for_head()
            return
        if end > limit:
            self.refuse("431 Request Header Fields Too Large", f"invalid HTTP request size: {end} (max {limit}, option buffer-size)")
            return
        try:
            environ = self._parse(data[:end].decode("latin-1").split("\r\n"))
        except Refused as refused:
            self.refuse(refused.status, f"invalid HTTP request: {refused}")
            return
        self.buffer = data[end + 4 :]
        if environ["PATH_INFO"] == "*":
            # OPTIONS * asks about the server, not about an app.
            self._answer_about_server()
            return
        variables = 2 * len(environ)
        environ.update(self.core.worker.environ)
        if "HTTP_X_FORWARDED_PROTO" in environ or "HTTP_X_FORWARDED_SSL" in environ:
            environ["wsgi.url_scheme"] = scheme_of(environ, environ.get("HTTP_X_FORWARDED_PROTO"))
        self.begin()
        Exchange(self, environ, variables, end).run()

    def _parse(self, lines: list) -> dict:
        match = REQUEST_LINE.fullmatch(lines[0])
        if match is None:
            raise Refused("400 Bad Request", f"not a request line: {printable(lines[0])[:60]!r}")
        method, target, version = match.groups()
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise Refused("505 HTTP Version Not Supported", f"version {version}")
        self.version = version
        environ = dict(self.listener.environ)
        environ["REQUEST_METHOD"] = method
        environ["SERVER_PROTOCOL"] = version
        if type(self.peer) is tuple:
            # An IPv4 client on an IPv6 socket is shown as what it is.
            environ["REMOTE_ADDR"] = self.peer[0][7:] if self.peer[0].startswith("::ffff:") else self.peer[0]
            environ["REMOTE_PORT"] = str(self.peer[1])
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            try:
                variable = HTTP_VARIABLES[name]
            except KeyError:
                variable = learn_variable(name)
            value = value.strip(" \t")
            if not colon or (not value.isprintable() and CONTROL.search(value)):
                raise Refused("400 Bad Request", f"not a header: {printable(line)[:60]!r}")
            if variable is None:
                continue
            if variable in environ:
                if variable in NEVER_TWICE:
                    raise Refused("400 Bad Request", f"the header {name} is there twice")
                value = f"{environ[variable]}{'; ' if variable == 'HTTP_COOKIE' else ','}{value}"
            environ[variable] = value
        host = environ.get("HTTP_HOST")
        if host is None:
            if version == "HTTP/1.1":
                raise Refused("400 Bad Request", "the header Host is missing")
        elif HOST.fullmatch(host) is None:
            raise Refused("400 Bad Request", f"not a host: {printable(host)[:60]!r}")
        self._set_target(environ, method, target)
        self._set_body(environ, version)
        self._set_keep(environ, version)
        return environ

    @staticmethod
    def _set_target(environ: dict, method: str, target: str) -> None:
        environ["REQUEST_URI"] = target
        if target[0] != "/":
            if target == "*" and method == "OPTIONS":
                environ["PATH_INFO"] = "*"
                return
            absolute = ABSOLUTE_FORM.fullmatch(target)
            if absolute is None or not absolute[1] or HOST.fullmatch(absolute[1]) is None:
                raise Refused("400 Bad Request", f"not a target of a request: {printable(target)[:60]!r}")
            # Its host counts, whatever Host says (RFC 9112, 3.2.2).
            environ["HTTP_HOST"] = absolute[1]
            target = absolute[2]
            if target[:1] != "/":
                target = "/" + target
        path, _, query = target.partition("?")
        if "#" in target:
            raise Refused("400 Bad Request", "a fragment in the target of a request")
        if "%" in path:
            path = unquote(path)
            if "\0" in path:
                raise Refused("400 Bad Request", "a NUL in the path")
        environ["PATH_INFO"] = path
        environ["QUERY_STRING"] = query

    def _set_body(self, environ: dict, version: str) -> None:
        self.is_chunked_body = False
        coding = environ.get("HTTP_TRANSFER_ENCODING")
        length = environ.get("CONTENT_LENGTH")
        if coding is not None:
            if length is not None:
                raise Refused("400 Bad Request", "both Content-Length and Transfer-Encoding")
            if version == "HTTP/1.0":
                raise Refused("400 Bad Request", "Transfer-Encoding in HTTP/1.0")
            if coding.lower() != "chunked":
                raise Refused("501 Not Implemented", f"Transfer-Encoding {printable(coding)[:60]!r}")
            del environ["HTTP_TRANSFER_ENCODING"]
            self.is_chunked_body = True
        elif length is not None and not (length.isdecimal() and length.isascii() and len(length) <= 18):
            raise Refused("400 Bad Request", f"not a Content-Length: {printable(length)[:60]!r}")
        self.expects_continue = False
        expected = environ.get("HTTP_EXPECT")
        if expected is not None and version == "HTTP/1.1":
            if expected.lower() != "100-continue":
                raise Refused("417 Expectation Failed", f"Expect {printable(expected)[:60]!r}")
            self.expects_continue = True

    def _set_keep(self, environ: dict, version: str) -> None:
        self.keep = version == "HTTP/1.1"
        asked = environ.get("HTTP_CONNECTION")
        if asked is not None:
            words = [word.strip() for word in asked.lower().split(",")]
            self.keep = "close" not in words and (self.keep or "keep-alive" in words)

    def _answer_about_server(self) -> None:
        self.is_chunked_body = False
        self.stop_waiting()
        try:
            self.send(f"HTTP/1.1 200 OK\r\nDate: {http_date(time.time())}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except ClientGone:
            pass
        self.linger()

    def complete_head(self, exchange: Exchange) -> bytes:
        core = self.core
        fields = exchange.head
        if not exchange.has_date:
            fields += b"Date: %b\r\n" % http_date(exchange.time).encode()
        if exchange.has_body and exchange.promised is None:
            if exchange.known_size is not None:
                fields += b"Content-Length: %d\r\n" % exchange.known_size
            elif self.version == "HTTP/1.1":
                exchange.chunked = True
                fields += b"Transfer-Encoding: chunked\r\n"
            else:
                self.keep = False
        body = exchange.input
        if (
            core.worker.leaving
            or exchange.cut
            or not core.idle.limit
            or self.is_chunked_body
            # More than a little of the body that nobody has wanted: the client may as well come again.
            or (body is not None and (body.left > RECEIVE or self.expects_continue))
        ):
            self.keep = False
        self.expects_continue = False
        if not self.keep:
            return fields + b"Connection: close\r\n\r\n"
        return fields + (b"\r\n" if self.version == "HTTP/1.1" else b"Connection: keep-alive\r\n\r\n")

    def after(self, exchange: Exchange) -> None:
        if not self.keep or exchange.cut:
            super().after(exchange)
            return
        body = exchange.input
        if body is not None and body.left:
            try:
                while body.left:
                    data = self.buffer[: body.left] or self.sock.recv(body.left, MSG_DONTWAIT)
                    if not data:
                        raise ConnectionResetError
                    self.buffer = self.buffer[len(data) :]
                    body.left -= len(data)
            except OSError:
                self.linger()
                return
        if self.buffer:
            # The next one is here already. It waits its turn, behind other connections.
            self.core.postpone(self)
        else:
            self.wait_in(self.core.idle)

    def expire(self) -> None:
        if self.buffer and self.queue is not self.core.lingering:
            self.refuse("408 Request Timeout", "the head of an HTTP request did not come in time")
        else:
            self.close()


class Listener:
    """A listening socket, inherited from the emperor."""

    PROTOCOLS = {"uwsgi": UwsgiConnection, "http": HttpConnection}

    def __init__(self, given: dict, socket_timeout: float, http_timeout: float) -> None:
        self.protocol = given["protocol"]
        self.connection = self.PROTOCOLS[self.protocol]
        os.set_inheritable(given["fd"], False)
        self.sock = socket.socket(fileno=given["fd"])
        self.sock.setblocking(False)
        self.family = self.sock.family
        self.proto = self.sock.proto
        self.name = given.get("name", "")
        self.stall = socket_timeout if self.protocol == "uwsgi" else http_timeout
        port = "80"
        if self.family in (socket.AF_INET, socket.AF_INET6):
            # Inherited by every connection: answers are sent whole, there is nothing to wait for.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            port = str(self.sock.getsockname()[1])
        self.environ = {
            "SERVER_NAME": socket.gethostname(),
            "SERVER_PORT": port,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "REMOTE_ADDR": "",
        }
        self.expected: list = []
        """The variables of a uwsgi request, in the order in which the front end sends them: each one's key, and its head, length and key, as text. A
        front end keeps to its order, and to see that the next variable is the expected one costs half of reading it anew."""
        self._surprises = 0

    def learn(self, environ: dict) -> None:
        """Takes note of the variables of a request that has surprised; not of every one, where clients differ."""
        if self._surprises % RELEARN == 0:
            heads = [(key, struct.pack("<H", len(key)).decode("latin-1") + key) for key in list(environ)[:MOST_EXPECTED]]
            self.expected = [(key, head, len(head)) for key, head in heads]
        self._surprises += 1


class Door:
    """A listening socket in the epoll set of one core."""

    def __init__(self, core: "Core", listener: Listener) -> None:
        self.core = core
        self.listener = listener
        self.fd = listener.sock.fileno()
        self._accept = listener.sock._accept
        self._connection = listener.connection
        self._modest = 0
        self._vain = 0

    def ready(self) -> None:
        """Takes one connection; where more have waited lately, connection after connection without asking epoll, as long as nothing else waits here."""
        if not self._take():
            return
        if self._modest:
            self._modest -= 1
            return
        core = self.core
        worker = core.worker
        until = core.now + TURN
        taken = 0
        while taken < EVENTS and not (core.waiting or core.pending or worker.leaving) and core.now < until:
            if not self._take():
                # To have asked in vain costs about what to be lucky saves.
                self._vain = 0 if taken else min(2 * self._vain + 1, MOST_MODEST)
                self._modest = self._vain
                return
            taken += 1

    def _take(self) -> bool:
        """Takes one connection, and serves what it brings; false when there was none."""
        core = self.core
        try:
            fd, peer = self._accept()
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.ECONNABORTED:
                core.cannot_accept(error)
            return False
        try:
            connection = self._connection(core, self.listener, fd, peer)
        except OSError:
            os.close(fd)
            return False
        connection.ready()
        return True


# ---------------------------------------------------------------------------------------------------------------------- cores and the worker


class Core:
    """One thread's loop."""

    _DETAIL = struct.Struct("<256s")

    def __init__(self, worker: "Worker", number: int) -> None:
        self.worker = worker
        self.number = number
        self.words, self._offset = worker.slot.core(number)
        self._detail_at = self._offset + 128
        self._memory = worker.slot.memory
        self.epoll = select.epoll()
        self.watched: dict = {}
        self.heads = {"uwsgi": Waiting(worker.socket_timeout), "http": Waiting(worker.http_timeout)}
        self.idle = Waiting(worker.keepalive)
        self.lingering = Waiting(LINGER)
        self.leaving = Waiting(NEW_CONNECTION_GRACE)
        self.queues = [*self.heads.values(), self.idle, self.lingering, self.leaving]
        self.waiting = 0
        """Connections in one of the queues."""
        self._most = max(8, worker.most_connections // worker.threads)
        self.pending: deque = deque()
        """Connections whose next request is in their buffer."""
        self.doors: list = []
        self.now = 0
        """monotonic_ns() at the end of the last request."""
        self.app_requests = [0] * Apps.MOST
        self.requests = 0
        """Since this process was started; the counts in the shared memory go on from those of the one before."""
        words = self.words
        # The process before may have been killed at any moment.
        self._sequence = words[0] = words[0] + 1 & 0xFFFF_FFFF_FFFE
        words[2] = words[13] = 0
        for at in (*range(3, 12), *range(48, 64)):
            # What no worker has counted was written there by something else; to go on from it would end in an overflow.
            if words[at] >> 62:
                words[at] = 0
        self._total = words[14] = words[3]
        self._received = words[6]
        self._sent = words[7]
        self._running = words[8]
        self._average = words[9]
        self._memory_at = 0
        self.read_errors = 0
        self.write_errors = 0
        self._draining = False
        self.wake = WakeWatch()
        self.watch(self.wake.read_fd, self.wake, select.EPOLLIN)

    # The epoll set.

    def watch(self, fd: int, watchable, events: int) -> None:
        self.epoll.register(fd, events)
        self.watched[fd] = watchable

    def unwatch(self, fd: int) -> None:
        del self.watched[fd]
        self.epoll.unregister(fd)

    def postpone(self, connection: Connection) -> None:
        """Lets other connections have their turn first."""
        connection.is_pending = True
        self.pending.append(connection)

    def open_doors(self) -> None:
        for listener in self.worker.listeners:
            door = Door(self, listener)
            self.doors.append(door)
            self.watch(door.fd, door, select.EPOLLIN | select.EPOLLEXCLUSIVE)

    def make_room(self) -> None:
        """Closes the connection that has waited longest when there are too many."""
        if self.waiting >= self._most:
            for queue in (self.idle, self.lingering, *self.heads.values()):
                if queue:
                    next(iter(queue)).close()
                    return

    def cannot_accept(self, error: OSError) -> None:
        tell_once(f"accept(): {error.strerror}")
        for queue in (self.idle, self.lingering, *self.heads.values()):
            if queue:
                next(iter(queue)).close()
                return
        time.sleep(0.05)  # nothing to give up: without this the loop would spin until somebody else does

    # The loop.

    def run(self) -> None:
        poll = self.epoll.poll
        watched = self.watched
        pending = self.pending
        worker = self.worker
        while True:
            events = poll(0 if pending else self._timeout() if self.waiting or worker.expires_at else None, EVENTS)
            for fd, _ in events:
                watchable = watched.get(fd)
                if watchable is not None:
                    watchable.ready()
            if pending:
                for _ in range(len(pending)):
                    connection = pending.popleft()
                    connection.is_pending = False
                    connection.serve()
            if self.waiting:
                self._expire()
            if worker.expires_at and monotonic() >= worker.expires_at:
                worker.reach("max-worker-lifetime", f"it has lived for {worker.max_lifetime} seconds")
            if worker.leaving and self._drained():
                return

    def _timeout(self):
        deadlines = [next(iter(queue.values())) for queue in self.queues if queue]
        if self.worker.expires_at:
            deadlines.append(self.worker.expires_at)
        return max(0.0, min(deadlines) - monotonic())

    def _expire(self) -> None:
        now = monotonic()
        for queue in self.queues:
            while queue:
                connection = next(iter(queue))
                if queue[connection] > now:
                    break
                connection.expire()

    def _drained(self) -> bool:
        """Takes nothing new any more; true when all that has been accepted is served."""
        if not self._draining:
            self._draining = True
            for door in self.doors:
                self.unwatch(door.fd)
            for connection in list(self.idle):
                # A request may have come at this very moment. One that is on its way would be lost if its connection were closed: it is answered,
                # with "Connection: close", and who sends nothing is waited for no longer than between two requests.
                connection.ready()
            for queue in self.heads.values():
                for connection in list(queue):
                    connection.wait_in(self.leaving)
        return not self.pending and not self.waiting

    # Accounts of the request being served.

    def begin(self, exchange: Exchange) -> None:
        exchange.started = now = monotonic_ns()
        words = self.words
        sequence = self._sequence
        words[0] = sequence + 1
        detail = f"{exchange.method} {exchange.environ.get('REMOTE_ADDR', '')} {exchange.uri}"
        self._DETAIL.pack_into(self._memory, self._detail_at, detail.encode("latin-1"))
        words[2] = now
        words[0] = self._sequence = sequence + 2

    def end(self, exchange: Exchange) -> None:
        self.now = now = monotonic_ns()
        words = self.words
        worker = self.worker
        words[2] = 0
        exchange.micros = micros = (now - exchange.started) // 1000
        self.requests += 1
        words[3] = self._total = self._total + 1
        app = exchange.app
        if app is not None:
            number = app.number
            self.app_requests[number] += 1
            words[48 + number] += 1
        elif exchange.is_static:
            words[5] += 1
        if exchange.raised:
            words[4] += 1
            if app is not None:
                words[56 + app.number] += 1
        connection = exchange.connection
        words[6] = self._received = self._received + connection.received
        connection.received = 0
        words[7] = self._sent = self._sent + exchange.head_size + exchange.body_size
        if not exchange.is_static:
            words[8] = self._running = self._running + micros
            words[9] = self._average = (self._average + micros) // 2
        if self.read_errors or self.write_errors:
            words[10] += self.read_errors
            words[11] += self.write_errors
            exchange.read_errors, exchange.write_errors = self.read_errors, self.write_errors
            self.read_errors = self.write_errors = 0
        words[12] = exchange.status
        if now - self._memory_at > worker.memory_every:
            self._memory_at = now
            worker.look_at_memory(worker.slot.memory_in_use())
        if worker.log.wanted:
            worker.log.write(exchange)
        if worker.max_requests:
            worker.count_request(now)


class ControlWatch:
    """The emperor's end of the control channel, as the first core sees it."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker

    def ready(self) -> None:
        worker = self._worker
        command = worker.control.next_command()
        if command is None:
            return
        if command == {}:
            # Nobody would start another, reap this one, or end it when it hangs.
            worker.leave("emperor-gone", "the emperor has closed the control channel")
        elif command.get("command") == "stop":
            worker.leave("stop", "the emperor has said so")
        else:
            tell_once(f"unknown command of the emperor: {command}")


class WakeWatch:
    """A pipe whose only use is to end a core's wait: a signal has come, or the worker leaves."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def up(self) -> None:
        try:
            os.write(self.write_fd, b"\0")
        except BlockingIOError:
            pass  # it is full of reasons to wake up

    def ready(self) -> None:
        try:
            os.read(self.read_fd, 512)
        except BlockingIOError:
            pass


class Control:
    """The channel to the emperor: one JSON object a message."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self.sock = socket.socket(fileno=fd)

    def receive(self, flags: int = 0) -> tuple:
        """A message and the descriptors that came with it; an empty object when the emperor has closed its end."""
        data, fds, message_flags, _ = socket.recv_fds(self.sock, LARGEST_MESSAGE, 4, flags | socket.MSG_CMSG_CLOEXEC)
        if message_flags & socket.MSG_TRUNC:
            raise ValueError(f"a message of more than {LARGEST_MESSAGE} bytes")
        if not data:
            return {}, fds
        message = json.loads(data)
        if not isinstance(message, dict) or not message:
            raise ValueError("a message that is no object")
        return message, fds

    def next_command(self):
        """A command that is there already; None when there is none."""
        try:
            message, fds = self.receive(MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            return {}
        except ValueError as error:
            tell_once(f"from the emperor: {error}")
            return None
        for fd in fds:
            os.close(fd)
        return message

    def tell(self, event: str, **more) -> None:
        """Tells the emperor something; an emperor that does not listen holds nobody up for more than a second."""
        message = json.dumps({"event": event, **more}).encode()
        for _ in range(2):
            try:
                self.sock.send(message, MSG_SEND)
                return
            except BlockingIOError:
                poll = select.poll()
                poll.register(self.sock, select.POLLOUT)
                poll.poll(1000)
            except OSError:
                return


def module_files():
    """The files of all modules, and when they were changed, in nanoseconds."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        try:
            yield file, os.stat(file).st_mtime_ns
        except OSError:
            continue  # an editor is replacing it


class AutoReloader:
    """py-autoreload: looks every so many seconds whether a module's file has changed, and tells the emperor, who reloads. In the first worker alone."""

    def __init__(self, worker: "Worker", seconds: int) -> None:
        self._control = worker.control
        self._slot = worker.index
        self._seconds = seconds
        self._known = dict(worker.apps.files)
        threading.Thread(target=self._run, name="uWSGIAutoReloader", daemon=True).start()

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {TRACEBACK_SIGNAL})
        while True:
            changed = self._look()
            if changed:
                log(f"[uwsgi-python-reloader] module/file {printable(changed)} has been modified")
                self._control.tell("changed", slot=self._slot, file=changed)
            time.sleep(self._seconds)

    def _look(self) -> str:
        """The first file that has changed since the last look; empty when none has. All changes are taken note of."""
        changed = ""
        for file, modified in module_files():
            if self._known.setdefault(file, modified) != modified:
                self._known[file] = modified
                changed = changed or file
        return changed


class Worker:
    """A process that serves."""

    def __init__(self, config: "Config", control: Control, slot: int, number: int, apps: Apps) -> None:
        options = config.options
        self.config = config
        self.control = control
        self.index = slot
        self.number = number
        """uWSGI's worker id, from 1. While one worker leaves, the next one of the same number has another slot."""
        self.apps = apps
        self.threads = config.threads
        self.buffer_size = options.number("buffer-size", 32768)
        self.limit_post = options.number("limit-post")
        self.post_buffering = options.number("post-buffering")
        self.socket_timeout = options.number("socket-timeout", 4)
        self.http_timeout = options.number("http-timeout", 60)
        self.keepalive = options.number("http-keepalive", 4)
        self._min_lifetime = options.number("min-worker-lifetime", 60)
        self.max_requests = options.number("max-requests")
        if self.max_requests:
            self.max_requests += options.number("max-requests-delta") * number
        self.max_lifetime = options.number("max-worker-lifetime")
        if self.max_lifetime:
            self.max_lifetime += options.number("max-worker-lifetime-delta") * number
        self._reload_on_rss = options.number("reload-on-rss") << 20
        self.memory_every = MEMORY_EVERY // 10 if self._reload_on_rss else MEMORY_EVERY
        self._started = monotonic()
        self.expires_at = self._started + self.max_lifetime if self.max_lifetime else 0.0
        self.slot = Slot(config.slots_fd, config.slots_count, self.threads, slot)
        self.log = RequestLog(options, self.slot)
        static = StaticFiles(options)
        self.static = static if static.wanted else None
        self.listeners = config.listeners(self.socket_timeout, self.http_timeout)
        self.most_connections = min(MOST_CONNECTIONS, max(16, os.sysconf("SC_OPEN_MAX") // 2))
        self.leaving = ""
        """Why it leaves; empty when it does not."""
        self.exit_code = EXIT_OK
        self._overlap = config.overlap
        self._is_due = False
        self._leave_lock = threading.Lock()
        self._cores: list = []
        self.environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": self.threads > 1,
            "wsgi.multiprocess": config.processes > 1,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
        }

    def run(self) -> int:
        """Serves until it is told to leave, or has a reason of its own. Returns the exit code."""
        self.slot.memory_in_use()
        self._cores = cores = [Core(self, number) for number in range(self.threads)]
        self._take_signals()
        for core in cores:
            core.open_doors()
        cores[0].watch(self.control.sock.fileno(), ControlWatch(self), select.EPOLLIN)
        others = [threading.Thread(target=self._run_other, args=(core,), name=f"uWSGIWorker{self.number}Core{core.number}") for core in cores[1:]]
        for thread in others:
            thread.daemon = True
            thread.start()
        self.slot.state(Slot.SERVING)
        self.control.tell("ready", slot=self.index)
        seconds = self.config.options.number("py-autoreload")
        if seconds and self.number == 1:
            AutoReloader(self, seconds)
        try:
            cores[0].run()
            for thread in others:
                thread.join()
        except Leave:
            log(f"worker {self.number} (pid: {os.getpid()}) ends at once: a signal says so")
        return self.exit_code

    @staticmethod
    def _run_other(core: Core) -> None:
        # Signals are the main thread's, whose waiting they end; except the one that asks for tracebacks, which any thread may get.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {TRACEBACK_SIGNAL})
        try:
            core.run()
        except Exception as error:
            # Half a worker would look like a whole one.
            log_exception(error)
            os._exit(1)

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._cores[0].wake.write_fd, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._end_at_once)
        signal.signal(signal.SIGHUP, lambda *_: self.leave("stop", "SIGHUP"))
        faulthandler.register(TRACEBACK_SIGNAL, file=2, all_threads=True)

    def _end_at_once(self, number: int, _) -> None:
        self.slot.state(Slot.LEAVING)
        raise Leave

    def leave(self, reason: str, detail: str) -> None:
        """Begins to leave: takes no more connections, finishes what is in hand. May be called by every thread, and more than once."""
        with self._leave_lock:
            if self.leaving:
                return
            self.leaving = reason
        self.expires_at = 0.0
        if reason not in ("stop", "emperor-gone"):
            self.exit_code = EXIT_LIMIT
            log(f"...The work of process {os.getpid()} (worker {self.number}) is done. Seeya! ({reason}: {detail})")
        self.slot.state(Slot.LEAVING)
        self.control.tell("leaving", slot=self.index, reason=reason, detail=detail)
        for core in self._cores:
            core.wake.up()

    def reach(self, reason: str, detail: str) -> None:
        """One of its limits is reached: it leaves, or, when the emperor wants to have its successor ready first, serves on until it is told to stop."""
        if not self._overlap:
            self.leave(reason, detail)
            return
        with self._leave_lock:
            if self.leaving or self._is_due:
                return
            self._is_due = True
        self.expires_at = 0.0
        self.control.tell("due", slot=self.index, reason=reason, detail=detail)

    def count_request(self, now: int) -> None:
        if not self.leaving and now / 1e9 - self._started >= self._min_lifetime:
            count = sum(core.requests for core in self._cores)
            if count >= self.max_requests:
                self.reach("max-requests", f"{count} requests have been served, the limit is {self.max_requests}")

    def look_at_memory(self, rss: int) -> None:
        if self._reload_on_rss and rss >= self._reload_on_rss and monotonic() - self._started >= self._min_lifetime:
            self.reach("reload-on-rss", f"{rss >> 20} MiB are in use, the limit is {self._reload_on_rss >> 20}")


# -------------------------------------------------------------------------------------------------------------------------- starting a process


class Config:
    """The emperor's first message."""

    def __init__(self, message: dict) -> None:
        if message.get("contract") != CONTRACT:
            raise ValueError(f"contract {message.get('contract')!r} is not spoken here, {CONTRACT} is")
        self.role = message.get("role")
        if self.role not in ("template", "worker"):
            raise ValueError(f"role {self.role!r}")
        options = message.get("options", {})
        if not isinstance(options, dict):
            raise ValueError("options must be an object")
        self.options = Options(options)
        self.threads = max(1, self.options.number("threads", 1))
        slots = message.get("slots")
        self.slots_fd = self._number(slots, "fd")
        self.slots_count = self._number(slots, "count")
        self.slot = self._number(message, "slot") if self.role == "worker" else 0
        self.number = self._number(message, "id") if "id" in message else self.slot + 1
        self.processes = self._number(message, "processes") if "processes" in message else self.slots_count
        if not self.slot < self.slots_count <= 4096 or self.threads > 1024:
            raise ValueError("slot, slots.count or threads is out of bounds")
        self.overlap = message.get("overlap") is True
        self.whole = message.get("whole") is True
        self._sockets = message.get("sockets")
        if not isinstance(self._sockets, list):
            raise ValueError("sockets must be a list")
        for entry in self._sockets:
            self._number(entry, "fd")
            if entry.get("protocol") not in Listener.PROTOCOLS:
                raise ValueError(f"protocol {entry.get('protocol')!r} is not spoken here")

    @staticmethod
    def _number(holder, name: str) -> int:
        value = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{name}: a number that is not negative is wanted, not {value!r}")
        return value

    def listeners(self, socket_timeout: float, http_timeout: float) -> list:
        return [Listener(entry, socket_timeout, http_timeout) for entry in self._sockets]

    def keep_from_children(self) -> None:
        """What the app's own children must not inherit."""
        code = re.fullmatch(r"/(?:proc/self|dev)/fd/([0-9]+)", CODE_FILE)
        for fd in [self.slots_fd] + [entry["fd"] for entry in self._sockets] + ([int(code[1])] if code else []):
            os.set_inheritable(fd, False)


def prepare_process(config: Config) -> None:
    """Makes the process what an app expects that runs under uWSGI."""
    options = config.options
    for name, value in options.pairs("env"):
        os.environ[name] = value
    for name in options.texts("unenv"):
        os.environ.pop(name, None)
    if options.text("umask"):
        os.umask(int(options.text("umask"), 8))
    change_folder(options, "chdir")
    home = options.text("home")
    if home:
        use_virtualenv(home)
    sys.path.insert(0, ".")
    for path in options.texts("pythonpath"):
        sys.path.insert(0, path)
    # Apps look there for "uwsgi" to find out that they are served.
    sys.argv = ["uwsgi"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    # While an app is loaded, an interrupt is no exception in it, but the end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # multiprocessing would start its children by running the main module's file again: this one.
    main = sys.modules["__main__"]
    if hasattr(main, "__file__"):
        del main.__file__


def change_folder(options: Options, name: str) -> None:
    if options.text(name):
        try:
            os.chdir(options.text(name))
        except OSError as error:
            raise ValueError(f"{name} = {options.text(name)}: {error.strerror}; make the folder, or correct the path") from None


def use_virtualenv(home: str) -> None:
    """Adds a virtual environment, unless this is its interpreter already."""
    home = os.path.realpath(home)
    if os.path.realpath(sys.prefix) == home:
        return
    import site

    place = os.path.join(home, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    if not os.path.isdir(place):
        raise ValueError(f"home {home}: no site-packages for this interpreter ({sys.executable}, Python {sys.version.split()[0]}): {place}")
    sys.prefix = sys.exec_prefix = home
    before = len(sys.path)
    site.addsitedir(place)
    # The environment's own packages come before those of the system.
    sys.path[:] = sys.path[before:] + sys.path[:before]


def set_process_name(name: str, number: int) -> None:
    """The name that ps and top show: 15 bytes of it as the name, and in the place of the command line as much as that has room for."""
    if not name:
        return
    text = name.replace("{}", str(number)).encode()
    try:
        with open("/proc/self/comm", "wb", buffering=0) as file:
            file.write(text)
        with open("/proc/self/stat", "rb", buffering=0) as file:
            # arg_start and arg_end (proc(5)), behind the name in brackets.
            start, end = map(int, file.read(4096).rpartition(b")")[2].split()[45:47])
        if start < end:
            with open("/proc/self/mem", "r+b", buffering=0) as file:
                file.seek(start)
                file.write(text[: end - start - 1].ljust(end - start, b"\0"))
    except (OSError, ValueError):
        pass  # a name is no reason not to serve


def load_apps(config: Config, control: Control) -> Apps:
    """Loads, and tells the emperor how that went."""
    started = monotonic()
    apps = Apps(config.options)
    if config.options.number("py-autoreload"):
        # Not when a worker first looks: what changes until then is newer than what it has.
        apps.files = dict(module_files())
    change_folder(config.options, "chdir2")
    control.tell(
        "loaded",
        seconds=round(monotonic() - started, 3),
        apps=[{"id": app.number, "mountpoint": app.mountpoint, "source": app.source, "seconds": round(app.seconds, 3)} for app in apps.loaded],
        failed=apps.failed,
    )
    if not apps.loaded:
        log("*** no app loaded. GAME OVER ***" if config.options.flag("need-app") else "*** no app loaded. going in full dynamic mode ***")
    return apps


def fork_worker() -> bool:
    """Forks a worker that is nobody's child but the subreaper's: by a process in between that ends at once. True in the worker."""
    read, write = os.pipe()
    between = os.fork()
    if between == 0:
        # Nothing here may run what the app wants done at its exit.
        try:
            if os.fork() != 0:
                os._exit(0)
        except OSError as error:
            os._exit(error.errno & 0x7F or 1)
        os.setsid()
        os.close(write)
        # Only when its parent has been reaped it belongs to the emperor, who then may hear of it.
        os.read(read, 1)
        os.close(read)
        return True
    os.close(read)
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(between, 0)[1])
    except ChildProcessError:
        code = 0  # the app ignores SIGCHLD
    finally:
        os.close(write)
    if code:
        raise OSError(code, os.strerror(code))
    return False


def run_template(control: Control, config: Config):
    """Forks workers as the emperor says. Returns a worker's control channel, slot and number in it, and None in the template when it shall end."""
    while True:
        try:
            message, fds = control.receive()
        except ValueError as error:
            log(f"from the emperor: {error}")
            continue
        except OSError:
            return None
        command = message.get("command")
        if not message or command == "stop":
            return None
        slot = message.get("slot")
        is_slot = isinstance(slot, int) and 0 <= slot < config.slots_count
        number = message.get("id", slot + 1 if is_slot else None)
        if command != "fork" or len(fds) != 1 or not is_slot or not isinstance(number, int):
            log(f"from the emperor: not a command of a template: {message}, with {len(fds)} descriptors")
            for fd in fds:
                os.close(fd)
            continue
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            if fork_worker():
                control.sock.close()
                return Control(fds[0]), slot, number
        except OSError as error:
            control.tell("fork-failed", slot=slot, error=error.strerror)
        os.close(fds[0])


def refuse_configuration(control: Control, error: Exception) -> int:
    """Says what is wrong with what the emperor has sent; returns the exit code."""
    control.tell("error", error=str(error))
    log(f"worker: {error}")
    return EXIT_CONTRACT


def main() -> int:
    control = Control(int(sys.argv[1]))
    try:
        config = Config(control.receive()[0])
        config.keep_from_children()
        prepare_process(config)
        control.tell("hello", role=config.role, slot=config.slot, pid=os.getpid(), python=sys.version.split()[0], executable=sys.executable)
    except (ValueError, OSError) as error:
        return refuse_configuration(control, error)
    name = config.options.text("procname")
    set_process_name(config.options.text("procname-template") if config.role == "template" else name, config.number)
    try:
        apps = load_apps(config, control)
    except ValueError as error:
        return refuse_configuration(control, error)
    if config.options.flag("need-app") and (not apps.loaded or (config.whole and apps.failed)):
        return EXIT_NO_APP
    slot, number = config.slot, config.number
    # What has been loaded stays: the collector need not look at it again. And what a template has loaded is shared by its workers as long as
    # nobody writes to it, which the collector would.
    gc.collect()
    gc.freeze()
    if config.role == "template":
        control.tell("ready")
        forked = run_template(control, config)
        if forked is None:
            # What the app wants done at its end is the workers' to do.
            sys.stdout.flush()
            os._exit(EXIT_OK)
        control, slot, number = forked
        set_process_name(name, number)
        control.tell("hello", role="worker", slot=slot, pid=os.getpid(), python=sys.version.split()[0], executable=sys.executable)
    try:
        worker = Worker(config, control, slot, number, apps)
    except (ValueError, OSError) as error:
        return refuse_configuration(control, error)
    return worker.run()


if __name__ == "__main__":
    sys.exit(main())
