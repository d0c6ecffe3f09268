"""Fail closed: a fault in any hook and in any dependency, and nothing of it reaches an origin.

Each row breaks one part, then asks twice: as a stranger, and as somebody who is signed in. The origin's own log is
what counts.
"""

import time
from dataclasses import replace

import pytest
from mitmproxy import exceptions

from gate.site import STAFF, Keys, Party, app
from glassgate.access.app import Origin
from glassgate.access.policy import Rule
from glassgate.access.seal import Purpose
from glassgate.access.session import Asking
from glassgate.errors import StoreError
from glassgate.mitm.addon import GateAddon
from glassgate.mitm.guard import Verdicts
from glassgate.mitm.lanes import WIDTHS, Lanes
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import ProviderUnavailable
from glassgate.oidc.kept import Kept
from glassgate.oidc.provider import Provider
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from glassgate.state.memory import MemoryStore
from journeys.visitor import Visitor
from mitm.harness import OriginServer, origin, signed_in

HANG = 30.0  # seconds that a hanging part sleeps: longer than any test waits for an answer
KEPT = Kept("refresh-token", "issuer", "sub", "digest-of-a-nonce")
QUICK = {lane: replace(width, seconds=0.3) for lane, width in WIDTHS.items()}


def boom(*_, **__):
    raise RuntimeError("a fault that a test made")


def hang(*_, **__):
    time.sleep(3)


class FaultyStore(MemoryStore):
    """A store that works until it is told how to fail."""

    fault = None

    def get(self, space, key, now):
        return self.fault(space, key) if self.fault else super().get(space, key, now)

    def add(self, *args):
        return self.fault(*args) if self.fault else super().add(*args)


def no_store(*_):
    raise StoreError("The store is away.")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (no_store, 503),
        (boom, 503),
        (hang, 503),
        (lambda *_: b"garbage", 503),
        (lambda *_: b'{"v":1}', 503),
        (lambda *_: 7, 503),
        (lambda *_: b'{"v":2}', 302),
        (lambda *_: None, 302),
    ],
    ids=["away", "raises", "hangs", "garbage", "half", "no bytes", "another format", "forgets"],
)
def test_store(gate, certificates, tmp_path, fault, status):
    store = FaultyStore()
    with origin() as server, gate(certificates, tmp_path, server.port, store=store, lanes=Lanes(QUICK)) as running:
        cookie = signed_in(running.site)
        store.fault = fault
        assert _ask(certificates, running, cookie) == status
        assert _ask(certificates, running) == 302
        assert server.log == []


def test_store_that_comes_back(gate, certificates, tmp_path):
    store = FaultyStore()
    with origin() as server, gate(certificates, tmp_path, server.port, store=store) as running:
        cookie = signed_in(running.site)
        store.fault = no_store
        assert _ask(certificates, running, cookie) == 503
        store.fault = None
        assert _ask(certificates, running, cookie) == 200
        assert len(server.log) == 1


class FaultyKeys(Keys):
    def __init__(self, broken):
        super().__init__()
        self.broken = ()
        self.then = broken

    @property
    def verifying(self):
        return boom() if "verifying" in self.broken else (self.signing,)

    @verifying.setter
    def verifying(self, _):
        pass

    def secrets(self, purpose):
        return boom() if "secrets" in self.broken else super().secrets(purpose)


@pytest.mark.parametrize(("part", "stranger", "known"), [("verifying", 302, 503), ("secrets", 503, 200)])
def test_keys(gate, certificates, tmp_path, part, stranger, known):
    keys = FaultyKeys(part)
    with origin() as server, gate(certificates, tmp_path, server.port, keys=keys) as running:
        cookie = signed_in(running.site)
        keys.broken = (part,)
        assert _ask(certificates, running) == stranger
        assert server.log == []
        assert _ask(certificates, running, cookie) == known
        assert len(server.log) == (known == 200)


