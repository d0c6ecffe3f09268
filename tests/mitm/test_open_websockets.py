"""An open WebSocket ends when its session, its token or its policy does, and nobody else's with it."""

import asyncio
import contextlib
import json
import threading
import time
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import urlencode

import pytest
from mitmproxy.test import tflow
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve

from gate.site import EVERYONE, PAYROLL, STAFF, WIKI, Party, app, person, request_of, site_of
from glassgate.access import token
from glassgate.access.app import Origin
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.seal import Purpose
from glassgate.access.session import Asking, Grant, Session, digest
from glassgate.errors import StoreError
from glassgate.gate.exchange import Forward, Lane, run
from glassgate.gate.journey import journey
from glassgate.gate.sessions import Sessions
from glassgate.mitm.guard import Live
from glassgate.mitm.lanes import WIDTHS, Lanes
from glassgate.mitm.open_websockets import EVERY, GRACE, MANNERS, WORDS, OpenWebsockets
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import ProviderRefused
from glassgate.oidc.kept import Kept
from glassgate.oidc.logout_token import LogoutToken
from glassgate.oidc.provider import Provider
from glassgate.oidc.relying_party import SignedIn
from glassgate.record.events import Action
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from glassgate.state.memory import MemoryStore
from mitm.raw import send, tls

PATIENCE = 10
KEPT = Kept("refresh-token", "issuer", "sub", "digest-of-a-nonce")
ENTRA = Provider("entra", "entra", "client", (ClientSecret("secret"),), recheck=3600)


class Asked(Party):
    """A provider that says of each person what a test wants: what they are now, or why they are nobody any more."""

    def __init__(self, answers, **more):
        super().__init__(ENTRA, person("alice"), **more)
        self.answers = answers

    def refresh(self, kept, identity, now):
        answer = self.answers.get(identity.name, identity)
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return SignedIn(answer, kept, ())


class FaultyStore(MemoryStore):
    """A store that works until it is told how to fail."""

    fault = None
    lease_fault = None

    def get(self, space, key, now):
        return self.fault(space, key) if self.fault else super().get(space, key, now)

    def add(self, space, *more):
        return self.lease_fault() if self.lease_fault else super().add(space, *more)


class Listening(Recorder):
    """A recorder that remembers what it was told."""

    def __init__(self):
        super().__init__(None, Metrics("0"))
        self.events = []

    def tell(self, event):
        self.events.append(event)

    def closed(self):
        return [event for event in self.events if event.action is Action.WEBSOCKET_CLOSED]


def away(*_):
    raise StoreError("The store is away.")


def boom(*_):
    raise RuntimeError("a fault that a test made")


def let_in(site, name, host=WIKI, *, session=None, expires=3600.0, due=None, sid=None):
    """A session in the store, which is asked for again `due` seconds from now, and the token that presents it."""
    now, one, who = time.time(), site.apps[host], person(name, idp_session=sid)
    asking = Asking(site.seal.close(Purpose.KEPT, KEPT.to_json(), now), now + due, now) if due else None
    begun = Session(session or f"session-{name}", who, now, now + 3600, digest(f"cookie-{name}"), asking)
    run(site.sessions.begin(begun, None, now))
    nonce = f"nonce-{name}-{host}"
    run(site.sessions.grant(nonce, Grant(begun.id, one.aud, now + 3600)))
    return token.mint(
        site.keys.signing, issuer=site.issuer, audience=one.aud, subject=who.user_id, email=who.email, nonce=nonce,
        now=now, expires=now + expires,
    )  # fmt: skip


# From outside: real clients, a real origin


class Echoes:
    """An origin that says every message back, and remembers how each of its connections ended, by their paths."""

    def __init__(self):
        self.ended = {}

    def __call__(self, connection):
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)
        self.ended[connection.request.path] = connection.protocol.close_code


