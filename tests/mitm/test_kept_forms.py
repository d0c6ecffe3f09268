"""Forms that meet an ended session, on real sockets: kept and sent whole; of what breaks off nothing is left."""

import contextlib
import threading
import time
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from gate.forms import Failing
from gate.site import STAFF, app, person
from glassgate.access import token
from glassgate.access.app import Origin
from glassgate.access.session import Grant, Session, digest
from glassgate.gate.exchange import run
from glassgate.mitm.addon import GateAddon
from journeys.visitor import NAVIGATION, Visitor
from mitm.harness import free_port, origin
from mitm.raw import Http2, tls

HOST, AWAY, TEAM = "wiki.localhost", "payroll.localhost", "team.localhost"
MULTIPART = "multipart/form-data; boundary=x"
PATIENCE = 5  # seconds for what happens a moment after


class Side:
    """A gate, its origin and its store, and a browser whose token has ended while its global session stands."""

    def __init__(self, gate, server, store, ca, port_of_later):
        self.gate, self.origin, self.store, self.ca, self.port_of_later = gate, server, store, ca, port_of_later

    def visitor(self, user, host=HOST):
        site, now = self.gate.site, time.time()
        nonce, cookie = site.chance(16), site.chance(32)
        session = Session(site.chance(16), person(user), now - 7200, now + 3600, digest(cookie))
        run(site.sessions.begin(session, None, now))
        audience, ended = site.apps[host].aud, now - 60
        run(site.sessions.grant(nonce, Grant(session.id, audience, ended)))
        run(site.forms.may_lapse(nonce, session, ended, now))
        minted = token.mint(
            site.keys.signing, issuer=site.issuer, audience=audience, subject=session.identity.user_id, email=None,
            nonce=nonce, now=ended - 60, expires=ended,
        )  # fmt: skip
        visitor = Visitor(self.ca)
        visitor.jars = {host: {"CF_Authorization": minted}, TEAM: {"__Host-CF_Authorization": cookie}}
        return visitor

    def headers(self, kind=MULTIPART, host=HOST):
        return {**NAVIGATION, "Origin": self.gate.url(host, ""), "Content-Type": kind}

    def head(self, visitor, framing):
        cookie = f"CF_Authorization={visitor.jars[HOST]['CF_Authorization']}"
        lines = {**self.headers(), "Host": f"{HOST}:{self.gate.port}", "Cookie": cookie, **framing}
        said = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST /save HTTP/1.1\r\n{said}\r\n".encode()

    def post(self, visitor, target="/save", body=b"note", host=HOST):
        """Send a form."""
        return visitor.ask(self.gate.url(host, target), method="POST", data=body, headers=self.headers(host=host))

    def page_after(self, visitor, answer):
        """What is found where a form was sent to, after the sign-in that is asked for there."""
        page = visitor.open(answer.headers["Location"])
        assert (page.status, "Your form was kept" in page.text) == (401, True)
        return visitor.open(page.headers["Refresh"].removeprefix("0; url="))

    def head_2(self, visitor):
        lines = {**self.headers(), "Cookie": f"CF_Authorization={visitor.jars[HOST]['CF_Authorization']}"}
        return [
            (":method", "POST"), (":scheme", "https"), (":authority", f"{HOST}:{self.gate.port}"), (":path", "/save"),
            *((name.lower(), value) for name, value in lines.items()),
        ]  # fmt: skip

    def send_on(self, visitor, page):
        """Press the button of the page that asks."""
        headers = self.headers("text/plain", urlsplit(page.url).hostname)
        return visitor.ask(page.url, method="POST", data=b"", headers=headers)

    def kept(self):
        """What there is of forms in the store."""
        return self.store.find("form", "", time.time()) + self.store.find("form_slot", "", time.time())

    def wait_till(self, condition, what):
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, f"in vain: {what}"
            time.sleep(0.02)

    def wait_till_nothing_is_kept(self):
        self.wait_till(lambda: not self.kept(), "nothing is left")


