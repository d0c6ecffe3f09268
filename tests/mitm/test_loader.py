"""The gate's place in a program: refusing from the first moment, started in one line or not at all."""

import asyncio
import contextlib
import http.client
import ssl
import threading
from dataclasses import dataclass, replace

import pytest
from mitmproxy import addonmanager, ctx, exceptions
from mitmproxy.addons import core, next_layer, proxyserver, script, tlsconfig
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow
from mitmproxy.tools.dump import DumpMaster

from glassgate.config.settings import Endpoint, Settings
from glassgate.errors import StartError
from glassgate.mitm.loader import Loader, Place
from journeys.visitor import Visitor
from mitm.harness import free_port, origin, signed_in


@dataclass
class Program:
    """A program that writes down what is done to it."""

    settings: Settings
    addon: object
    done: list

    def start(self):
        self.done.append("start")

    def follow(self, take):
        self.take = take

    def close(self):
        self.done.append("close")


class Silent:
    """An addon without hooks."""

    def watch(self, front):
        pass


def settings_of(certificates, folder, port):
    ca, leaf = certificates
    return Settings(
        path=folder / "config.yaml", team=Endpoint("team.localhost", port), listen=Endpoint("127.0.0.1", port),
        certificates=(leaf,), ca=ca, state=folder / "state", store="memory:", session_duration=86400, providers=(),
        apps=(),
    )  # fmt: skip


def master_of(place, *more, ahead=()):
    """A bare program with the place in it. Must be called in an event loop."""
    made = Master(Options(), asyncio.get_running_loop())
    made.addons.add(
        core.Core(), proxyserver.Proxyserver(), *ahead, place, next_layer.NextLayer(), tlsconfig.TlsConfig(), *more
    )
    made.options.update(glassgate_config="/there/config.yaml")
    return made


# While it runs

CHANGES = [
    ("ssl_insecure", True),
    ("ignore_hosts", ["wiki"]),
    ("rawtcp", True),
    ("stream_large_bodies", "1k"),
    ("validate_inbound_headers", False),
    ("http2", False),
]


@pytest.fixture(scope="module")
def world(gate, certificates, tmp_path_factory):
    with origin() as server, gate(certificates, tmp_path_factory.mktemp("gate"), server.port) as running:
        yield running, server


@pytest.mark.parametrize(("name", "value"), CHANGES, ids=[row[0] for row in CHANGES])
def test_a_dangerous_option_that_is_set_while_it_runs_is_taken_back(certificates, world, name, value):
    running, _ = world
    before = getattr(running.master.options, name)
    with pytest.raises(exceptions.OptionsError, match=name):
        running.in_loop(running.master.options.update, **{name: value})
    assert getattr(running.master.options, name) == before
    page = Visitor(certificates[0]).ask(running.url("wiki.localhost"), headers={"Cookie": signed_in(running.site)})
    assert page.status == 200
    assert Visitor(certificates[0]).ask(running.url("wiki.localhost"), headers={}).status == 401


def test_any_other_option_may_be_set_while_it_runs(world):
    running, _ = world
    running.in_loop(running.master.options.update, tcp_timeout=500)
    assert running.master.options.tcp_timeout == 500


def test_a_script_that_is_loaded_while_it_runs_is_taken_back(certificates, tmp_path):
    foreign = tmp_path / "foreign.py"
    foreign.write_text("def requestheaders(flow): flow.response = None\n")
    made = Program(settings_of(certificates, tmp_path, free_port()), Silent(), [])

    async def main():
        master = DumpMaster(Options(), with_termlog=False, with_dumper=False)
        place = Place(lambda _: made)
        master.addons.add(place, Stop(master, lambda: load(master)))
        master.options.update(confdir=str(tmp_path))
        await master.run()
        return master.options.scripts

    def load(master):
        with pytest.raises(exceptions.OptionsError, match="run it in a program of its own"):
            master.options.update(scripts=[str(foreign)])

    assert asyncio.run(main()) == []


class Stop:
    """Does something when everything runs, and ends the program."""

    def __init__(self, master, does=lambda: None):
        self.master, self.does = master, does

    def running(self):
        try:
            self.does()
        finally:
            self.master.shutdown()


# Before it stands


class Holding:
    """Holds up the start: the listener is open, and the gate has not been asked to run."""

    def __init__(self, began):
        self.began = began

    async def running(self):
        await ctx.master.addons.get("proxyserver").setup_servers()
        self.began.set()
        await asyncio.Event().wait()


