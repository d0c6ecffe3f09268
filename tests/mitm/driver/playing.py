"""An origin that does what a path says, and clients that stay connected."""

import contextlib
import http.client
import socket
import socketserver
import threading
import time

from mitm.raw import tls

PIECE = b"x" * 65536
BIG = 800 * len(PIECE)  # 50 MB: more than every buffer between an origin and a client


class Playing(socketserver.ThreadingTCPServer):
    """An origin. It answers with the path and the body that it got; `/big`, `/wait` and `/last` are what they say.

    It takes the body of `/later` later, and begins to answer `/talk` before.
    """

    daemon_threads = allow_reuse_address = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.go_on = threading.Event()
        self.again()

    def again(self):
        self.paths, self.connections, self.sent = [], 0, 0
        self.go_on.clear()
        return self

    @property
    def address(self):
        return ("127.0.0.1", self.server_address[1])


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        with contextlib.suppress(OSError):
            while line := self.rfile.readline():
                path = line.split(b" ")[1]
                headers = http.client.parse_headers(self.rfile)
                self.server.paths.append(path.decode())
                if path == b"/later":
                    self.server.go_on.wait(20)
                elif path == b"/talk":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nbegun")
                self.answer(path, self.rfile.read(int(headers.get("Content-Length", 0))))
                if path == b"/last":
                    return

    def answer(self, path, body):
        if path.startswith(b"/big"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
            for _ in range(BIG // len(PIECE)):
                self.wfile.write(PIECE)
                self.server.sent += len(PIECE)
            return
        if path.startswith(b"/wait"):
            self.server.go_on.wait(20)
        if path == b"/talk":
            self.wfile.write(b" and ended")
            return
        said = path + b" " + body
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))


@contextlib.contextmanager
def playing():
    with Playing() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()


class Client:
    """One client's connection, HTTP/1.1."""

    def __init__(self, ca, gate, cookie):
        self.headers = {"Cookie": cookie, "Host": f"wiki.localhost:{gate.port}"}
        self.http = http.client.HTTPConnection("wiki.localhost", gate.port)
        self.http.auto_open = 0
        self.http.sock = self.sock = tls(ca, gate.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def say(self, path, body=None):
        """Ask, and do not wait."""
        self.http.request("POST" if body else "GET", path, body, self.headers)

    def answer(self):
        got = self.http.getresponse()
        return got.status, got.read().decode()

    def ask(self, path, body=None):
        self.say(path, body)
        return self.answer()

    def send(self, path, more="", body=b"", method="GET"):
        """Send bytes that are not a whole request perhaps."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        self.sock.sendall(f"{method} {path} HTTP/1.1\r\n{lines}{more}".encode() + body)

    def rest(self):
        """All that comes till the gate closes the connection, however it does."""
        got = b""
        with contextlib.suppress(ConnectionError):
            while piece := self.sock.recv(65536):
                got += piece
        return got


def until(holds, patience=10):
    """Wait for a condition."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def settled(number, still=0.5):
    """What a number comes to, once it does not change any more."""
    last, since = number(), time.monotonic()
    while time.monotonic() - since < still:
        time.sleep(0.02)
        if (now := number()) != last:
            last, since = now, time.monotonic()
    return last


def nothing_left(gate, origin):
    """Wait till nothing is known of any client, and no connection to an origin is in use."""

    def left():
        of_origin, kept = gate.to_origin(origin.address)
        return len(gate.addon._verdicts) + len(gate.addon._layered) + len(gate.clients) + of_origin - kept

    until(lambda: gate.in_loop(left) == 0)


def closed_port():
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]