class Noting(GateAddon):
    """A gate that notes every flow, as mitmweb does."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.flows = []

    def requestheaders(self, flow):
        self.flows.append(flow)
        return super().requestheaders(flow)


@pytest.fixture(scope="module")
def running(gate, certificates, tmp_path_factory):
    store = Failing()
    with origin() as server:
        wiki = app("wiki", HOST, STAFF, origin=Origin("http", "127.0.0.1", server.port), keep_forms=4 << 20)
        later = free_port()  # where an application listens, but not yet
        away = app("payroll", AWAY, STAFF, origin=Origin("http", "127.0.0.1", later), keep_forms=4 << 20)
        folder = tmp_path_factory.mktemp("gate")
        with gate(certificates, folder, server.port, apps=[wiki, away], store=store, addon=Noting) as made:
            yield Side(made, server, store, certificates[0], later)


@pytest.fixture
def side(running):
    running.origin.log.clear()
    running.gate.addon.flows.clear()
    running.store.left, running.store.slow = 99, None
    running.gate.site.pace._buckets.clear()  # each test is a visitor of its own
    for space in ("form", "form_slot"):
        for key in running.store.find(space, "", time.time()):
            running.store.delete(space, key)
    return running


BODY = bytes(range(256)) * 8192  # 2 MiB


@pytest.mark.parametrize("size", [0, 5, 300_000, len(BODY)], ids=str)
def test_a_form_arrives_whole_once(side, size):
    body, visitor = BODY[:size], side.visitor("alice")
    answer = side.post(visitor, "/save?x=1", body)
    assert answer.status == 303
    assert side.origin.log == [], "nothing goes on before the sign-in"
    page = side.page_after(visitor, answer)
    assert "Send it now" in page.text
    assert side.send_on(visitor, page).body == b"ok"
    [(method, target, headers, got)] = side.origin.log
    assert (method, target, headers["Content-Type"]) == ("POST", "/save?x=1", MULTIPART)
    assert (int(headers["Content-Length"]), sha256(got).digest()) == (size, sha256(body).digest())
    assert side.send_on(visitor, page).status == 410
    assert len(side.origin.log) == 1
    side.wait_till_nothing_is_kept()


def test_no_list_of_flows_keeps_anything_of_it(side):
    visitor = side.visitor("alice")
    page = side.page_after(visitor, side.post(visitor, body=BODY[:300_000]))
    side.send_on(visitor, page)
    side.wait_till_nothing_is_kept()
    posts = [flow for flow in side.gate.addon.flows if flow.request.method == "POST"]
    assert [flow.request.raw_content for flow in posts] == [None, None]


def test_the_next_request_on_the_connection_is_its_own(side):
    """The length that the origin is told is that of what it gets: nothing of it is left to be read as a request."""
    visitor = side.visitor("alice")
    side.send_on(visitor, side.page_after(visitor, side.post(visitor, body=BODY[:1000])))
    assert visitor.ask(side.gate.url(HOST, "/after")).body == b"ok"
    assert [target for _, target, _, _ in side.origin.log] == ["/save", "/after"]


def test_where_the_application_is_away_it_waits_on(side):
    visitor = side.visitor("alice", AWAY)
    page = side.page_after(visitor, side.post(visitor, body=BODY, host=AWAY))
    away = side.send_on(visitor, page)
    assert (away.status, "Your form was not sent yet" in away.text) == (502, True)
    assert side.kept()
    with origin(side.port_of_later) as server:
        assert side.send_on(visitor, page).body == b"ok", "the page is loaded again"
        [(_, _, _, got)] = server.log
    assert sha256(got).digest() == sha256(BODY).digest()
    side.wait_till_nothing_is_kept()


def test_where_the_application_hangs_up_on_it_nobody_sends_it_again(side):
    visitor = side.visitor("alice")
    page = side.page_after(visitor, side.post(visitor))
    side.origin.hangs_up = True
    assert side.send_on(visitor, page).status == 502
    side.origin.hangs_up = False
    assert side.send_on(visitor, page).status == 410
    side.wait_till_nothing_is_kept()


def test_by_http_2_without_a_length_it_arrives_whole(side):
    visitor = side.visitor("alice")
    client = Http2(side.ca, side.gate.port, HOST)
    stream = client.ask_more(side.head_2(visitor))
    for start in range(0, len(BODY), 16_000):
        client.send(stream, BODY[start : start + 16_000])
    client.h2.end_stream(stream)
    client._flush()
    assert client.answer(stream)[0] == 303
    client.close()
    kept = side.store.find("form", "", time.time())
    pieces = [key for key in kept if not key.endswith("/0")]
    assert len(kept) == len(pieces) + 1, "and a head"
    sealed = sum(len(side.store.get("form", key, time.time())) for key in pieces)
    assert sealed == len(BODY) + 16 * len(pieces), "each byte, and a tag for each piece"
    assert len(pieces) <= len(BODY) // (256 * 1024) + 1
    assert side.origin.log == []


WRONG = [("less than was said", BODY[:500]), ("more than was said", BODY[:1500])]


@pytest.mark.parametrize("body", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_by_http_2_a_length_that_is_wrong_leaves_nothing(side, body):
    client = Http2(side.ca, side.gate.port, HOST)
    stream = client.ask([*side.head_2(side.visitor("alice")), ("content-length", "1000")], body)
    with contextlib.suppress(ConnectionError):  # it may be cut off at once
        assert client.answer(stream)[0] in (None, 400)
    client.close()
    side.wait_till_nothing_is_kept()
    assert side.origin.log == []


def test_by_http_1_what_follows_its_length_is_no_part_of_it(side):
    visitor = side.visitor("alice")
    with tls(side.ca, side.gate.port, HOST) as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(side.head(visitor, {"Content-Length": "5"}) + b"aaaaab: c\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 303")
    assert [len(side.store.get("form", key, time.time())) for key in side.store.find("form", "", time.time())][1:] == [
        21
    ]


TWO_LENGTHS = [
    ("chunks and a length", {"Transfer-Encoding": "chunked", "Content-Length": "5"}),
    ("a length that is none", {"Content-Length": "+5"}),
    ("two lengths", {"Content-Length": "5", "content-length": "6"}),
]


@pytest.mark.parametrize("framing", [row[1] for row in TWO_LENGTHS], ids=[row[0] for row in TWO_LENGTHS])
def test_what_can_be_read_in_two_ways_is_not_kept(side, framing):
    with tls(side.ca, side.gate.port, HOST) as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(side.head(side.visitor("alice"), framing) + b"5\r\naaaaa\r\n0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")
    assert side.kept() == []


BROKEN = [
    ("a length", {"Content-Length": "2000000"}, BODY[:1_000_000]),
    ("a length, at its first byte", {"Content-Length": "2000000"}, b""),
    ("chunks", {"Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n" % (1_000_000, BODY[:1_000_000])),
    ("chunks that are none", {"Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\nno\r\n" % (600_000, BODY[:600_000])),
]


@pytest.mark.parametrize(("framing", "data"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_of_one_whose_sender_goes_away_nothing_is_left(side, framing, data):
    visitor = side.visitor("alice")
    with tls(side.ca, side.gate.port, HOST) as connection:
        connection.sendall(side.head(visitor, framing) + data)
        if not data.endswith(b"no\r\n"):
            side.wait_till(side.kept, "it is begun")
    side.wait_till_nothing_is_kept()
    assert side.origin.log == []


@pytest.mark.parametrize("size", [600_000, 1000], ids=["a piece", "the last of it"])
def test_of_one_whose_sender_goes_away_while_it_is_written_nothing_is_left(side, size):
    begun, goes_on = threading.Event(), threading.Event()
    visitor = side.visitor("alice")

    def slow():
        begun.set()
        goes_on.wait(PATIENCE)

    side.store.slow = slow
    with tls(side.ca, side.gate.port, HOST) as connection:
        connection.sendall(side.head(visitor, {"Content-Length": str(size)}) + BODY[:size])
        assert begun.wait(PATIENCE)
    side.wait_till(lambda: not side.gate.clients, "the client is gone")
    goes_on.set()
    side.wait_till_nothing_is_kept()


def test_chunks_of_more_than_is_kept_are_refused_and_nothing_is_left(side):
    visitor = side.visitor("alice")
    with tls(side.ca, side.gate.port, HOST) as connection:
        connection.sendall(side.head(visitor, {"Transfer-Encoding": "chunked"}))
        connection.settimeout(PATIENCE)
        for _ in range(5):
            connection.sendall(b"%x\r\n%s\r\n" % (1 << 20, BODY[: 1 << 20]))
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
    side.wait_till_nothing_is_kept()


def test_one_that_is_too_large_is_told_before_it_is_sent(side):
    visitor = side.visitor("alice")
    with tls(side.ca, side.gate.port, HOST) as connection:
        connection.sendall(side.head(visitor, {"Content-Length": str((4 << 20) + 1)}) + b"x" * 100_000)
        connection.settimeout(PATIENCE)
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"Your form could not be kept" in answer
    assert side.kept() == []


def test_the_store_that_is_full_in_the_middle_is_told(side):
    visitor = side.visitor("alice")
    with tls(side.ca, side.gate.port, HOST) as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(side.head(visitor, {"Content-Length": "2000000"}) + BODY[:600_000])
        side.wait_till(lambda: side.store.find("form", "", time.time()), "a piece is written away")
        side.store.left = 0
        connection.sendall(BODY[:600_000])
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Your form could not be kept" in answer
    side.wait_till_nothing_is_kept()
    assert side.origin.log == []


def test_another_user_gets_nothing_of_it(side):
    visitor, bob = side.visitor("alice"), side.visitor("bob")
    assert side.post(visitor, body=b"secret").status == 303
    bob.open(side.gate.url(HOST, "/"))
    bob.jars[HOST] |= {name: value for name, value in visitor.jars[HOST].items() if "CF_Form" in name}
    page = bob.ask(side.gate.url(HOST, "/save"))
    assert (page.status, "not yours" in page.text, "secret" in page.text) == (403, True, False)
    assert [target for _, target, _, _ in side.origin.log] == ["/"]
    side.wait_till_nothing_is_kept()
