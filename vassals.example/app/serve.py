"""A web server of nothing but Python's own library, on the first socket that the emperor holds for it (LISTEN_FDS)."""

import http.server
import os
import signal
import socket
import threading

served = 0


def notify(message):
    """Tells the emperor something, as sd_notify(3) does."""
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(message.encode(), "\0" + address[1:] if address.startswith("@") else address)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global served
        body = f"Hello from {os.environ['VASSAL']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        served += 1
        notify(f"STATUS={served} requests served")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # The end waits for the answers that are under way.


assert os.environ.get("LISTEN_PID") == str(os.getpid()), "the emperor gives the socket: socket = ADDRESS"
server = Server(("", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=3)
server.socket.setblocking(False)  # Other copies accept from it, too.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
notify("READY=1\nSTATUS=no requests yet")
if "WATCHDOG_USEC" in os.environ:
    server.service_actions = lambda: notify("WATCHDOG=1")
server.serve_forever(poll_interval=0.5)
server.server_close()