@pytest.mark.parametrize(
    ("matches", "stranger", "known"),
    [(boom, 503, 503), (lambda _: None, 302, 403), (lambda _: False, 403, 403)],
    ids=["raises", "unknown", "no"],
)
def test_policy(gate, certificates, tmp_path, matches, stranger, known):
    """A stranger is sent to sign in only where that could help."""
    with origin() as server:
        broken = replace(STAFF, include=(Rule("broken", matches),))
        apps = [app("wiki", "wiki.localhost", broken, origin=Origin("http", "127.0.0.1", server.port))]
        with gate(certificates, tmp_path, server.port, apps=apps) as running:
            assert _ask(certificates, running, signed_in(running.site)) == known
            assert _ask(certificates, running) == stranger
            assert server.log == []


class FaultyParty(Party):
    """A provider whose every call does one thing."""

    def authorization_url(self, ask, now):
        return self.next()


def unavailable():
    raise ProviderUnavailable("timeout", "no answer", retry_after=7)


@pytest.mark.parametrize(
    ("does", "status"), [(unavailable, 503), (boom, 503), (hang, 503), (lambda: None, 503)],
    ids=["unavailable", "raises", "hangs", "no address"],
)  # fmt: skip
def test_provider(gate, certificates, tmp_path, does, status):
    parties = {"entra": FaultyParty(Provider("entra", "entra", "c", (ClientSecret("s"),)), does)}
    with origin() as server, gate(certificates, tmp_path, server.port, parties=parties, lanes=Lanes(QUICK)) as running:
        page = Visitor(certificates[0]).open(running.url("wiki.localhost"))
        assert page.status == status
        assert page.headers["Retry-After"]
        assert page.headers["Cache-Control"] == "no-store"
        assert server.log == []
        assert _ask(certificates, running, signed_in(running.site)) == 200, "live sessions go on"


class ForgetfulParty(Party):
    """A provider that is asked again for a live session, and does one thing."""

    def refresh(self, kept, identity, now):
        return self.next()


@pytest.mark.parametrize(
    ("does", "status"), [(unavailable, 200), (hang, 200), (boom, 200), (lambda: None, 503)],
    ids=["unavailable", "hangs", "raises", "no answer"],
)  # fmt: skip
def test_recheck(gate, certificates, tmp_path, does, status):
    provider = Provider("entra", "entra", "c", (ClientSecret("s"),), recheck=3600)
    parties = {"entra": ForgetfulParty(provider, does)}
    with origin() as server, gate(certificates, tmp_path, server.port, parties=parties, lanes=Lanes(QUICK)) as running:
        site = running.site
        cookie = signed_in(site, asking=Asking(site.seal.close(Purpose.KEPT, KEPT.to_json(), time.time()), 0, 0))
        assert _ask(certificates, running, cookie) == (302 if status == 200 else status), "it was silent for too long"
        fresh = Asking(site.seal.close(Purpose.KEPT, KEPT.to_json(), time.time()), 0, time.time())
        assert _ask(certificates, running, signed_in(site, "bob", asking=fresh)) == status
        assert _ask(certificates, running) == 302
        assert len(server.log) == (status == 200)


def test_what_nobody_looks_at_is_counted_all_the_same(gate, certificates, tmp_path):
    metrics = Metrics("0", ["wiki"])
    with origin() as server, gate(certificates, tmp_path, server.port, recorder=Recorder(None, metrics)) as running:
        running.addon.is_watched = False
        assert _ask(certificates, running, signed_in(running.site)) == 200
        allowed = {"app": "wiki", "outcome": "allowed"}
        assert metrics.registry.get_sample_value("glassgate_requests_total", allowed) == 1


class FaultyRecorder(Recorder):
    def tell(self, event):
        boom()

    def let_in(self, app):
        boom()

    def decided(self, seconds):
        pass


