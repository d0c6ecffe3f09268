"""Tries an origin from beside the gate: which of its doors let somebody in who goes past it?"""

import contextlib
import http.client
import secrets
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from glassgate.access.app import App
from glassgate.access.domain import Domain
from glassgate.access.token import SigningKey, mint
from glassgate.cli.wire import within
from glassgate.config.settings import Settings
from glassgate.errors import StartError
from glassgate.gate.site import authority
from glassgate.mitm.tls import OriginTrust, address_of

NOBODY = "00000000-0000-0000-0000-000000000000"  # a subject of nobody's
LIFE = 60  # seconds of an assertion that is good
# How servers and applications say that somebody may not come in; 495 and 496 are nginx's, for certificates.
REFUSALS = frozenset((400, 401, 403, 407, 421, 426, 495, 496, 511))


class Way(StrEnum):
    """How one comes to an origin."""

    GATE = "as the gate does"
    TLS = "by TLS without the gate's certificate"
    CLEAR = "in the clear"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `status` is None where there was no HTTP answer, and `said` then tells why."""

    status: int | None
    said: str = ""
    location: str = ""  # where a redirect leads


type Knock = Callable[[Way, str | None], Reply]


@dataclass(frozen=True, slots=True)
class Assertions:
    """One that is good for a minute, and what an attacker may have instead, by its name."""

    good: str
    bad: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Door:
    """One try: the way, what was brought, what came back, and whether that is a way in."""

    way: Way
    brought: str
    reply: Reply

    @property
    def open(self) -> bool:
        """Whether whoever tries this reaches the application. Its own 404 or 500 is an answer, too."""
        status = self.reply.status
        if status is None or status in REFUSALS:
            return False
        led_to_tls = self.way is Way.CLEAR and self.reply.location.startswith("https:")
        return not (led_to_tls and status in (301, 302, 307, 308))

    @property
    def said(self) -> str:
        """What came back, in a few words."""
        return f"HTTP {self.reply.status}" if self.reply.status else self.reply.said

    def told(self) -> dict[str, object]:
        """For programs."""
        return {"way": self.way, "brought": self.brought, "open": self.open, "said": self.said}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found. `behind` are tries with the gate's own certificate: no doors, but a second lock."""

    gate: Door
    doors: tuple[Door, ...]
    behind: tuple[Door, ...]
    mends: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether no door stands open."""
        return not any(door.open for door in self.doors)

    def told(self) -> dict[str, object]:
        """For programs."""
        listed = {"doors": self.doors, "behind_the_certificate": self.behind}
        doors = {name: [door.told() for door in each] for name, each in listed.items()}
        return {"good": self.good, "gate": self.gate.said, **doors, "mends": list(self.mends)}


def examine(app: App, knock: Knock, assertions: Assertions) -> Finding:
    """Try every door. Raises StartError where the origin does not answer the gate either: then nothing is known."""
    gate = Door(Way.GATE, "its assertion", knock(Way.GATE, assertions.good))
    if gate.reply.status is None:
        raise StartError(
            f"the origin of `{app.name}` does not answer the gate either: {gate.reply.said}",
            where=f"{app.origin.scheme}://{app.origin.host}:{app.origin.port}",
            mend="start it, or mend its address or its certificates; then try again",
        )

    def tried(way: Way) -> tuple[Door, ...]:
        return tuple(Door(way, name, knock(way, token)) for name, token in assertions.bad.items())

    doors = (*tried(Way.TLS), *tried(Way.CLEAR))
    behind = tried(Way.GATE) if app.origin.tls.client_certificate else ()
    return Finding(gate, doors, behind, tuple(_mends(app, doors)))


def _mends(app: App, doors: Iterable[Door]) -> Iterable[str]:
    open_ways = {door.way for door in doors if door.open}
    command = f"glassgate origin protect {app.name} --for"
    if Way.TLS in open_ways:
        yield f"have its server ask for the gate's certificate: `{command} nginx` (apache, caddy, haproxy)"
    if Way.CLEAR in open_ways and app.origin.scheme == "https":
        yield "have its port answer by TLS alone"
    elif Way.CLEAR in open_ways:
        yield f"have the application check the assertion, and keep others from its port: `{command} nftables`"


def shown(app: App, finding: Finding) -> str:
    """For people."""
    lines = [f"The origin of {app.name}, {app.origin.scheme}://{app.origin.host}:{app.origin.port}", ""]
    lines += [f"  gate   {finding.gate.way}, with its assertion: {finding.gate.said}"]
    lines += [
        f"  {'OPEN' if door.open else 'shut'}   {door.way}, with {door.brought}: {door.said}" for door in finding.doors
    ]
    if any(door.open for door in finding.behind):
        lines += ["", "Its certificate alone keeps others out: behind it, the assertion is not checked."]
    count = sum(door.open for door in finding.doors)
    lines += ["", f"{count} door{'s stand' if count > 1 else ' stands'} open:" if count else "No door stands open."]
    return "\n".join([*lines, *(f"  {mend}" for mend in finding.mends)])


# --- what is brought --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Forger:
    """A key that says that it is the gate's."""

    kid: str
    private_key: RSAPrivateKey


