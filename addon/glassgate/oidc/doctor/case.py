"""One provider under examination: what is configured, what is handed in, what was learned on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from glassgate.oidc.client_auth import ClientAuth, Credential
from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.http import HttpRequest, HttpResponse
from glassgate.oidc.kept import Kept
from glassgate.oidc.metadata import Metadata
from glassgate.oidc.provider import Provider
from glassgate.oidc.providers.ways import Ways
from glassgate.oidc.redeem import TokenEndpoint
from glassgate.oidc.relying_party import WAYS, Outside


@dataclass(frozen=True, slots=True)
class Handshake:
    """How TLS began. `distrust` is why the certificate is not trusted: OpenSSL's number (X509_V_ERR_…) and words."""

    certificate: bytes  # DER
    version: str  # "TLSv1.3"
    distrust: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Lent:
    """What a live session keeps so that its provider can be asked again. It is given back exactly once."""

    kept: Kept
    whose: str  # a person's name, as the session has it
    give_back: Callable[[Kept], None]  # the same, or a newer one


class NothingLentError(Exception):
    """No session has a refresh token to try with. `mend` is how to come by one."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(why)
        self.why = why
        self.mend = mend


@dataclass(frozen=True, slots=True)
class World:
    """What an examination has of the world. Each call ends within seconds; the first three raise OSError."""

    resolve: Callable[[str], tuple[str, ...]]  # the addresses of a host name
    connect: Callable[[tuple[str, ...], int], str]  # which of the addresses answers at a port
    handshake: Callable[[str, str, int], Handshake]  # with a host, at an address and a port
    outside: Outside
    clock: Callable[[], float]  # Unix time
    borrow: Callable[[Provider], Lent]  # raises NothingLentError


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of ours that are registered at the provider."""

    callback: str
    signed_out: str
    ended: str  # where the provider says that a session of its own has ended


@dataclass(slots=True)
class Case:
    """The examination of one provider. Each link may use what the links before it learned."""

    provider: Provider
    ours: Addresses
    world: World
    document: dict[str, object] = field(default_factory=dict)
    found: Metadata | None = None
    at: tuple[str, ...] = ()  # the addresses of the provider's host
    answered: str = ""  # the one of them that took the connection
    ahead: list[float] = field(default_factory=list)  # seconds that the provider's clock was ahead of ours, by answer
    taken: list[Credential] = field(default_factory=list)

    @property
    def ways(self) -> Ways:
        """The ways of its kind."""
        return WAYS[self.provider.type]

    @property
    def home(self) -> str:
        """The provider's own address."""
        return self.provider.issuer or self.provider.authority

    @property
    def place(self) -> str:
        """The key of the configuration that says where the provider is."""
        return "issuer" if self.provider.issuer else "authority"

    @property
    def metadata(self) -> Metadata:
        """The provider's document, once it was found good. Raises SignInError before."""
        if self.found is None:
            raise SignInError(Reason.DISCOVERY_MALFORMED, "expected a document, got none")
        return self.found

    def fetch(self, request: HttpRequest) -> HttpResponse:
        """Make a call, and note by its answer how far the clocks differ."""
        before = self.world.clock()
        answer = self.world.outside.fetch(request)
        ahead = _ahead(answer, (before + self.world.clock()) / 2)
        if ahead is not None:
            self.ahead.append(ahead)
        return answer

    def endpoint(self, address: str, *credentials: Credential) -> TokenEndpoint:
        """A token endpoint, asked with just these credentials."""
        outside = self.world.outside
        client = ClientAuth(self.provider.client_id, credentials, outside.read, outside.chance)
        return TokenEndpoint(address, self.ways.client_auth(self.provider, self.metadata), client, self.fetch)


def _ahead(answer: HttpResponse, now: float) -> float | None:
    # The header counts whole seconds, so on average half of one has passed since; a cache says how old its copy is.
    try:
        said = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        return said + 0.5 + float(answer.headers.get("Age", "0")) - now
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