class Visit:
    """Somebody's open WebSocket."""

    def __init__(self, name, path, talk):
        self.name, self.path, self._talk = name, path, talk

    def echoes(self):
        """Whether it goes both ways."""
        try:
            self._talk.send(self.name)
            return self._talk.recv(PATIENCE) == self.name
        except ConnectionClosed:
            return False

    def closed(self):
        """How it was closed, once it was."""
        with pytest.raises(ConnectionClosed):
            self._talk.recv(PATIENCE)
        return self._talk.protocol.close_code, self._talk.protocol.close_reason


def visit(running, name, host, text):
    """Opens somebody's WebSocket."""
    return connect(
        f"ws://{host}:{running.port}/{name}/{host}", sock=tls(running.ca, running.port, host, threads=True),
        origin=f"https://{host}:{running.port}", additional_headers={"Cookie": f"CF_Authorization={text}"},
    )  # fmt: skip


@dataclass
class World:
    """What the causes work on."""

    gate: object
    site: object
    store: FaultyStore
    party: Asked
    texts: dict
    rules: dict = field(default_factory=dict)  # what the policy of payroll says of a person, where it is not yes


def signs_out(world, name):
    head = f"GET /cdn-cgi/access/logout HTTP/1.1\r\nHost: {WIKI}:{world.gate.port}\r\nSec-Fetch-Mode: navigate\r\n"
    cookie = f"Sec-Fetch-Dest: document\r\nCookie: CF_Authorization={world.texts[name, WIKI]}\r\n\r\n"
    assert b" 302 " in send(world.gate.ca, world.gate.port, (head + cookie).encode())


