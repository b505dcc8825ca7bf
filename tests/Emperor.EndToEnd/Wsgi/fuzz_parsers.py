"""Drives the worker's two protocol parsers and its chunk decoder in this process, from a seed, by the hundred thousand; says at the end how many.

    fuzz_parsers.py WORKER.PY SEED SECONDS

Beside them stand readers of the same bytes that are written anew here, slow and plain: what is served must be what these understand, byte for byte, and
what they find doubtful must be refused. Each fault is printed; nothing else may be raised, and nothing may grow.
"""

import importlib.machinery
import importlib.util
import random
import re
import resource
import struct
import sys
import time

path, seed, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
chance = random.Random(seed)
loader = importlib.machinery.SourceFileLoader("worker", path)
worker = importlib.util.module_from_spec(importlib.util.spec_from_file_location("worker", path, loader=loader))
sys.modules["worker"] = worker
loader.exec_module(worker)


class Exchange:
    def __init__(self, connection, environ, *_):
        connection.served = environ

    def run(self):
        pass


worker.Exchange = Exchange
worker.log = lambda text: None


class Stub:
    def __init__(self, **more):
        self.__dict__.update(more)


CORE = Stub(worker=Stub(buffer_size=4096, environ={"wsgi.url_scheme": "http"}))
# A real one without its socket: it learns the order of variables from one packet and expects it of the others, which are not so.
LISTENER = object.__new__(worker.Listener)
LISTENER.__dict__.update(environ={"SCRIPT_NAME": "", "SERVER_NAME": "s", "SERVER_PORT": "80"}, protocol="http", name="fuzz", stall=1, expected=[], _surprises=0)


class Recorder:
    """In the place of all that needs a socket."""

    def prepare(self, data):
        self.core, self.listener, self.peer, self.fd = CORE, LISTENER, ("127.0.0.1", 1), -1
        self.buffer = data
        self.served = self.refused = None
        self.waits = False
        return self

    def refuse(self, status, why):
        self.refused = status

    def wait_for_head(self):
        self.waits = True

    def begin(self):
        pass

    def _answer_about_server(self):
        self.served = {"PATH_INFO": "*"}

    def receive(self, most):
        if not self.buffer:
            raise worker.ClientGone("gone")
        size = min(most, 1 + chance.randrange(40), len(self.buffer)) if chance.random() < 0.5 else min(most, len(self.buffer))
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data


class Http(Recorder, worker.HttpConnection):
    __init__ = object.__init__


class Uwsgi(Recorder, worker.UwsgiConnection):
    __init__ = object.__init__


# ------------------------------------------------------------------------------------------------------------------------------------- seeds

