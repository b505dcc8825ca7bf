"""Plays the emperor's part of WORKER.md for tests: holds the sockets and the shared memory, starts a template or workers, reaps.

    driver.py SETUP.json

SETUP.json: {"python", "worker", "template": bool, "workers": n, "sockets": [{"protocol", "path" or "port": 0}], "options": {...}}.
Says on standard output, one JSON object a line, what happens: first {"driver": "sockets", ...}, then every event of a process with "from"
(template, or the slot) and the "sender" that the kernel attests, and {"driver": "exit", "pid", "code"}.
Reads commands from standard input: fork SLOT [ID], start SLOT, stop SLOT|template, close SLOT|template, signal PID NUMBER, slots, quit.
Leaves when told to or when standard input ends, with everything that it has started.
"""

import ctypes
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys

WORKER_SIZE = 256
CORE_SIZE = 512
PR_SET_CHILD_SUBREAPER = 36

with open(sys.argv[1]) as file:
    setup = json.load(file)
threads = setup["options"].get("threads", 1)
stride = WORKER_SIZE + CORE_SIZE * threads
listeners = []
slots_fd = os.memfd_create("slots")
os.ftruncate(slots_fd, stride * setup["workers"])
slots = mmap.mmap(slots_fd, stride * setup["workers"])
channels = {}
pids = set()
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
child_read, child_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.set_wakeup_fd(child_write, warn_on_full_buffer=False)


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def listen():
    for entry in setup["sockets"]:
        if "path" in entry:
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(entry["path"])
            name = entry["path"]
        else:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", entry["port"]))
            name = "127.0.0.1:%d" % sock.getsockname()[1]
        sock.listen(entry.get("listen", 1024))
        sock.setblocking(False)
        listeners.append((sock, entry["protocol"], name))
    say(driver="sockets", names=[name for _, _, name in listeners])


def channel(name):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    channels[name] = ours
    return theirs


def start(role, slot):
    name = "template" if role == "template" else slot
    theirs = channel(name)
    # The worker's file may be gone once the emperor runs: it is handed over as a descriptor.
    code = os.memfd_create("worker.py")
    with open(setup["worker"], "rb") as file:
        os.write(code, file.read())
    fds = [theirs.fileno(), slots_fd] + [sock.fileno() for sock, _, _ in listeners] + [code]
    actions = [(os.POSIX_SPAWN_DUP2, fd, 100 + at) for at, fd in enumerate(fds)]
    actions += [(os.POSIX_SPAWN_DUP2, 100 + at, 3 + at) for at in range(len(fds))]
    actions += [(os.POSIX_SPAWN_CLOSE, 100 + at) for at in range(len(fds))]
    actions += [(os.POSIX_SPAWN_DUP2, 2, 1)]  # standard output is for what this program says
    arguments = [setup["python"], f"/proc/self/fd/{2 + len(fds)}" if setup["template"] else setup["worker"], "3"]
    pid = os.posix_spawn(setup["python"], arguments, os.environ, file_actions=actions, setsid=True)
    pids.add(pid)
    theirs.close()
    os.close(code)
    message = {
        "contract": 1,
        "role": role,
        "slot": slot,
        "slots": {"fd": 4, "count": setup["workers"]},
        "processes": setup.get("processes", setup["workers"]),
        "sockets": [{"fd": 5 + at, "protocol": protocol, "name": name} for at, (_, protocol, name) in enumerate(listeners)],
        "options": setup["options"],
    }
    channels[name].send(json.dumps(message).encode())
    say(driver="started", role=role, slot=slot, pid=pid)


def fork(slot, more):
    theirs = channel(slot)
    socket.send_fds(channels["template"], [json.dumps({"command": "fork", "slot": slot, **more}).encode()], [theirs.fileno()])
    theirs.close()


def slot_of(index):
    at = index * stride
    words = struct.unpack_from("<8Q", slots, at)
    cores = []
    for core in range(threads):
        place = at + WORKER_SIZE + core * CORE_SIZE
        w = struct.unpack_from("<15Q", slots, place)
        method, address, uri = (slots[place + 128 : place + 384].rstrip(b"\0").decode("latin-1") + "  ").split(" ", 2)
        cores.append(
            {
                "sequence": w[0], "since": w[2], "requests": w[3], "exceptions": w[4], "static": w[5], "rx": w[6], "tx": w[7],
                "running": w[8], "average": w[9], "read_errors": w[10], "write_errors": w[11], "status": w[12], "connections": w[13],
                "delta": w[3] - w[14],
                "method": method, "address": address, "uri": uri.strip(),
                "app_requests": list(struct.unpack_from("<8Q", slots, place + 384)),
                "app_exceptions": list(struct.unpack_from("<8Q", slots, place + 448)),
            }
        )
    return {
        "magic": words[0], "pid": words[1], "state": words[2], "threads": words[3], "started": words[4], "rss": words[6], "vsz": words[7],
        "cores": cores,
    }


def hear(name):
    try:
        data, ancillary, _, _ = channels[name].recvmsg(262144, socket.CMSG_SPACE(12))
    except ConnectionResetError:
        data, ancillary = b"", []
    if not data:
        channels.pop(name).close()
        say(driver="closed", **{"from": name})
        return
    sender = 0
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            sender = struct.unpack("3i", value[:12])[0]
    pids.add(sender)
    say(**{"from": name, "sender": sender, **json.loads(data)})


def reap():
    os.read(child_read, 512)
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        pids.discard(pid)
        say(driver="exit", pid=pid, code=os.waitstatus_to_exitcode(status))


def obey(words):
    target = words[1] if len(words) > 1 and words[1] == "template" else int(words[1]) if len(words) > 1 else None
    if words[0] == "fork":
        fork(target, {"id": int(words[2])} if len(words) > 2 else {})
    elif words[0] == "start":
        start("worker", target)
    elif words[0] == "template":
        start("template", 0)
    elif words[0] == "stop":
        channels[target].send(b'{"command": "stop"}')
    elif words[0] == "close":
        channels.pop(target).close()
    elif words[0] == "signal":
        os.kill(int(words[1]), int(words[2]))
    elif words[0] == "slots":
        say(driver="slots", slots=[slot_of(index) for index in range(setup["workers"])])
    elif words[0] == "quit":
        return False
    return True


def main():
    listen()
    if setup["template"]:
        start("template", 0)
    else:
        for slot in range(setup["workers"]):
            start("worker", slot)
    commands = b""
    try:
        while True:
            watched = {child_read: None, 0: None, **{channel.fileno(): name for name, channel in channels.items()}}
            for fd in select.select(list(watched), [], [])[0]:
                if fd == child_read:
                    reap()
                elif fd == 0:
                    data = os.read(0, 65536)
                    if not data:
                        return
                    commands += data
                    while b"\n" in commands:
                        line, _, commands = commands.partition(b"\n")
                        if not obey(line.decode().split()):
                            return
                elif watched[fd] in channels and channels[watched[fd]].fileno() == fd:
                    hear(watched[fd])
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break


main()
