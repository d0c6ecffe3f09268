"""`serve --workers`: several processes behind one port are one gate, to its visitors and to who runs it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from glassgate.cli.main import commands
from journeys.demo import PROGRAM, free_ports, prepare
from journeys.provider import npm_provider
from journeys.visitor import Connection, Page, Visitor
from mitm import harness

WORKERS = 2
SCRIPT = {"Accept": "application/json"}


def config_of(demo, provider_port):
    def edit(config):
        config["lab"] = {"enabled": False}
        config.pop("groups")
        config["limits"] = {"drain_time": "5s"}
        config["metrics"] = {"listen": f"127.0.0.1:{demo.metrics_port}"}
        config["identity_providers"] = [
            {
                "id": "mock", "type": "oidc", "issuer": f"http://localhost:{provider_port}", "client_id": "glassgate",
                "client_secret": "it-asks-for-none", "client_auth": "client_secret_post", "claims": {"email": "mail"},
            }
        ]  # fmt: skip
        alice = {"name": "alice", "decision": "allow", "include": [{"email": "alice@contoso.example"}]}
        for app in config["apps"]:
            app["policies"] = [alice]

    return edit


@contextlib.contextmanager
def serving(folder, workers=WORKERS, command=()):
    """A gate with workers, an origin, and a provider that asks nobody for anything."""
    [provider_port] = free_ports(1)
    # The metrics of the workers have ports one after the other.
    demo = prepare(folder, ready=" answers.")
    demo.metrics_port = row_of_ports(workers)
    demo.command = [*command, *PROGRAM, "serve", "--workers", str(workers)]
    with harness.origin() as origin, npm_provider("mock-server.mjs", folder / "provider.txt", provider_port):
        demo.change(config_of(demo, provider_port))
        demo.change(lambda config: config["apps"][0].update(origin=f"http://127.0.0.1:{origin.port}"))
        demo.origin = origin
        try:
            demo.start()
            yield demo
        finally:
            demo.stop()


def row_of_ports(count):
    """The first of so many ports in a row that nobody listens on."""
    while True:
        [first] = free_ports(1)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def workers_of(demo):
    """The processes of the workers, the first process's children."""
    pid = demo.process.pid
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def served_by(demo, client):
    """The worker that has taken a connection: the one that has its other end open."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        number = inode(demo.port, client.getsockname()[1])
        for pid in workers_of(demo) if number else ():
            with contextlib.suppress(OSError):
                if any(str(one.readlink()) == f"socket:[{number}]" for one in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
        time.sleep(0.01)
    raise AssertionError("no worker takes it")


def inode(port, of):
    """The number of the socket at `port` whose other end is at `of`; "0" while nobody has taken it."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(f":{port:04X}") and words[2].endswith(f":{of:04X}"):
            return words[9] if words[9] != "0" else None
    return None


class At(Connection):
    """A connection to one worker."""

    demo = worker = None

    def connect(self):
        for _ in range(200):
            plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
            if served_by(self.demo, plain) == self.worker:
                self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)
                return
            plain.close()
        raise AssertionError("the kernel never leads there")


class Split(Visitor):
    """A browser each of whose requests goes to another worker than the one before."""

    def __init__(self, demo):
        super().__init__(demo.ca)
        self.demo, self.at, self.told = demo, 0, []

    def connection(self, host, port):
        made = At(host, port, self.context, self.timeout)
        made.demo, made.worker = self.demo, workers_of(self.demo)[self.at % WORKERS]
        self.at += 1
        self.told.append(made.worker)
        return made

    def ask(self, url, **more):
        if not url.startswith("http://"):
            return super().ask(url, **more)
        parts = urlsplit(url)  # the provider's
        with contextlib.closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)) as connection:
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            return Page(url, answer.status, answer.headers, answer.read())


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("workers")) as made:
        yield made


def ask_at(demo, worker, cookies, target="/"):
    """The status that one worker gives somebody with these cookies."""
    visitor = Split(demo)
    visitor.at = worker
    visitor.jars = {"wiki.localhost": dict(cookies)}
    return visitor.ask(demo.url("wiki", target), headers=SCRIPT).status


def test_it_says_once_that_all_answer(demo):
    assert demo.output == f"glassgate: https://team.localhost:{demo.port} answers. 2 workers.\n"
    assert len(workers_of(demo)) == WORKERS


def test_a_sign_in_goes_from_worker_to_worker(demo):
    visitor = Split(demo)
    page = visitor.open(demo.url("wiki", "/begun?a=b"))
    assert (page.status, page.url) == (200, demo.url("wiki", "/begun?a=b"))
    assert len(set(visitor.told)) == WORKERS
    assert all(first != second for first, second in pairwise(visitor.told))
    cookies = visitor.jars["wiki.localhost"]
    assert [ask_at(demo, worker, cookies) for worker in range(WORKERS)] == [200] * WORKERS


def test_a_sign_out_at_one_is_heard_by_all_within_a_second_and_a_bit(demo):
    visitor = Split(demo)
    visitor.open(demo.url("wiki"))
    cookies = dict(visitor.jars["wiki.localhost"])
    assert [ask_at(demo, worker, cookies) for worker in range(WORKERS)] == [200] * WORKERS  # both remember it
    visitor.at = 0
    visitor.ask(demo.url("wiki", "/cdn-cgi/access/logout"))
    ended = time.monotonic()
    assert ask_at(demo, 0, cookies) == 401
    while ask_at(demo, 1, cookies) == 200:
        assert time.monotonic() < ended + 3
    assert time.monotonic() - ended < 2  # what is remembered for a second, and the time to ask