@pytest.mark.parametrize("watched", [True, False])
def test_recorder(gate, certificates, tmp_path, watched):
    recorder = FaultyRecorder(None, Metrics("0"))
    with origin() as server, gate(certificates, tmp_path, server.port, recorder=recorder) as running:
        running.addon.is_watched = watched
        assert _ask(certificates, running) in (502, 503)
        assert _ask(certificates, running, signed_in(running.site)) in (502, 503)
        assert server.log == []


def test_chance(gate, certificates, tmp_path):
    with origin() as server, gate(certificates, tmp_path, server.port, chance=boom) as running:
        assert _ask(certificates, running) == 503
        assert server.log == []


def test_a_full_lane(gate, certificates, tmp_path):
    none = {lane: replace(width, waiting=0) for lane, width in WIDTHS.items()}
    with origin() as server, gate(certificates, tmp_path, server.port, lanes=Lanes(none)) as running:
        assert _ask(certificates, running, signed_in(running.site)) == 503
        assert server.log == []


def raising(hook):
    """The gate with one hook that raises at its first line."""
    return type("Raising", (GateAddon,), {hook: boom})


HOOKS = ["next_layer", "requestheaders", "request", "server_connect", "client_disconnected"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises(gate, certificates, tmp_path, hook):
    with origin() as server, gate(certificates, tmp_path, server.port, addon=raising(hook)) as running:
        assert _ask(certificates, running) in (302, 502, 503, None)
        assert server.log == []
        known = _ask(certificates, running, signed_in(running.site))
        assert (known == 200) == (len(server.log) == 1)
        assert known == 200 or hook in ("next_layer", "requestheaders", "server_connect")


class Hanging(GateAddon):
    async def requestheaders(self, flow):
        import asyncio

        await asyncio.sleep(HANG)


def test_a_hook_that_hangs_forwards_nothing(gate, certificates, tmp_path):
    with origin() as server, gate(certificates, tmp_path, server.port, addon=Hanging) as running:
        assert _ask(certificates, running, signed_in(running.site), timeout=1) is None
        assert server.connections == 0


class WrongOutcome(GateAddon):
    def _apply(self, flow, request, outcome, told):
        super()._apply(flow, request, {"let": "in"}, told)


def test_an_outcome_that_is_none(gate, certificates, tmp_path):
    with origin() as server, gate(certificates, tmp_path, server.port, addon=WrongOutcome) as running:
        assert _ask(certificates, running) == 503
        assert _ask(certificates, running, signed_in(running.site)) == 503
        assert server.log == []


class Cancelled(GateAddon):
    def _apply(self, flow, request, outcome):
        import asyncio

        raise asyncio.CancelledError


def test_a_cancelled_hook_forwards_nothing(gate, certificates, tmp_path):
    with origin() as server, gate(certificates, tmp_path, server.port, addon=Cancelled) as running:
        assert _ask(certificates, running, signed_in(running.site), timeout=1) in (503, None)
        assert server.connections == 0


class Blind(Verdicts):
    """Knows nothing any more once a request is at its origin."""

    def of(self, flow):
        return boom() if flow.response is not None and flow.server_conn.connected else super().of(flow)


class BlindAddon(GateAddon):
    """A gate whose every hook of an answer fails."""

    def __init__(self, *args):
        super().__init__(*args)
        self._verdicts = Blind()


def test_an_answer_that_cannot_be_judged_does_not_pass(gate, certificates, tmp_path):
    with origin() as server, gate(certificates, tmp_path, server.port, addon=BlindAddon) as running:
        assert _ask(certificates, running) == 302
        assert server.log == []
        assert _ask(certificates, running, signed_in(running.site), timeout=2) is None
        assert len(server.log) == 1, "it had been let in: the origin's answer is what is stopped"


AFTERWARDS = ("response", "error", "client_disconnected", "websocket_end", "done")


@pytest.mark.parametrize("hook", AFTERWARDS)
def test_a_hook_that_raises_when_all_is_decided(gate, certificates, tmp_path, hook):
    broken = type("Raising", (GateAddon,), {hook: boom})
    with origin() as server, gate(certificates, tmp_path, server.port, addon=broken) as running:
        assert _ask(certificates, running) == 302
        assert server.log == []
        assert _ask(certificates, running, signed_in(running.site)) == 200
        assert len(server.log) == 1


class Halting:
    """A foreign addon that keeps every later one from hearing of a request."""

    name = "halting"

    def requestheaders(self, flow):
        raise exceptions.AddonHalt


class Stealing:
    """A foreign addon that points every request at the origin, and takes back our refusal."""

    name = "stealing"

    def __init__(self, port):
        self.port = port

    def requestheaders(self, flow):
        flow.request.host, flow.request.port, flow.request.scheme = "127.0.0.1", self.port, "http"
        raise exceptions.AddonHalt

    def request(self, flow):
        flow.response = None


class Unrefusing(Stealing):
    """The same, without keeping us from being asked."""

    def requestheaders(self, flow):
        pass

    def request(self, flow):
        flow.request.host, flow.request.port, flow.request.scheme = "127.0.0.1", self.port, "http"
        flow.response = None


class Broken:
    name = "broken"

    def requestheaders(self, flow):
        boom()

    def server_connect(self, data):
        boom()


@pytest.mark.parametrize(
    "made",
    [lambda port: Halting(), Stealing, Unrefusing, lambda port: Broken()],
    ids=["halting", "stealing", "unrefusing", "broken"],
)
def test_foreign_addons_ahead_of_the_gate(gate, certificates, tmp_path, made):
    with origin() as server, gate(certificates, tmp_path, server.port, earlier=[made(server.port)]) as running:
        assert _ask(certificates, running) in (302, 502, 503, None)
        assert server.connections == 0


class NoTrust:
    def refuse(self):
        from glassgate.mitm.tls import OriginTrust

        return OriginTrust([]).refuse()

    def connect(self, address):
        boom()


def test_trust_that_fails(gate, certificates, tmp_path):
    """An https origin whose trust cannot be had is not reached, signed in or not."""
    with origin() as server:
        apps = [app("wiki", "wiki.localhost", STAFF, origin=Origin("https", "127.0.0.1", server.port))]
        with gate(certificates, tmp_path, server.port, apps=apps, trust=NoTrust()) as running:
            assert _ask(certificates, running, signed_in(running.site)) in (502, None)
            assert server.log == []


@pytest.mark.parametrize("does", [boom, hang, lambda environ, start: []], ids=["raises", "hangs", "says nothing"])
def test_a_host_in_this_process_that_fails(gate, certificates, tmp_path, does):
    with origin() as server, gate(certificates, tmp_path, server.port, hosts={"login.localhost": does}) as running:
        page = Visitor(certificates[0]).ask(running.url("login.localhost"))
        assert page.status == 503
        assert server.log == []


def test_an_origin_that_is_away(gate, certificates, tmp_path):
    server = OriginServer()
    server.server_close()
    with gate(certificates, tmp_path, server.port) as running:
        cookie = signed_in(running.site)
        page = Visitor(certificates[0]).ask(running.url("wiki.localhost"), headers=_headers(cookie))
        assert page.status == 502
        assert "does not answer" in page.text
        assert "mitmproxy" not in page.text + str(page.headers)
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Cf-Ray"] in page.text


def _headers(cookie=None):
    return {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"} | ({"Cookie": cookie} if cookie else {})


def _ask(certificates, running, cookie=None, timeout=20):
    """The status of one request; None where the connection ends or stays silent."""
    visitor = Visitor(certificates[0], timeout=timeout)
    try:
        return visitor.ask(running.url("wiki.localhost"), headers=_headers(cookie)).status
    except OSError:
        return None
    except Exception as fault:
        if type(fault).__name__ in ("RemoteDisconnected", "BadStatusLine"):
            return None
        raise
