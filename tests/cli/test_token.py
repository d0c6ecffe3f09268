"""`glassgate token inspect`, on tokens that are good, ended, foreign, and nothing at all."""

import json
import time

import jwt
import pytest

from cli.program import deployed, glassgate
from glassgate.access import token
from glassgate.access.identity import Identity
from glassgate.access.session import Grant
from glassgate.config.load import load
from glassgate.gate.exchange import run
from glassgate.gate.sessions import Sessions, new_session
from glassgate.state.keyring import KeyRing
from glassgate.state.open import open_store

WHO = Identity(
    provider="entra", provider_type="entra", realm="8f0c7d52-0000-4000-8000-000000000000", subject="alice",
    name="Alice", email="alice@contoso.example", unverified_email=None, groups=frozenset(), roles=frozenset(),
    acrs=frozenset(), amr=frozenset(), idp_session=None, login_hint=None,
)  # fmt: skip
INSPECT = ("token", "inspect")


class Gate:
    """A configuration whose gate ran before: keys, and a store with a session."""

    def __init__(self, folder, store="sqlite:state/glassgate.db"):
        self.folder = folder
        deployed(folder, lambda text: f"{text}store: {store}\n")
        self.settings = load(folder / "config.yaml", {"CLIENT_SECRET": "x"})
        self.now = time.time()
        self.keys = KeyRing.open(self.settings.state / "keys", self.now)
        self.nonce = "a-nonce"

    def begin(self):
        """A session with a grant for the app."""
        store = open_store(self.settings.store)
        sessions = Sessions(store)
        session = new_session(WHO, session="s-1", cookie="c", now=self.now, duration=3600)
        run(sessions.begin(session, None, self.now))
        run(sessions.grant(self.nonce, Grant(session.id, self.settings.apps[0].aud, self.now + 3600)))
        store.close()

    def mint(self, **more):
        said = {
            "issuer": self.settings.origin_of("team.localhost"), "audience": self.settings.apps[0].aud,
            "subject": WHO.user_id, "email": WHO.email, "nonce": self.nonce, "now": self.now, "expires": self.now + 600,
        } | more  # fmt: skip
        return token.mint(self.keys.signing, **said)

    def inspect(self, text, *arguments):
        return glassgate(self.folder, *INSPECT, *arguments, stdin=text)


@pytest.fixture
def gate(tmp_path):
    gate = Gate(tmp_path)
    gate.begin()
    return gate


@pytest.mark.parametrize(
    "around",
    [
        "{}", "{}\n", "CF_Authorization={}", "Bearer {}", "Cf-Access-Jwt-Assertion: {}",
        "cookie: CF_Authorization={}; a=b", "Cookie: theme=dark; CF_Authorization={}; __Host-CF_Binding=x",
        "a=b; CF_Authorization={}", "Set-Cookie: CF_Authorization={}; Path=/; Secure", "Authorization: Bearer {}",
    ],
)  # fmt: skip
def test_a_good_token_is_good_however_it_is_pasted(gate, around):
    done = gate.inspect(around.format(gate.mint()))
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("\nIt is good, for the app wiki.\n")


def test_what_it_says_is_shown_with_times_that_a_person_reads(gate):
    out = gate.inspect(gate.mint()).out
    assert "  email           alice@contoso.example\n" in out
    assert "  alg             RS256\n" in out
    assert time.strftime(f"exp             {int(gate.now + 600)}  (%Y-%m-%d ", time.gmtime(gate.now + 600)) in out


def foreign_key(gate, folder):
    folder.mkdir()
    other = KeyRing.open(folder, gate.now)
    return jwt.encode({"aud": ["x"]}, other.signing.private_key, "RS256", headers={"kid": other.signing.kid})


BAD = [
    ("expired", lambda gate: gate.mint(now=gate.now - 900, expires=gate.now - 300), "exp was 30"),
    ("not_yet_valid", lambda gate: gate.mint(now=gate.now + 900, expires=gate.now + 1800), "ahead"),
    ("issuer", lambda gate: gate.mint(issuer="https://other.example"), "expected 'https://team.localhost:"),
    ("audience", lambda gate: gate.mint(audience="f" * 64), "it is for no app of "),
    ("key_unknown", lambda gate: foreign_key(gate, gate.folder / "other"), "a key that this team does not have"),
    ("signature", lambda gate: gate.mint()[:-8] + "AAAAAAAA", "the signature does not hold"),
    ("algorithm", lambda gate: jwt.encode({"a": 1}, "k" * 32, "HS256"), "signed with 'HS256', expected 'RS256'"),
    ("session_ended", lambda gate: gate.mint(nonce="another"), "its session has ended"),
]


@pytest.mark.parametrize(("check", "make", "said"), BAD, ids=[row[0] for row in BAD])
def test_the_check_that_fails_is_named(gate, check, make, said):
    done = gate.inspect(make(gate))
    assert (done.code, done.err) == (1, "")
    verdict = done.out.splitlines()[-1]
    assert verdict.startswith(f"It fails the check `{check}`: ")
    assert said in verdict


@pytest.mark.parametrize(
    "text", ["garbage", "a.b.c", "ä\0\x1b[31m", "x" * 20_000], ids=["word", "dots", "bytes", "long"]
)
def test_what_is_no_token_is_told_in_a_line(gate, text):
    done = gate.inspect(text)
    assert (done.code, done.err) == (1, "")
    assert done.out == "This is no JWT. One has three parts of letters and digits, with dots between them.\n"


def test_nothing_is_a_wrong_call(gate):
    done = gate.inspect("")
    assert (done.code, done.out) == (2, "")
    assert done.lines[-1] == "Error: Nothing came on standard input: pipe a token in, or paste it."


def test_the_app_that_it_should_be_for(gate):
    good = gate.mint()
    assert gate.inspect(good, "--app", "wiki").code == 0
    other = gate.inspect(gate.mint(audience="f" * 64), "--app", "wiki")
    assert other.code == 1
    assert "aud is ['ffff" in other.out
    unknown = gate.inspect(good, "--app", "wikki")
    assert unknown.code == 2
    assert "There is no app `wikki`" in unknown.err
    assert "did you mean `wiki`?" in unknown.err


def test_json(gate):
    told = json.loads(gate.inspect(gate.mint(), "--json").out)
    assert (told["good"], told["app"], told["fails"]) == (True, "wiki", None)
    assert told["claims"]["type"] == "app"
    assert told["header"]["kid"] == gate.keys.signing.kid
    told = json.loads(gate.inspect("garbage", "--json").out)
    assert (told["good"], told["fails"]["check"], told["claims"]) == (False, "malformed", {})


def test_what_a_stranger_wrote_cannot_break_a_line(gate):
    done = gate.inspect(
        jwt.encode({"iss": "a\nIt is good, for the app wiki.\x1b[2J", "iat": 1 << 60}, "k" * 32, "HS256")
    )
    assert done.code == 1
    assert "\x1b" not in done.out
    assert "\nIt is good" not in done.out


def test_a_session_in_memory_cannot_be_asked_for(tmp_path):
    gate = Gate(tmp_path, "'memory:'")
    assert gate.inspect(gate.mint()).code == 0


def test_without_keys_it_says_so_and_makes_none(tmp_path):
    deployed(tmp_path)
    done = glassgate(tmp_path, *INSPECT, stdin="a.b.c")
    assert (done.code, done.out) == (1, "")
    assert done.lines == [f"glassgate: {tmp_path}/state/keys: there are no keys to check it with (start the gate once)"]
    assert not (tmp_path / "state").exists()
