"""What a live session keeps, lent to the doctor: once at a time, and put back as it came of it."""

import time
from dataclasses import replace

import pytest

from cli.program import deployed
from glassgate.access.identity import Identity
from glassgate.access.seal import Purpose, Seal
from glassgate.access.session import Asking
from glassgate.cli.entra_sessions import Lender
from glassgate.config.load import load
from glassgate.gate.exchange import run
from glassgate.gate.sessions import Sessions, new_session
from glassgate.oidc.doctor.case import NothingLentError
from glassgate.oidc.kept import Kept
from glassgate.state.keyring import KeyRing
from glassgate.state.open import open_store

KEPT = Kept("the-token", "https://issuer.example", "sub", "digest")


class Deployment:
    """A configuration whose gate ran before; its store may hold sessions."""

    def __init__(self, folder, store="sqlite:state/glassgate.db"):
        deployed(folder, lambda text: f"{text}store: {store}\n")
        self.settings = load(folder / "config.yaml", {"CLIENT_SECRET": "x"})
        self.provider = self.settings.providers[0]
        self.now = time.time()

    def run(self):
        self.seal = Seal(KeyRing.open(self.settings.state / "keys", self.now).secrets)
        self.store = open_store(self.settings.store)
        self.sessions = Sessions(self.store)

    def begin(self, name="s-1", provider="entra", kept=KEPT, **changes):
        """A session that keeps a refresh token."""
        identity = Identity(provider, "entra", "tenant", f"user-of-{name}", name="Alice Adams")
        sealed = self.seal.close(Purpose.KEPT, kept.to_json(), self.now) if kept else "nonsense"
        asking = Asking(sealed, self.now + 3600, self.now)
        session = new_session(identity, session=name, cookie=name, now=self.now, duration=3600, asking=asking)
        return run(self.sessions.begin(replace(session, **changes), None, self.now))

    def stored(self, name="s-1"):
        session = run(self.sessions.by_id(name, self.now))
        return Kept.from_json(self.seal.open(Purpose.KEPT, session.asking.kept, self.now, 3600))

    def lender(self):
        return Lender(self.settings, lambda: self.now)

    def nothing(self):
        with pytest.raises(NothingLentError) as caught:
            self.lender().borrow(self.provider)
        return caught.value


@pytest.fixture
def deployment(tmp_path):
    deployment = Deployment(tmp_path)
    deployment.run()
    yield deployment
    deployment.store.close()


def test_what_a_session_keeps_is_lent_with_a_name(deployment):
    deployment.begin()
    lent = deployment.lender().borrow(deployment.provider)
    assert (lent.kept, lent.whose) == (KEPT, "Alice Adams")


def test_meanwhile_nobody_else_asks_for_that_session(deployment):
    deployment.begin()
    lent = deployment.lender().borrow(deployment.provider)
    assert not run(deployment.sessions.lease("s-1", "another", deployment.now + 40, deployment.now))
    assert "refresh token" in deployment.nothing().why
    lent.give_back(KEPT)
    assert run(deployment.sessions.lease("s-1", "another", deployment.now + 40, deployment.now))


def test_what_comes_back_as_it_was_is_not_written(deployment):
    before = deployment.begin()
    deployment.lender().borrow(deployment.provider).give_back(KEPT)
    assert run(deployment.sessions.by_id("s-1", deployment.now)) == before


def test_a_newer_token_is_written_and_all_else_stays(deployment):
    before = deployment.begin()
    lent = deployment.lender().borrow(deployment.provider)
    lent.give_back(replace(KEPT, refresh_token="newer"))
    after = run(deployment.sessions.by_id("s-1", deployment.now))
    assert deployment.stored().refresh_token == "newer"
    assert replace(after, asking=replace(after.asking, kept=before.asking.kept)) == before


def test_where_somebody_signed_in_anew_meanwhile_that_counts(deployment):
    before = deployment.begin()
    lent = deployment.lender().borrow(deployment.provider)
    newest = replace(KEPT, refresh_token="of the new sign-in")
    sealed = deployment.seal.close(Purpose.KEPT, newest.to_json(), deployment.now)
    changed = replace(before, asking=replace(before.asking, kept=sealed))
    assert run(deployment.sessions.replace(before, changed, deployment.now))
    lent.give_back(replace(KEPT, refresh_token="newer"))
    assert deployment.stored() == newest


def test_a_session_that_is_taken_is_passed_over_for_the_next(deployment):
    deployment.begin("s-1")
    deployment.begin("s-2")
    deployment.lender().borrow(deployment.provider)
    assert deployment.lender().borrow(deployment.provider).kept == KEPT


NOTHING = [
    ("no session", lambda one: None),
    ("another provider's", lambda one: one.begin(provider="other")),
    ("one that keeps nothing", lambda one: one.begin(asking=None)),
    ("one that has to act first", lambda one: one.begin(challenge="")),
    ("one that keys no longer open", lambda one: one.begin(kept=None)),
]


@pytest.mark.parametrize("begin", [row[1] for row in NOTHING], ids=[row[0] for row in NOTHING])
def test_where_no_session_has_a_token_it_says_so(deployment, begin):
    begin(deployment)
    nothing = deployment.nothing()
    assert nothing.why == "nobody is signed in through entra with a refresh token"
    assert "Sign in once" in nothing.mend


def test_sessions_in_memory_are_out_of_reach(tmp_path):
    nothing = Deployment(tmp_path, "'memory:'").nothing()
    assert "`store: memory:`" in nothing.why
    assert "sqlite:state/glassgate.db" in nothing.mend


def test_where_no_gate_ran_nothing_is_made(tmp_path):
    deployment = Deployment(tmp_path)
    assert deployment.nothing().why == "no gate has run with this configuration yet"
    assert not deployment.settings.state.exists()


def test_it_lets_go_of_the_store(deployment):
    lender = deployment.lender()
    lender.close()
    deployment.begin()
    lender.borrow(deployment.provider)
    lender.close()