def assertions(app: App, key: SigningKey, issuer: str, now: float) -> Assertions:
    """What to bring. They name nobody, and no session stands behind them: the gate itself takes none."""

    def made(by: SigningKey, *, audience: str, begins: float) -> str:
        return mint(
            by, issuer=issuer, audience=audience, subject=NOBODY, email=None, nonce=secrets.token_urlsafe(16),
            now=begins, expires=begins + LIFE,
        )  # fmt: skip

    forger = _Forger(key.kid, generate_private_key(public_exponent=65537, key_size=2048))
    # Another app's is made for one that does not exist: to an origin it is the same, and nobody could use it there.
    return Assertions(
        good=made(key, audience=app.aud, begins=now),
        bad={
            "no assertion": None,
            "a forged assertion": made(forger, audience=app.aud, begins=now),
            "an expired assertion": made(key, audience=app.aud, begins=now - 3600),
            "another app's assertion": made(key, audience=secrets.token_hex(32), begins=now),
        },
    )


# --- the network ------------------------------------------------------------------------------------------


def knocker(app: App, settings: Settings, seconds: float) -> Knock:
    """Knocks at the origin of an app, each time by a new connection. Raises StartError for certificates."""
    address = address_of(app.origin)
    host = authority(Domain.read(app.domains[0]).some_host, settings.team.port)
    gate = OriginTrust([app]).context(address)
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE  # whoever breaks in does not care
    name = app.origin.tls.server_name or app.origin.host
    contexts = {Way.GATE: gate, Way.TLS: (anybody, name), Way.CLEAR: None}

    def knock(way: Way, token: str | None) -> Reply:
        try:
            return within(seconds, lambda: _ask(address, contexts[way], host, token, seconds))
        except (OSError, http.client.HTTPException) as fault:
            return Reply(None, _why(fault))

    return knock


def _ask(
    address: tuple[str, int], tls: tuple[ssl.SSLContext, str] | None, host: str, token: str | None, seconds: float
) -> Reply:
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(address, seconds))
        if tls:
            connection = stack.enter_context(tls[0].wrap_socket(connection, server_hostname=tls[1]))
        client = http.client.HTTPConnection(*address)
        client.sock = connection
        headers = {"Host": host, "Connection": "close", "User-Agent": "glassgate"}
        client.request("GET", "/", headers=headers | ({"Cf-Access-Jwt-Assertion": token} if token else {}))
        answer = client.getresponse()
        return Reply(answer.status, location=answer.headers.get("Location", ""))


def _why(fault: Exception) -> str:
    if isinstance(fault, ssl.SSLError):
        return f"TLS refused ({(fault.reason or 'no reason').replace('_', ' ').lower()})"
    if isinstance(fault, http.client.HTTPException | ConnectionResetError | BrokenPipeError):
        return "hung up"
    return str(fault.strerror or fault).lower() if isinstance(fault, OSError) else type(fault).__name__
