"""A gate in this process, on real sockets, whose parts a test may replace by ones that fail."""

import asyncio
import contextlib
import http.server
import threading
from dataclasses import dataclass

from mitmproxy import addonmanager
from mitmproxy.connection import Server
from mitmproxy.options import Options
from mitmproxy.tools.dump import DumpMaster

from gate.site import NOW, Keys, app, person, site_of
from glassgate.access import token
from glassgate.access.app import Origin
from glassgate.access.session import Grant, Session, digest
from glassgate.config.limits import LIMITS
from glassgate.config.settings import Endpoint, Settings
from glassgate.gate.exchange import run
from glassgate.mitm.addon import GateAddon
from glassgate.mitm.driver.hooks import Whole
from glassgate.mitm.lanes import Lanes
from glassgate.mitm.layers.first import GateLayer
from glassgate.mitm.loader import Loader
from glassgate.mitm.masters import Ready, lean
from glassgate.mitm.tls import OriginTrust
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from journeys.demo import free_ports

__all__ = ["NOW", "Gate", "OriginServer", "gate", "origin", "signed_in"]


def free_port():
    return free_ports(1)[0]


class OriginServer(http.server.ThreadingHTTPServer):
    """An origin that writes down every request that reaches it."""

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.log = []
        self.hangs_up = False  # it takes requests, and ends the connection
        self.connections = 0

    @property
    def port(self):
        return self.server_address[1]

    def get_request(self):
        self.connections += 1
        return super().get_request()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        while self.headers.get("Transfer-Encoding") == "chunked":
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        self.server.log.append((self.command, self.path, dict(self.headers), body))
        if self.server.hangs_up:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Set-Cookie", "CF_Authorization=planted")
        self.send_header("Set-Cookie", "own=1")
        self.send_header("Cache-Control", "public, max-age=60")
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"ok")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def origin(port=0):
    server = OriginServer(port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Gate:
    """A gate that runs. `listener` is our driver's; a stock program has none."""

    front: str
    settings: Settings
    site: object
    addon: GateAddon
    loop: asyncio.AbstractEventLoop
    master: object
    listener: object

    def in_loop(self, call, *args, **more):
        """Call something in the gate's own thread."""

        async def run():
            return call(*args, **more)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)

    def take(self, core):
        """Go by another configuration, as after a change of its files."""
        self.master.addons.get("glassgate-place")._program.take(core)

    @property
    def door(self):
        """Our driver's listener and all its conversations."""
        return self.listener._door

    @property
    def clients(self):
        """The clients' connections that are open, by id: our driver's conversations, or mitmproxy's handlers."""
        if self.front == "driver":
            return self.door.conversations
        return self.master.addons.get("proxyserver").connections

    def to_origin(self, address):
        """(connections to an origin that are open, those of them that are kept for the next client)."""
        if self.front == "driver":
            return self.door.pool.counts(address)
        open_now = [one for handler in self.clients.values() for one in handler.transports if isinstance(one, Server)]
        return sum(one.address == address for one in open_now), 0

    def waiting(self, client):
        """Bytes that wait in this process for a client to take them."""
        if self.front == "driver":
            talk = self.clients[client]
            return talk.unsent + (talk.http.unsent if talk.http else 0)
        handler = self.clients[client]
        io = handler.transports.get(handler.client)
        unsent = io.writer.transport.get_write_buffer_size() if io else 0
        return unsent + sum(layer.unsent for layer in handler.layer.context.layers if isinstance(layer, GateLayer))

    def happens(self, client, event):
        """Have something happen on a client's connection, as from outside the layers."""
        if self.front == "driver":
            self.in_loop(self.clients[client].happened, event)
        else:
            asyncio.run_coroutine_threadsafe(self.clients[client].server_event(event), self.loop).result(20)

    @property
    def port(self):
        return self.settings.listen.port

    def url(self, host, target="/"):
        return f"https://{host}:{self.port}{target}"


@dataclass
class _Program:
    settings: Settings
    addon: GateAddon
    take: object = None  # what a change of the configuration is to be given to

    def start(self):
        pass

    def follow(self, take):
        self.take = take

    def close(self):
        pass


