"""An application: its hosts, its origin, its policies, and how its sessions behave."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from glassgate.access.circumstances import LinkedApp
from glassgate.access.outlook import ask_for_certificates, evaluations
from glassgate.access.policy import Policy, in_order
from glassgate.access.questions import every_question


class Unauthenticated(StrEnum):
    """What a visitor without a session gets: by the kind of visitor, always a redirect, or always a 401."""

    AUTO = "auto"
    REDIRECT = "redirect"
    ANSWER_401 = "401"


@dataclass(frozen=True, slots=True)
class OriginTls:
    """How an https origin is verified; the defaults are the system's trust and the origin's own name."""

    ca: Path | None = None
    client_certificate: Path | None = None  # PEM: key, leaf, chain
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an application's traffic goes. It has no path: a target is forwarded byte for byte."""

    scheme: str  # "http" | "https"
    host: str
    port: int
    tls: OriginTls = OriginTls()
    http2: bool = False  # HTTP/2 is offered to it, by TLS


@dataclass(frozen=True, slots=True)
class App:
    """One application behind the gate."""

    name: str
    domains: tuple[str, ...]  # lower case, without port
    aud: str  # 64 hex digits
    origin: Origin
    policies: tuple[Policy, ...]  # as written; kept in order of evaluation
    session_duration: int  # seconds
    providers: tuple[str, ...]  # ids; at least one
    unauthenticated: Unauthenticated = Unauthenticated.AUTO
    forward_cookie: bool = False
    websocket_origins: tuple[str, ...] = ()  # further allowed origins, "https://host[:port]"
    service_token_header: bytes = b""  # in lower case: the one header that may hold a service token; b"": none may
    client_ca: Path | None = None  # PEM: whose client certificates are asked for; None: none is
    max_body: int | None = None  # bytes of one request's body; None: as many as there are
    # What its policies come to, once and not at every request: those that let a request in without a sign-in, whether
    # they ask other services, and for certificates, and of which other apps they take tokens (AUD tags).
    without_sign_in: tuple[Policy, ...] = field(init=False, repr=False, compare=False)
    asks_services: bool = field(init=False, repr=False, compare=False)
    asks_certificates: bool = field(init=False, repr=False, compare=False)
    linked: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        policies = in_order(self.policies)
        rules = [rule for policy in policies for rule in policy.rules]
        apps = (one.audience for one in every_question(rules) if isinstance(one, LinkedApp))
        object.__setattr__(self, "policies", policies)
        object.__setattr__(self, "without_sign_in", tuple(one for one in policies if one.without_sign_in))
        object.__setattr__(self, "asks_services", bool(evaluations(rules)))
        object.__setattr__(self, "asks_certificates", ask_for_certificates(rules))
        object.__setattr__(self, "linked", tuple(dict.fromkeys(apps)))


def default_aud(team: str, name: str) -> str:
    """The AUD tag of an app that names none: the same on every edge of one team (64 hex digits)."""
    return hashlib.sha256(f"{len(team)}:{team}{len(name)}:{name}".encode()).hexdigest()