@contextlib.contextmanager
def starting(certificates, folder, mode, strategy):
    """A program that listens already, in the mode of its command line, while the gate is still starting."""
    parts, began = [], threading.Event()

    async def main():
        master = master_of(Place(lambda _: pytest.fail("composed")), ahead=[Holding(began)])
        master.options.update(mode=[mode], connection_strategy=strategy, keep_host_header=True)
        master.options.update(confdir=str(folder), certs=[f"*={certificates[1]}"])
        parts.append(asyncio.get_running_loop())
        await master.run()

    def run():
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(main())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert began.wait(20)
        yield
    finally:
        [loop] = parts
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        thread.join(10)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(("strategy", "status"), [("eager", None), ("lazy", 503)], ids=["eager", "lazy"])
def test_before_it_stands_everything_is_refused_and_no_origin_is_reached(
    certificates, tmp_path, secure, strategy, status
):
    """A program that connects to its upstream first (mitmproxy's default) is not even let do that."""
    with origin() as server:
        port = free_port()
        with starting(certificates, tmp_path, f"reverse:http://127.0.0.1:{server.port}@127.0.0.1:{port}", strategy):
            assert refusal(port, secure) == status
        assert server.connections == 0


def refusal(port, secure):
    """The status of an answer that says to come back; None where the connection just ends."""
    context = ssl._create_unverified_context()
    more = {"context": context} if secure else {}
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(
        "127.0.0.1", port, timeout=10, **more
    )
    try:
        connection.request("POST", "/", b"hello", {"Host": "wiki.localhost"})
        answer = connection.getresponse()
        assert (answer.headers["Retry-After"], answer.read()) == ("5", b"")
        return answer.status
    except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):
        return None
    finally:
        connection.close()


def test_before_it_stands_no_address_may_be_connected_to():
    data = ServerConnectionHookData(tflow.tserver_conn(), tflow.tclient_conn())
    Place(lambda _: None).server_connect(data)
    assert "not started" in data.server.error


@pytest.mark.parametrize("made", [tflow.ttcpflow, tflow.tudpflow, tflow.tdnsflow], ids=["TCP", "UDP", "DNS"])
def test_nothing_but_http_passes(made):
    flow = made()
    flow.live = True
    hook = {"ttcpflow": "tcp_start", "tudpflow": "udp_start", "tdnsflow": "dns_request"}[made.__name__]
    getattr(Place(lambda _: None), hook)(flow)
    assert flow.error
    assert not flow.live


# The start


def start(certificates, folder, compose, **options):
    """Run a program to its start, and end it. Returns what was done to the program that was composed."""
    made = Program(settings_of(certificates, folder, free_port()), Silent(), [])

    async def main():
        asked = []
        master = master_of(Place(lambda path: asked.append(path) or compose(made)))
        master.addons.add(Stop(master))
        master.options.update(confdir=str(folder), **options)
        await master.run()
        assert [str(path) for path in asked] == ["/there/config.yaml"]

    asyncio.run(main())
    return made.done


def test_what_runs_beside_it_starts_with_it_and_ends_with_it(certificates, tmp_path):
    assert start(certificates, tmp_path, lambda made: made) == ["start", "close"]


def broken(made):
    raise StartError("The folder is not writable.", where="state", mend="make it so")


def taken(made):
    import socket

    holder = socket.create_server(("127.0.0.1", made.settings.listen.port))
    made.done.append(holder)  # open as long as the program is known
    return made


def insecure(made):
    return replace(made)


FAULTS = [
    ("a part that cannot be had", broken, {}, "state: The folder is not writable. (make it so)"),
    ("a port that is taken", taken, {}, "end what listens there, or change `listen`"),
    ("a dangerous option", insecure, {"ssl_insecure": True}, "ssl_insecure (origins would not be verified)"),
    # At an address that nobody has: mitmproxy begins to listen meanwhile, and would leave its socket to the collector.
    ("another listener", insecure, {"mode": ["reverse:http://x:1@192.0.2.1:1"]}, "asks for a listener at 192.0.2.1:1"),
]


@pytest.mark.parametrize(("compose", "options", "said"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_start_that_cannot_be_is_one_line_and_exit_code_1(certificates, tmp_path, capfd, compose, options, said):
    with pytest.raises(SystemExit) as ended:
        start(certificates, tmp_path, compose, **options)
    assert ended.value.code == 1
    [line] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("glassgate: ")]
    assert said in line


# Its place under mitmproxy's own programs


def test_it_stands_ahead_of_all_that_mitmproxy_decides_and_only_once():
    async def main():
        master = DumpMaster(Options(), with_termlog=False)
        for _ in range(3):
            Loader(lambda _: None).load(addonmanager.Loader(master))
        return master.addons.chain

    chain = asyncio.run(main())
    kinds = [type(addon) for addon in chain]
    assert kinds.count(Place) == 1
    assert kinds.index(Place) == kinds.index(script.ScriptLoader) + 1
    for later in (next_layer.NextLayer, tlsconfig.TlsConfig):
        assert kinds.index(Place) < kinds.index(later)