def test_each_is_watched_at_a_port_of_its_own(demo):
    visitor = Split(demo)
    visitor.open(demo.url("wiki"))
    before = [allowed(demo, number) for number in range(WORKERS)]
    for worker in (0, 0, 1):
        assert ask_at(demo, worker, visitor.jars["wiki.localhost"]) == 200
    gained = [allowed(demo, number) - before[number] for number in range(WORKERS)]
    assert sorted(gained) == [1, 2]
    for number in range(WORKERS):
        with urllib.request.urlopen(f"http://127.0.0.1:{demo.metrics_port + number}/readyz", timeout=20) as answer:
            assert json.load(answer)["ready"]


def allowed(demo, number):
    """How many requests one worker let in."""
    with urllib.request.urlopen(f"http://127.0.0.1:{demo.metrics_port + number}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith('glassgate_requests_total{app="wiki",outcome="allowed"}')]
    return float(found[0].split()[-1]) if found else 0.0


def test_what_is_done_beside_it_counts_at_every_worker(demo):
    visitor = Split(demo)
    visitor.open(demo.url("wiki"))
    cookies, given = dict(visitor.jars["wiki.localhost"]), demo.config.read_text()
    nobody = {"name": "nobody", "decision": "deny", "include": [{"everyone": True}]}
    demo.change(lambda config: config["apps"][0].update(policies=[nobody]))

    def all_say(status):
        return lambda: [ask_at(demo, worker, cookies) for worker in range(WORKERS)] == [status] * WORKERS

    until(all_say(403))
    demo.config.write_text(given)
    until(all_say(200))
    assert CliRunner().invoke(commands, ["sessions", "revoke", "--all", "-c", str(demo.config)]).exit_code == 0
    until(all_say(401))


TURNS = 60


def test_they_write_one_audit_log_in_whole_lines(demo):
    threads = [threading.Thread(target=strangers, args=(demo, worker)) for worker in (0, 1, 0, 1)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    wanted = {f"/{worker}-{turn}" for worker in (0, 1) for turn in range(TURNS)}

    def counts():
        text = (demo.folder / "state" / "audit.jsonl").read_text()
        told = Counter(json.loads(line).get("Path") for line in text.splitlines()) if text.endswith("\n") else {}
        return {told.get(path) for path in wanted}

    until(lambda: counts() == {2})


def strangers(demo, worker):
    """Ask one worker many things without a session, over one connection."""
    made = At("wiki.localhost", demo.port, Visitor(demo.ca).context, 20)
    made.demo, made.worker = demo, workers_of(demo)[worker]
    with contextlib.closing(made):
        for turn in range(TURNS):
            made.request("GET", f"/{worker}-{turn}", headers=SCRIPT)
            assert made.getresponse().read()


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_signed_out(tmp_path):
    with serving(tmp_path) as demo:
        visitor = Split(demo)
        visitor.open(demo.url("wiki"))
        before = workers_of(demo)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: before[0] not in workers_of(demo))
        cookies = visitor.jars["wiki.localhost"]
        other = Visitor(demo.ca)
        other.jars = {"wiki.localhost": cookies}
        for _ in range(20):  # some of these wait for the new one
            assert other.ask(demo.url("wiki"), headers=SCRIPT).status == 200
        assert len(workers_of(demo)) == WORKERS
        assert before[0] not in workers_of(demo)
        assert demo.output.count("answers.") == 1
        assert "was ended by signal 9 (Killed); another takes its place" in demo.output


def test_what_is_under_way_is_answered_when_all_end(tmp_path):
    with serving(tmp_path) as demo:
        visitor = Split(demo)
        visitor.open(demo.url("wiki"))
        pids, cookies = workers_of(demo), visitor.jars["wiki.localhost"]
        made = At("wiki.localhost", demo.port, visitor.context, 20)
        made.demo, made.worker = demo, pids[1]
        with contextlib.closing(made):
            made.request("POST", "/slow", headers={**SCRIPT, "Cookie": cookie(cookies), "Content-Length": "4"})
            made.sock.sendall(b"ha")
            demo.process.terminate()
            until(lambda: refuses(demo.port))
            made.sock.sendall(b"lf")
            assert made.getresponse().status == 200
        assert demo.origin.log[-1][1:2] + demo.origin.log[-1][3:] == ("/slow", b"half")
        assert demo.process.wait(20) == 0
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def cookie(cookies):
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def until(holds, patience=10):
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


ACTIVATED = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_socket_of_systemd_is_everybodys(tmp_path, workers):
    with activated(tmp_path, workers) as demo:
        visitor = Visitor(demo.ca)
        if workers > 1:
            until(lambda: len({served(demo) for _ in range(10)}) == workers)
        assert visitor.ask(demo.url("wiki"), headers=SCRIPT).status == 401


def served(demo):
    with socket.create_connection(("127.0.0.1", demo.port), 20) as client:
        return served_by(demo, client)


@contextlib.contextmanager
def activated(folder, workers):
    """The gate as systemd starts it for a socket unit: the socket is there already, and is its number 3."""
    demo = prepare(folder, ready=" answers.")
    demo.change(config_of(demo, 1))
    demo.change(lambda config: config.pop("metrics"))
    demo.command = [
        sys.executable, "-c", ACTIVATED, str(demo.port), *PROGRAM, "serve", "--workers", str(workers),
    ]  # fmt: skip
    try:
        demo.start()
        yield demo
    finally:
        demo.stop()