def is_signed_out_by_the_provider(world, name):
    world.party.logout = LogoutToken(None, f"sid-{name}", "jti", time.time() + 600)
    body = urlencode({"logout_token": "the.logout.token"})
    head = (
        f"POST /cdn-cgi/access/backchannel-logout/entra HTTP/1.1\r\nHost: team.localhost:{world.gate.port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    assert b" 200 " in send(world.gate.ca, world.gate.port, head.encode(), "team.localhost")


def is_ended_elsewhere(world, name):
    elsewhere = Sessions(world.store)
    run(elsewhere.end(run(elsewhere.by_id(f"session-{name}", time.time()))))


def nothing(world, name):
    """Time goes by."""


def says(answer):
    def cause(world, name):
        world.rules[name] = answer

    return cause


DISABLED = ProviderRefused("invalid_grant", "AADSTS50057: words", code="AADSTS50057")
FACTOR = ProviderRefused("invalid_grant", "AADSTS50076: words", code="AADSTS50076", suberror="basic_action")

# Who, where, what happens, what their session has of its own, and what is said of it.
CAUSES = [
    ("alice signs out", "alice", WIKI, signs_out, {}, "session_ended"),
    ("alice signs out, at the other app", "alice", PAYROLL, nothing, {}, "session_ended"),
    ("signed out at the provider", "bert", WIKI, is_signed_out_by_the_provider, {"sid": "sid-bert"}, "session_ended"),
    ("ended in another process", "cora", WIKI, is_ended_elsewhere, {}, "session_ended"),
    ("the token expires", "dora", WIKI, nothing, {"expires": 3.0}, "expired"),
    ("the account was disabled", "emil", WIKI, nothing, {"due": 2.0}, "session_ended"),
    ("a factor is due", "fred", WIKI, nothing, {"due": 2.0}, "interaction_needed"),
    ("out of a group", "gina", PAYROLL, nothing, {"due": 2.0}, "policy"),
    ("the time of a policy is over", "hugo", PAYROLL, says(False), {}, "policy"),
    ("a policy does not know any more", "iris", PAYROLL, says(None), {}, "policy"),
    ("a policy breaks", "jack", PAYROLL, says(boom), {}, "fault"),
]
# The same people elsewhere, and others.
STAY = [("hugo", WIKI), ("jack", WIKI), ("gina", WIKI), ("nora", WIKI), ("nora", PAYROLL), ("otto", WIKI)]
SESSIONS = {name: more for _, name, _, _, more, _ in CAUSES}


@dataclass
class Ended:
    """What was seen of the causes, and then of a store that went away."""

    how: dict  # (name, host): (code, reason, seconds till then)
    origin: dict  # (name, host): its origin's close code
    stayed: dict  # (name, host): whether it goes both ways
    without_store: list  # (code, reason, seconds till then)
    events: list
    left: int  # WebSockets that the gate still knows, when all is over


@pytest.fixture(scope="module")
def ended(gate, certificates, tmp_path_factory):
    """Everything happens at once, so that it takes no longer than one of them."""
    party = Asked({"emil": DISABLED, "fred": FACTOR, "gina": replace(person("gina"), groups=frozenset({"none"}))})
    rules, store, recorder, echoes = {}, FaultyStore(), Listening(), Echoes()
    finance = Policy("finance", Decision.ALLOW, (EVERYONE,), require=(Rule("now", lambda facts: _now(rules, facts)),))
    with serve(echoes, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = Origin("http", "127.0.0.1", server.socket.getsockname()[1])
        apps = [app("wiki", WIKI, STAFF, origin=origin), app("payroll", PAYROLL, finance, origin=origin)]
        given = {"apps": apps, "store": store, "parties": {"entra": party}, "recorder": recorder}
        with contextlib.ExitStack() as stack:
            running = stack.enter_context(gate(certificates, tmp_path_factory.mktemp("gate"), 0, **given))
            running.ca = certificates[0]
            yield _all_ends(World(running, running.site, store, party, {}, rules), echoes, recorder, stack)


def _now(rules, facts):
    said = rules.get(facts.identity.name, facts.identity.groups == frozenset())
    return said(facts) if callable(said) else said


def _all_ends(world, echoes, recorder, stack):
    wanted = dict.fromkeys([*((name, host) for _, name, host, *_ in CAUSES), *STAY])
    visits = {}
    for name, host in wanted:
        text = world.texts[name, host] = let_in(world.site, name, host, **SESSIONS.get(name, {}))
        talk = stack.enter_context(visit(world.gate, name, host, text))
        visits[name, host] = Visit(name, f"/{name}/{host}", talk)
    assert all(visit.echoes() for visit in visits.values())
    how, waiting, began = {}, [], time.monotonic()

    def wait(key):
        how[key] = (*visits[key].closed(), time.monotonic() - began)

    for _, name, host, cause, *_ in CAUSES:
        waiting.append(threading.Thread(target=wait, args=((name, host),), daemon=True))
        waiting[-1].start()
        cause(world, name)
    for thread in waiting:
        thread.join(PATIENCE)
    stayed = {key: visits[key].echoes() for key in STAY}
    events = list(recorder.closed())
    world.store.fault, began, without = away, time.monotonic(), []
    for key in STAY:
        without.append((*visits[key].closed(), time.monotonic() - began))
    until = time.monotonic() + PATIENCE
    while (len(echoes.ended) < len(visits) or _known(world)) and time.monotonic() < until:
        time.sleep(0.01)
    at_origin = {key: echoes.ended.get(visit.path) for key, visit in visits.items()}
    return Ended(how, at_origin, stayed, without, events, _known(world))


def _known(world):
    addon = world.gate.addon
    return world.gate.in_loop(lambda: len(addon._websockets) + len(addon._verdicts))


@pytest.mark.parametrize("row", CAUSES, ids=[row[0] for row in CAUSES])
def test_it_is_closed_on_both_sides_with_a_reason_within_five_seconds(ended, row):
    _, name, host, _, more, reason = row
    code, words, seconds = ended.how[name, host]
    assert (code, words) == (1008, WORDS.get(reason, "You are not let in any more."))
    assert seconds - more.get("due", 0) - more.get("expires", 0) < 5
    assert ended.origin[name, host] == 1001, "its origin was told, too"
    [event] = [one for one in ended.events if (one.email, one.app_domain) == (person(name).email, host)]
    assert (event.reason, event.allowed, event.path) == (reason, False, f"/{name}/{host}")


@pytest.mark.parametrize("key", STAY, ids=[f"{name} at {host}" for name, host in STAY])
def test_those_of_others_and_at_other_apps_stay_open(ended, key):
    assert ended.stayed[key]


def test_without_a_store_all_are_closed_within_five_seconds(ended):
    assert {one[:2] for one in ended.without_store} == {(1008, WORDS["undecided"])}
    assert all(2 < seconds < 5 for _, _, seconds in ended.without_store), "a moment's fault ends nothing"


def test_nothing_is_left_of_those_that_were_closed(ended):
    assert ended.left == 0
    assert not [key for key, code in ended.origin.items() if code is None]


def test_a_client_that_takes_nothing_is_hung_up_on(gate, certificates, tmp_path):
    """Whatever waits for it, its origin is let go, and nothing more is said to it."""
    poured, gone = threading.Event(), threading.Event()

    def pour(connection):
        with contextlib.suppress(ConnectionClosed):
            while True:
                connection.send(bytes(4 << 20))
                poured.set()
        gone.set()

    with serve(pour, "127.0.0.1", 0, close_timeout=1) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wiki = app("wiki", WIKI, STAFF, origin=Origin("http", "127.0.0.1", server.socket.getsockname()[1]))
        with gate(certificates, tmp_path, 0, apps=[wiki]) as running:
            text = let_in(running.site, "alice")
            with tls(certificates[0], running.port, WIKI) as client:
                client.sendall(_upgrade(running.port, text))
                assert b" 101 " in client.recv(4096)
                assert poured.wait(PATIENCE)
                run(running.site.sessions.end(run(running.site.sessions.by_id("session-alice", time.time()))))
                assert gone.wait(5)


class Holding:
    """A foreign addon that holds every message for ever, as somebody does who looks at it."""

    name = "holding"

    def __init__(self):
        self.holds = threading.Event()

    async def websocket_message(self, flow):
        self.holds.set()
        await asyncio.Event().wait()


def test_one_whose_message_is_held_is_hung_up_on(gate, certificates, tmp_path):
    echoes, holding = Echoes(), Holding()
    with serve(echoes, "127.0.0.1", 0, close_timeout=1) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wiki = app("wiki", WIKI, STAFF, origin=Origin("http", "127.0.0.1", server.socket.getsockname()[1]))
        with gate(certificates, tmp_path, 0, apps=[wiki], earlier=[holding]) as running:
            running.ca = certificates[0]
            with visit(running, "alice", WIKI, let_in(running.site, "alice")) as talk:
                talk.send("hello")
                assert holding.holds.wait(PATIENCE)
                began = time.monotonic()
                run(running.site.sessions.end(run(running.site.sessions.by_id("session-alice", time.time()))))
                with pytest.raises(ConnectionClosed):
                    talk.recv(PATIENCE)
                assert time.monotonic() - began < 5
            while not echoes.ended:
                assert time.monotonic() - began < 5
                time.sleep(0.01)


def _upgrade(port, text):
    return (
        f"GET / HTTP/1.1\r\nHost: {WIKI}:{port}\r\nOrigin: https://{WIKI}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Cookie: CF_Authorization={text}\r\n\r\n"
    ).encode()


# From inside: a tick at a time


class Front:
    """A front end that writes down what it is told; its WebSockets close when a test says so."""

    def __init__(self):
        self.closed, self.hung_up, self.fault = [], [], None

    def close_websocket(self, event):
        self.closed.append(event)
        if self.fault:
            raise self.fault

    def hang_up(self, client):
        self.hung_up.append(client)


class Stage:
    """Open WebSockets whose time goes by as a test wants."""

    def __init__(self, store=None, rule=lambda facts: True, widths=WIDTHS, **site):
        policy = Policy("now", Decision.ALLOW, (Rule("now", rule),))
        self.store = store or FaultyStore()
        self.site = site_of(apps=[app("wiki", WIKI, policy)], store=self.store, **site)
        self.lanes, self.recorder, self.front = Lanes(widths), Listening(), Front()
        self.now = time.time()
        self.all = OpenWebsockets(self.site, self.lanes, self.recorder, lambda: self.now)
        self.all._front = self.front

    def open(self, name, *, peer="127.0.0.1", text=None, **more):
        """A WebSocket, let in by the journey itself."""
        text = text or let_in(self.site, name, **more)
        sent = {"cookie": f"CF_Authorization={text}", "upgrade": "websocket", "origin": f"https://{WIKI}:8443"}
        request = request_of(f"/{name}", headers=sent, at=self.now, peer=peer)
        outcome = run(journey(self.site, request))
        assert isinstance(outcome, Forward)
        flow = tflow.tflow()
        self.all.opened(flow, Live(replace(request, peer=ip_address(peer)), outcome, ("127.0.0.1", 1)))
        return flow

    async def ticks(self, count=EVERY + 1, patience=200):
        """Let time go by, and wait for what does not hang: no longer than so many hundredths of a second a tick."""
        for _ in range(count):
            self.now += 0.1
            self.all.tick()
            for _ in range(patience):
                if not self.all._tasks:
                    break
                await asyncio.wait(self.all._tasks, timeout=0.01)

    def flows_closed(self):
        return [event.flow for event in self.front.closed]


def play(scene):
    """Run a scene in a loop of its own."""

    async def within():
        async with asyncio.timeout(PATIENCE):
            await scene()

    asyncio.run(within())


def test_one_that_nobody_would_close_is_not_opened():
    stage = Stage()
    stage.all._front = None
    with pytest.raises(LookupError):
        stage.open("alice")
    assert len(stage.all) == 0


def test_those_of_one_token_are_judged_once_a_second_together():
    asked = []

    async def scene():
        stage = Stage(rule=lambda facts: asked.append(facts) or True)
        text = let_in(stage.site, "alice")
        for _ in range(50):
            stage.open("alice", text=text)
        asked.clear()
        await stage.ticks(3 * EVERY)
        assert len(asked) == 3
        assert len(stage.all) == 50

    play(scene)


def changed(stage, *policies, **site):
    """The stage's site with other policies for the wiki; with none, without the wiki."""
    apps = [app("wiki", WIKI, *policies)] if policies else [app("other", PAYROLL, STAFF)]
    return site_of(apps=apps, store=stage.store, keys=stage.site.keys, **site)


NOBODY = Policy("nobody", Decision.DENY, (EVERYONE,))
CHANGED = [
    ("who may is let be", [STAFF], []),
    ("who may not any more", [NOBODY], ["policy"]),
    ("the app is gone", [], ["app_gone"]),
]


@pytest.mark.parametrize(("policies", "reasons"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED])
def test_another_configuration_counts_for_those_that_are_open(policies, reasons):
    async def scene():
        stage = Stage()
        stage.open("alice")
        stage.all.take(changed(stage, *policies))
        late = stage.open("alice", text=let_in(stage.site, "alice"))  # let in just before, opened just after
        await stage.ticks()
        assert [event.reason for event in stage.recorder.closed()] == reasons * 2
        assert (late in stage.flows_closed()) is bool(reasons)

    play(scene)


@pytest.mark.parametrize("talks", [True, False], ids=["somebody talks", "nobody does"])
def test_a_session_is_in_use_while_somebody_talks(talks):
    async def scene():
        stage = Stage()
        idle = Sessions(stage.store, 300, stage.now)
        stage.site = changed(stage, STAFF, sessions=idle)
        stage.all.take(stage.site)
        flow = stage.open("alice")
        for _ in range(7):
            stage.now += 50
            if talks:
                stage.all.heard(flow)
            await stage.ticks()
        assert [event.reason for event in stage.recorder.closed()] == ([] if talks else ["session_ended"])

    play(scene)


def test_an_address_is_judged_of_its_own():
    async def scene():
        stage = Stage(rule=lambda facts: str(facts.ip) not in banned)
        text = let_in(stage.site, "alice")
        here, there = (stage.open("alice", text=text, peer=peer) for peer in ("192.0.2.1", "192.0.2.2"))
        banned.add("192.0.2.2")
        await stage.ticks()
        assert stage.flows_closed() == [there]
        assert here not in stage.flows_closed()

    banned = set()
    play(scene)


def test_the_work_is_spread_over_the_second():
    asked = []

    async def scene():
        stage = Stage(rule=lambda facts: asked.append(facts) or True)
        for number in range(100):
            stage.open(f"n{number}")
        await stage.ticks(2 * EVERY)
        asked.clear()
        counts = []
        for _ in range(EVERY):
            await stage.ticks(1)
            counts.append(len(asked))
            asked.clear()
        assert counts == [100 / EVERY] * EVERY

    play(scene)


def test_a_share_is_read_in_one_go():
    class Counting(FaultyStore):
        reads = ()

        def get_all(self, space, keys, now):
            self.reads += ((space, len(keys)),)
            return super().get_all(space, keys, now)

    async def scene():
        stage = Stage(store=Counting())
        for number in range(30):
            stage.open(f"n{number}")
        await stage.ticks(EVERY)
        assert stage.store.reads == (("grant", 3), ("session", 3))

    play(scene)


def test_who_closes_is_known_no_more():
    async def scene():
        stage = Stage()
        flow, other, earlier = stage.open("alice"), stage.open("bob"), tflow.tflow()
        earlier.client_conn = flow.client_conn
        for foreign in (tflow.tflow(), earlier):
            stage.all.ended(foreign)
        assert len(stage.all) == 2
        stage.all.ended(flow)
        stage.all.client_left(flow.client_conn.id)
        assert (len(stage.all), len(stage.all._companies)) == (1, 1)
        stage.store.fault = away
        await stage.ticks(EVERY + GRACE + 1)
        assert stage.flows_closed() == [other]

    play(scene)


def test_a_fault_of_a_moment_ends_nothing():
    async def scene():
        stage = Stage()
        stage.open("alice")
        for _ in range(3):
            stage.store.fault = away
            await stage.ticks(GRACE - 5)
            stage.store.fault = None
            await stage.ticks(EVERY)
        assert stage.front.closed == []

    play(scene)


def test_one_that_cannot_be_judged_is_closed_after_a_while_and_not_before():
    async def scene():
        stage = Stage()
        flow = stage.open("alice")
        stage.store.fault = away
        await stage.ticks(EVERY + GRACE)
        assert stage.front.closed == []
        await stage.ticks(1)
        [event] = stage.front.closed
        assert (event.flow, event.code, event.reason) == (flow, 1008, WORDS["undecided"])
        assert [one.reason for one in stage.recorder.closed()] == ["undecided"]
        assert "undecided" in flow.comment

    play(scene)


def test_a_store_that_hangs_is_one_that_is_away():
    async def scene():
        goes_on = threading.Event()
        stage = Stage(widths={**WIDTHS, Lane.STORE: replace(WIDTHS[Lane.STORE], threads=8)})
        stage.open("alice")
        stage.store.fault = lambda *_: goes_on.wait(PATIENCE) and away()
        for _ in range(EVERY + GRACE + 1):
            stage.all.tick()
            assert len(stage.all._tasks) <= 2, "it is not asked again and again"
            await asyncio.sleep(0)
        assert len(stage.front.closed) == 1
        goes_on.set()
        await asyncio.wait(stage.all._tasks)

    play(scene)


GARBAGE = [b"garbage", b'{"v":1}', b"7"]


@pytest.mark.parametrize("stored", GARBAGE)
def test_a_session_that_cannot_be_read_ends_its_own_alone(stored):
    async def scene():
        stage = Stage()
        flow = stage.open("alice")
        for number in range(2 * EVERY):
            stage.open(f"n{number}")
        stage.store.put("session", "session-alice", stored, stage.now + 600)
        await stage.ticks(EVERY + GRACE + 5)
        assert stage.flows_closed() == [flow]
        assert [one.reason for one in stage.recorder.closed()] == ["fault"]

    play(scene)


def test_a_lease_that_cannot_be_had_is_a_store_that_is_away():
    async def scene():
        stage = Stage()
        stage.open("alice", due=0.5)
        stage.store.lease_fault = away
        await stage.ticks(GRACE - 5)
        assert stage.front.closed == []
        stage.store.lease_fault = None
        await stage.ticks(EVERY)
        assert stage.front.closed == []

    play(scene)


def test_what_comes_late_is_not_told_twice():
    goes_on = threading.Event()

    def slow():
        goes_on.wait(PATIENCE)
        return DISABLED

    async def scene():
        stage = Stage(parties={"entra": Asked({"alice": slow})})
        flow = stage.open("alice", due=0.5)
        await stage.ticks(patience=1)
        stage.site.sessions._forget("session-alice")
        await stage.ticks(patience=1)
        assert stage.flows_closed() == [flow]
        goes_on.set()
        await asyncio.wait(stage.all._tasks)
        assert (stage.flows_closed(), len(stage.recorder.closed())) == ([flow], 1)

    play(scene)


def test_a_provider_that_takes_its_time_holds_up_nobody():
    """It is asked once; meanwhile what is known counts, and what it says at last."""
    asked, goes_on = [], threading.Event()

    def slow():
        asked.append(None)
        goes_on.wait(PATIENCE)
        return DISABLED

    async def scene():
        stage = Stage(parties={"entra": Asked({"alice": slow})})
        flow, other = stage.open("alice", due=0.5), stage.open("bob")
        await stage.ticks(EVERY + GRACE + 10, patience=1)
        assert (stage.front.closed, len(asked)) == ([], 1)
        stage.site.sessions._forget("session-bob")
        await stage.ticks(patience=1)
        assert stage.flows_closed() == [other]
        goes_on.set()
        await asyncio.wait(stage.all._tasks)
        assert stage.flows_closed() == [other, flow]
        assert [event.action for event in stage.recorder.events if event.email == person("alice").email] == [
            Action.SESSION_ENDED, Action.WEBSOCKET_CLOSED,
        ]  # fmt: skip

    play(scene)


@pytest.mark.parametrize("fault", [None, ValueError("not live")], ids=["it does not close", "it cannot be told"])
def test_one_that_does_not_close_is_hung_up_on(fault):
    async def scene():
        stage = Stage()
        text = let_in(stage.site, "alice")
        ours = [stage.open("alice", text=text) for _ in range(2)]
        stage.open("bob")
        stage.front.fault = fault
        stage.site.sessions._forget("session-alice")
        await stage.ticks()
        assert (stage.flows_closed(), stage.front.hung_up) == (ours, [])
        await stage.ticks(MANNERS)
        assert stage.front.hung_up == [flow.client_conn.id for flow in ours]
        await stage.ticks(MANNERS + EVERY)
        assert (stage.flows_closed(), len(stage.front.hung_up), len(stage.all)) == (ours, 2, 1)

    play(scene)


def test_it_closes_with_good_manners_and_is_not_hung_up_on():
    async def scene():
        stage = Stage()
        flow = stage.open("alice")
        stage.site.sessions._forget("session-alice")
        await stage.ticks()
        stage.all.ended(flow)
        await stage.ticks(MANNERS + 1)
        assert (stage.front.hung_up, len(stage.all)) == ([], 0)

    play(scene)


def test_a_loop_that_stood_still_makes_up_for_nothing():
    """So that nobody is closed for a time in which nobody could be asked."""

    def stand_still():
        time.sleep(1)

    async def scene():
        stage = Stage()
        stage.all.watch(stage.front)
        stand_still()
        before = stage.all._tick
        await asyncio.sleep(0.25)
        stage.all.done()
        assert before == 0
        assert 1 <= stage.all._tick <= 4

    play(scene)


def test_all_of_it_is_within_five_seconds():
    assert (EVERY + 1 + GRACE + MANNERS + 1) * 0.1 < 5


def test_words_fit_into_a_frame():
    assert max(len(json.dumps(words)) for words in WORDS.values()) <= 123
