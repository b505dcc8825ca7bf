"""Sends malformed requests, in both protocols, from a seed; says at the end how many.

    fuzz.py SEED SECONDS PORT UWSGI_SOCKET

A port of 0, or no socket: only the other protocol.
Nothing is expected of an answer but that it is one, or that the connection is closed; and that none takes long. Each fault is printed.
"""

import random
import socket
import struct
import sys
import time

seed, seconds, port, path = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
chance = random.Random(seed)

HTTP = [
    b"GET /x HTTP/1.1\r\nHost: t\r\nUser-Agent: fuzz\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world",
    b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
    b"HEAD http://host:80/a%20b?q=1#f HTTP/1.0\r\nConnection: keep-alive\r\nRange: bytes=0-3\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n",
    b"GET /static/file HTTP/1.1\r\nHost: t\r\nIf-Modified-Since: Sat, 21 Nov 2026 08:13:44 GMT\r\nIf-None-Match: \"a\"\r\nRange: bytes=-5\r\n\r\n",
]
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%", b"%00", b"%zz", b"0", b"-1", b"ffffffffffffffff", b"99999999999999999999",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"chunked", b"HTTP/1.1", b"HTTP/1.0", b"Host: a\r\n", b"\xff", b"\xe2\x82\xac",
    b"../", b"*", b"GET / HTTP/1.1\r\n\r\n", b"Expect: 100-continue\r\n", b"a" * 300, b";", b"?", b"#",
]


def packet(variables):
    body = b"".join(struct.pack("<H", len(k)) + k + struct.pack("<H", len(v)) + v for k, v in variables)
    return struct.pack("<BHB", 0, len(body) & 0xFFFF, 0) + body


VARIABLES = [
    (b"QUERY_STRING", b"a=b"), (b"REQUEST_METHOD", b"GET"), (b"CONTENT_TYPE", b""), (b"CONTENT_LENGTH", b""), (b"REQUEST_URI", b"/x?a=b"),
    (b"PATH_INFO", b"/x"), (b"SERVER_PROTOCOL", b"HTTP/1.1"), (b"REMOTE_ADDR", b"1.2.3.4"), (b"SERVER_PORT", b"80"), (b"SERVER_NAME", b"t"),
    (b"HTTP_HOST", b"t"),
]


def uwsgi_seed():
    variables = list(VARIABLES)
    for _ in range(chance.randrange(4)):
        name = chance.choice(variables)[0]
        variables.append((chance.choice([name, b"CONTENT_LENGTH", b"wsgi.input", b"SCRIPT_NAME", b"HTTP_RANGE"]), chance.choice(TOKENS)))
    return packet(variables) + chance.choice([b"", b"body", b"x" * 5000])


def mutated(data):
    data = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(6)
        if what == 0:
            data[at:at] = chance.choice(TOKENS)
        elif what == 1:
            del data[at : at + chance.choice([1, 1, 2, 10, 100])]
        elif what == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif what == 3 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif what == 4:
            end = at + chance.randrange(40)
            data[at:at] = data[at:end] * chance.choice([1, 2, 20])
        elif what == 5:
            data[at : at + 4] = chance.choice(TOKENS)
    return bytes(data[:20000])


def attack(family, address, make):
    with socket.socket(family) as client:
        client.settimeout(50)
        client.connect(address)
        data = b"".join(make() for _ in range(chance.choice([1, 1, 1, 4])))
        try:
            at = 0
            while at < len(data):
                step = chance.choice([len(data), len(data), len(data), 1 + chance.randrange(60)])
                client.sendall(data[at : at + step])
                at += step
            if chance.random() < 0.9:
                client.shutdown(socket.SHUT_WR)
            else:
                return  # closed without reading the answer
            answer = b""
            while len(answer) < 1 << 20:
                piece = client.recv(65536)
                if not piece:
                    break
                answer += piece
        except (BrokenPipeError, ConnectionResetError):
            return
        except socket.timeout:
            print(f"no end within the limit (seed {seed}): {data!r}")
            return
        if answer and not answer.startswith(b"HTTP/1.1 "):
            print(f"not an answer (seed {seed}): {data!r}: {answer[:100]!r}")


count = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    if port and (not path or chance.random() < 0.5):
        attack(socket.AF_INET, ("127.0.0.1", port), lambda: mutated(chance.choice(HTTP)))
    else:
        attack(socket.AF_UNIX, path, lambda: mutated(uwsgi_seed()))
    count += 1
print(f"{count} requests")