def _our_program(program, ready, earlier, origin_port):
    """As `up` and `serve` run it; with foreign addons as `web` does, whose hooks are the whole program's."""
    master, listener = lean(program, ready)
    program.addon.is_watched = True
    if earlier:
        listener._dispatch = lambda _: Whole(master.addons)
    return master, listener


def _stock_program(program, ready, earlier, origin_port):
    """As `mitmdump -s script.py --mode reverse:… --set glassgate_config=…` runs it; it prints nothing."""
    settings = program.settings
    mode = f"reverse:http://127.0.0.1:{origin_port or 1}@{settings.listen}"
    master = DumpMaster(Options(mode=[mode]), asyncio.get_running_loop(), with_termlog=False)
    Loader(lambda _: program).load(addonmanager.Loader(master))
    master.addons.add(Ready(ready))
    master.options.update(confdir=str(settings.state / "mitmproxy"), glassgate_config=str(settings.path))
    return master, None


_PROGRAMS = {"driver": _our_program, "stock": _stock_program}


async def _hang_up(master):
    """Close a stock program's listener, which lives as long as its process."""
    for server in tuple(master.addons.get("proxyserver").servers):
        await server.stop()


@contextlib.contextmanager
def gate(certificates, folder, origin_port, *, front="driver", addon=GateAddon, earlier=(), hosts=None, trust=None,
         lanes=None, recorder=None, apps=None, port=None, limits=LIMITS, **site):  # fmt: skip
    """Run a gate in a thread, on a front end: tests take it from the fixture `gate`, which says on which.

    `earlier` are foreign addons ahead of it; `limits` are our driver's, a stock program has none; `site` replaces
    parts of the site.
    """
    port = port or free_port()
    ca, leaf = certificates
    apps = apps or [app("wiki", "wiki.localhost", *_policies(), origin=Origin("http", "127.0.0.1", origin_port))]
    made = site_of(apps=apps, port=port, **site)
    settings = Settings(
        path=folder / "config.yaml", team=Endpoint("team.localhost", port), listen=Endpoint("127.0.0.1", port),
        certificates=(leaf,), ca=ca, state=folder / "state", store="memory:", session_duration=86400, providers=(),
        apps=tuple(apps), limits=limits, trusted_proxies=tuple(site.get("trusted_proxies", ())),
    )  # fmt: skip
    lanes = lanes or Lanes()
    parts = addon(made, recorder or Recorder(None, Metrics("0")), trust or OriginTrust(apps), lanes, hosts or {})
    ready, ended, loops = threading.Event(), [], []

    async def main():
        master, listener = _PROGRAMS[front](_Program(settings, parts), ready.set, earlier, origin_port)
        for foreign in earlier:
            master.addons.register(foreign)
            master.addons.chain.insert(0, foreign)
        loops.append((asyncio.get_running_loop(), master, listener))
        await master.run()
        if listener is None:
            await _hang_up(master)

    def thread():
        try:
            asyncio.run(main())
        except BaseException as fault:
            ended.append(fault)
            ready.set()

    running = threading.Thread(target=thread, daemon=True)
    running.start()
    assert ready.wait(20), "the gate did not start"
    assert not ended, ended
    try:
        yield Gate(front, settings, made, parts, *loops[0])
    finally:
        if running.is_alive():  # a test may have ended it
            loops[0][1].shutdown()
        running.join(10)
        lanes.close()


def _policies():
    from gate.site import STAFF

    return (STAFF,)


def signed_in(site, name="alice", host="wiki.localhost", now=None, asking=None):
    """A session in the site's store, and the Cookie header that presents it."""
    import time

    now = time.time() if now is None else now
    one, who = site.apps[host], person(name)
    session = Session(f"session-{name}", who, now, now + 3600, digest(f"cookie-{name}"), asking)
    run(site.sessions.begin(session, None, NOW))
    run(site.sessions.grant(f"nonce-{name}", Grant(session.id, one.aud, now + 3600)))
    text = token.mint(
        site.keys.signing, issuer=site.issuer, audience=one.aud, subject=who.user_id, email=who.email,
        nonce=f"nonce-{name}", now=now, expires=now + 3600,
    )  # fmt: skip
    return f"CF_Authorization={text}"


__all__ += ["Keys"]