HTTP = [
    b"GET /x HTTP/1.1\r\nHost: t\r\nUser-Agent: fuzz\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world",
    b"POST /echo?a=%20b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
    b"HEAD http://host:80/a%20b?q=1 HTTP/1.0\r\nConnection: keep-alive\r\nRange: bytes=0-3\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n",
]
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%", b"%00", b"%zz", b"%2e%2e", b"0", b"-1", b"+5", b"0x5", b"ffffffffffffffff",
    b"99999999999999999999", b"Content-Length: 5\r\n", b"Content-Length : 5\r\n", b"Content_Length: 5\r\n", b"content-length:5,5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding: chunked, chunked\r\n", b"transfer-encoding:\tChunked\r\n",
    b"Transfer-Encoding : chunked\r\n", b" Transfer-Encoding: chunked\r\n", b"X: y\r\n folded\r\n", b"chunked", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0",
    b"Host: a\r\n", b"Host: a b\r\n", b"\xff", b"\xe2\x82\xac", b"\x85", b"\x0b", b"../", b"*", b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"a" * 300, b";", b"?", b"#",
]
VARIABLES = [
    (b"QUERY_STRING", b"a=b"), (b"REQUEST_METHOD", b"GET"), (b"CONTENT_TYPE", b""), (b"CONTENT_LENGTH", b"5"), (b"REQUEST_URI", b"/x?a=b"),
    (b"PATH_INFO", b"/x"), (b"SERVER_PROTOCOL", b"HTTP/1.1"), (b"REMOTE_ADDR", b"1.2.3.4"), (b"HTTP_HOST", b"t"),
]
CHUNKED = [b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n", b"0\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\nrest", b"00001 \r\nx\r\n000\r\n\r\n"]


def packet(variables):
    body = b"".join(struct.pack("<H", len(k)) + k + struct.pack("<H", len(v)) + v for k, v in variables)
    return struct.pack("<BHB", chance.choice([0, 0, 0, 30, 5]), len(body) & 0xFFFF, 0) + body


def uwsgi_seed():
    variables = list(VARIABLES)
    for _ in range(chance.randrange(3)):
        variables.append((chance.choice([b"CONTENT_LENGTH", b"wsgi.input", b"SCRIPT_NAME", b"HTTP_TRANSFER_ENCODING", b""]), chance.choice(TOKENS)))
    return packet(variables) + chance.choice([b"", b"body"])


def mutated(data):
    data = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(6)
        if what == 0:
            data[at:at] = chance.choice(TOKENS)
        elif what == 1:
            del data[at : at + chance.choice([1, 1, 2, 10])]
        elif what == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif what == 3 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif what == 4:
            end = at + chance.randrange(40)
            data[at:at] = data[at:end] * chance.choice([1, 2, 20])
        elif what == 5:
            # Where lines begin is where heads are taken apart.
            lines = [m.end() for m in re.finditer(rb"\r\n", data)] or [at]
            at = chance.choice(lines)
            data[at:at] = chance.choice(TOKENS)
    return bytes(data[:9000])


# --------------------------------------------------------------------------------------------------------------- the same, written plainly

TOKEN = set(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def plain_http(data):
    """None when the head is incomplete; False when it is one that two readers could understand in two ways; else its facts and the rest."""
    if data.startswith(b"\r\n"):
        data = data[2:]
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = data[:end].split(b"\r\n")
    parts = lines[0].split(b" ")
    if len(parts) != 3 or not parts[0] or not set(parts[0]) <= TOKEN or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0") or not parts[1]:
        return False
    if any(c < 0x21 or c == 0x7F for c in parts[1]):
        return False
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or not set(name) <= TOKEN or any((c < 0x20 and c != 9) or c == 0x7F for c in value):
            return False
        headers.setdefault(name.lower(), []).append(value.strip(b" \t"))
    lengths, codings = headers.get(b"content-length", []), headers.get(b"transfer-encoding", [])
    if len(lengths) + len(codings) > 1 or len(headers.get(b"host", [])) > 1:
        return False
    if lengths and not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        return False
    if codings and (codings[0].lower() != b"chunked" or parts[2] == b"HTTP/1.0"):
        return False
    if parts[2] == b"HTTP/1.1" and not headers.get(b"host"):
        return False
    return parts[0], parts[1], lengths[0] if lengths else None, bool(codings), data[end + 4 :]


def plain_chunks(data):
    """The decoded body and the rest; None when it is not well-formed to its end."""
    body = b""
    while True:
        match = re.match(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n", data)
        if match is None:
            return None
        size = int(match[1], 16)
        data = data[match.end() :]
        if size == 0:
            break
        if data[size : size + 2] != b"\r\n":
            return None
        body, data = body + data[:size], data[size + 2 :]
    while not data.startswith(b"\r\n"):
        match = re.match(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n", data)
        if match is None:
            return None
        data = data[match.end() :]
    return body, data[2:]


def plain_uwsgi(data):
    if len(data) < 4:
        return None
    size = struct.unpack_from("<H", data, 1)[0]
    if len(data) < size + 4:
        return None
    at, end, found = 4, size + 4, []
    while at < end:
        if at + 2 > end:
            return False
        length = struct.unpack_from("<H", data, at)[0]
        if at + 2 + length > end:
            return False
        found.append(data[at + 2 : at + 2 + length].decode("latin-1"))
        at += 2 + length
    return False if len(found) % 2 or not found else (dict(zip(found[::2], found[1::2])), data[end:])


# ------------------------------------------------------------------------------------------------------------------------------------ rounds


def fault(what, data, detail=""):
    print(f"{what} (seed {seed}): {data!r} {detail}")


def http_round():
    data = mutated(chance.choice(HTTP))
    connection = Http().prepare(data)
    connection.advance()
    served, expected = connection.served, plain_http(data)
    if served is None:
        if not connection.refused and not connection.waits:
            fault("neither served, nor refused, nor waited for", data)
        elif connection.waits and expected is not None and b"\r\n\r\n" in data[2:]:
            fault("waits for what is there", data)
        return
    if not expected:
        fault("served what is doubtful", data, served)
        return
    method, target, length, chunked, rest = expected
    if served["PATH_INFO"] == "*":
        return
    for name, value in served.items():
        # The escapes of a path may stand for an end of a line.
        if not isinstance(value, str) or any(c in value for c in ("\0" if name == "PATH_INFO" else "\r\n\0")):
            fault("a variable with a control character", data, (name, value))
        if not re.fullmatch(r"[A-Z0-9_]+|wsgi\.[a-z_]+|HTTP_[!#$%&'*+.^`|~A-Z0-9_]+", name):
            fault("a strange variable", data, name)
    facts = (served["REQUEST_METHOD"], served["REQUEST_URI"], served.get("CONTENT_LENGTH"), connection.is_chunked_body, connection.buffer)
    if facts != (method.decode(), target.decode("latin-1"), None if length is None else length.decode(), chunked, rest):
        fault("understood in another way", data, facts)
    if not served["PATH_INFO"].startswith("/"):
        fault("a path that does not begin with a slash", data, served["PATH_INFO"])


def chunk_round():
    data = mutated(chance.choice(CHUNKED))
    connection = Http().prepare(data)
    expected = plain_chunks(data)
    try:
        body = b"".join(worker.Chunks(connection))
    except (worker.Refused, worker.ClientGone):
        # Sizes beyond reason, and lines and trailers of more than may be, are refused though they are well-formed.
        if expected is not None and len(data) < 1000:
            fault("refused what is well-formed", data)
        return
    if expected is None or (body, connection.buffer) != expected:
        fault("decoded in another way", data, (body, connection.buffer, expected))


def uwsgi_round():
    data = mutated(uwsgi_seed()) if chance.random() < 0.7 else packet(VARIABLES[: 1 + chance.randrange(9)])
    connection = Uwsgi().prepare(data)
    connection.advance()
    served, expected = connection.served, plain_uwsgi(data)
    if served is None:
        if not connection.refused and not connection.waits:
            fault("neither served, nor refused, nor waited for", data)
        return
    if not expected:
        fault("served what is malformed", data, served)
        return
    variables, rest = expected
    if connection.buffer != rest or any(served.get(k) != v for k, v in variables.items() if k in ("REQUEST_METHOD", "CONTENT_LENGTH", "QUERY_STRING")):
        fault("understood in another way", data, served)
    if served["wsgi.url_scheme"] not in ("http", "https") or "HTTP_TRANSFER_ENCODING" in served:
        fault("a variable that is the server's", data, served)


def range_round():
    text = mutated(chance.choice([b"bytes=0-3", b"bytes=-5", b"bytes=7-", b"bytes=0-0,2-3"])).decode("latin-1")
    size = chance.choice([0, 1, 5, 10, 1 << 40])
    found = worker.StaticFiles._range(text, size)
    if isinstance(found, tuple) and not 0 <= found[0] <= found[1] < size:
        fault("a range outside the file", text, (found, size))


ROUNDS = [http_round] * 5 + [uwsgi_round] * 3 + [chunk_round] * 3 + [range_round]
count = 0
memory = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    for _ in range(500):
        chance.choice(ROUNDS)()
    count += 500
    if count == 20_000:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory if memory else 0
if grown > 20_000:
    print(f"it has grown by {grown} KiB (seed {seed})")
print(f"{count} inputs")
