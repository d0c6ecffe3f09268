"""An application: its hosts, its origin, its policies, and how its sessions behave."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from glassgate.access.circumstances import LinkedApp
from glassgate.access.domain import Domain
from glassgate.access.outlook import ask_for_certificates, evaluations
from glassgate.access.policy import Policy, in_order
from glassgate.access.questions import every_question

ANYWHERE = Domain("")  # what no request came to yet


class Unauthenticated(StrEnum):
    """What a visitor without a session gets: by the kind of visitor, always a redirect, or always a 401."""

    AUTO = "auto"
    REDIRECT = "redirect"
    ANSWER_401 = "401"


class SameSite(StrEnum):
    """With which requests of other sites a token comes along (RFC 6265bis section 5.6.7)."""

    LAX = "Lax"
    STRICT = "Strict"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class TokenCookie:
    """How the cookie of the application token is set."""

    same_site: SameSite = SameSite.LAX
    http_only: bool = True
    own_path: bool = True  # where the app has a part of a host, it stays there
    bound: bool = False  # it counts only beside the binding cookie


@dataclass(frozen=True, slots=True)
class Cors:
    """Which pages of other origins may use an app, as preflights are answered; or its origin answers them itself."""

    origins: frozenset[str] = frozenset()  # as browsers write them
    any_origin: bool = False
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 0  # seconds
    passes: bool = False  # preflights go to the origin

    def __post_init__(self) -> None:
        if self.any_origin and self.credentials:
            raise ValueError("any page of anybody could read what a session may read")


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
class Launcher:
    """How an app shows itself on the team domain's own page."""

    visible: bool = True
    logo: Path | None = None  # a picture; its first letter stands in for it
    tags: tuple[str, ...] = ()  # the groups that it stands in


@dataclass(frozen=True, slots=True)
class App:
    """One application behind the gate."""

    name: str
    domains: tuple[str, ...]  # as `Domain` reads them; the host in lower case, without port
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
    keep_forms: int = 0  # bytes of a form that may be kept over a sign-in; 0: none is
    cookie: TokenCookie = TokenCookie()
    cors: Cors | None = None
    deny_url: str | None = None  # where people go whom the policy refuses; else a page says so
    deny_page: Path | None = None  # HTML of the operator's own for them; it and `deny_url` rule each other out
    machine_deny_url: str | None = None  # the same for whom no sign-in would help
    deny_message: str = ""  # what that page says to them besides
    launcher: Launcher = Launcher()
    auto_redirect: bool | None = None  # past the page where a provider is picked; None: where there is one provider
    here: Domain = ANYWHERE  # that of `domains` at which a request came to it
    # What its policies come to, once and not at every request: those that let a request in without a sign-in, whether
    # they ask other services, and for certificates, and of which other apps they take tokens (AUD tags).
    without_sign_in: tuple[Policy, ...] = field(init=False, repr=False, compare=False)
    asks_services: bool = field(init=False, repr=False, compare=False)
    asks_certificates: bool = field(init=False, repr=False, compare=False)
    linked: tuple[str, ...] = field(init=False, repr=False, compare=False)

    @property
    def cookie_path(self) -> str:
        """Below which path the browser is to send the token."""
        return self.here.cookie_path if self.cookie.own_path else "/"

    def __post_init__(self) -> None:
        policies = in_order(self.policies)
        rules = [rule for policy in policies for rule in policy.rules]
        apps = (one.audience for one in every_question(rules) if isinstance(one, LinkedApp))
        object.__setattr__(self, "policies", policies)
        object.__setattr__(self, "without_sign_in", tuple(one for one in policies if one.without_sign_in))
        object.__setattr__(self, "asks_services", bool(evaluations(rules)))
        object.__setattr__(self, "asks_certificates", ask_for_certificates(rules))
        object.__setattr__(self, "linked", tuple(dict.fromkeys(apps)))

    @property
    def goes_straight(self) -> bool:
        """Whether a sign-in goes to the first of its providers, and nobody picks one."""
        return len(self.providers) == 1 if self.auto_redirect is None else self.auto_redirect


def default_aud(team: str, name: str) -> str:
    """The AUD tag of an app that names none: the same on every edge of one team (64 hex digits)."""
    return hashlib.sha256(f"{len(team)}:{team}{len(name)}:{name}".encode()).hexdigest()
