"""A configuration as one deploys it, and a visitor who is signed in there: through the gate's own code, no double."""

import secrets
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from glassgate.access import token
from glassgate.access.identity import Identity
from glassgate.access.session import Grant
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.gate.exchange import run
from glassgate.gate.sessions import Sessions, new_session
from glassgate.state.certificates import ensure_edge_certificate
from glassgate.state.keyring import KeyRing
from glassgate.state.open import open_store
from glassgate.state.store import Store

TEAM, WIKI = "team.localhost", "wiki.localhost"
TENANT = "8f0c7d52-0000-4000-8000-000000000000"
GROUPS = 50
HOUR = 3600.0
ENVIRONMENT = {"BENCH_CLIENT_SECRET": "a-secret-of-the-bench"}


def group(number: int) -> str:
    """The object id of a group; always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"group-{number}.contoso.example"))


# The rule asks for the last of the visitor's groups: not the first one that is looked at.
CONFIG = f"""\
team: {TEAM}:PORT
listen: 127.0.0.1:PORT
tls: {{certificate: CERTIFICATE}}
identity_providers:
  - id: entra
    type: entra
    tenant: {TENANT}
    client_id: the-client
    client_secret: ${{BENCH_CLIENT_SECRET}}
    email_domains: [contoso.example]
groups:
  staff: {{include: [{{entra_group: {group(GROUPS - 1)}}}]}}
apps:
  - name: wiki
    domain: {WIKI}
    origin: http://127.0.0.1:ORIGIN
    policies:
      - {{name: staff, decision: allow, include: [{{group: staff}}], exclude: [{{email: mallory@contoso.example}}]}}
audit: {{file: state/audit.jsonl}}
"""


@dataclass(frozen=True, slots=True)
class Gate:
    """A configuration in a folder, with its keys. `store` is opened by whoever needs it."""

    settings: Settings
    keys: KeyRing

    def begin(self, store: Store, who: Identity, now: float, app: int = 0) -> str:
        """Begin a session with a grant for an app; the nonce that a token names it by."""
        sessions, nonce = Sessions(store), secrets.token_hex(16)
        cookie = secrets.token_urlsafe(32)
        session = new_session(who, session=secrets.token_hex(16), cookie=cookie, now=now, duration=HOUR)
        run(sessions.begin(session, None, now))
        run(sessions.grant(nonce, Grant(session.id, self.settings.apps[app].aud, session.expires)))
        return nonce

    def cookie(self, who: Identity, nonce: str, now: float, app: int = 0) -> str:
        """The Cookie header of a browser with the application token of that session: some 900 bytes."""
        signed = token.mint(
            self.keys.signing, issuer=self.settings.origin_of(TEAM), audience=self.settings.apps[app].aud,
            subject=who.user_id, email=who.email, nonce=nonce, now=now, expires=now + HOUR,
        )  # fmt: skip
        return f"theme=dark; CF_Authorization={signed}; _app_session=2f1c8f0e9b"


def person(name: str, groups: int = GROUPS) -> Identity:
    """A user of the tenant who is in so many groups."""
    members = frozenset(group(number) for number in range(GROUPS - groups, GROUPS))
    return Identity("entra", "entra", TENANT, f"oid-{name}", name, f"{name}@contoso.example", groups=members)


def prepare(folder: Path, *, port: int, origin: int, certificate: Path, config: str = CONFIG) -> Gate:
    """Write a configuration into `folder`, and make its keys and, where it is missing, its certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    text = config.replace("PORT", str(port)).replace("ORIGIN", str(origin)).replace("CERTIFICATE", str(certificate))
    (folder / "config.yaml").write_text(text)
    settings = load(folder / "config.yaml", ENVIRONMENT)
    now = time.time()
    ensure_edge_certificate(settings.ca, certificate, settings.public_hosts, now)
    return Gate(settings, KeyRing.open(settings.state / "keys", now))


def sign_in(gate: Gate, name: str = "alice", app: int = 0) -> str:
    """Sign somebody in at this gate; the Cookie header of the browser."""
    who, now = person(name), time.time()
    store = open_store(gate.settings.store)
    try:
        return gate.cookie(who, gate.begin(store, who, now, app), now, app)
    finally:
        store.close()
