"""What a provider says of itself (OpenID Connect Discovery, section 3), checked before it is trusted."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.http import is_loopback_name

MAX_URL = 2048  # characters
DEFAULT_PORTS = {"https": 443, "http": 80}

REQUIRED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")


@dataclass(frozen=True, slots=True)
class Metadata:
    """A provider's document, its issuer and every address in it checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    algorithms: tuple[str, ...] = ("RS256",)  # what ID tokens are signed with
    auth_methods: tuple[str, ...] | None = None  # of the token endpoint; None: not said
    graph: str | None = None  # Entra: where its Microsoft Graph is, without a trailing slash
    sends_iss: bool = False  # RFC 9207: every callback has the parameter `iss`


def read_metadata(document: dict[str, object], issuer: str) -> Metadata:
    """Read a document whose `issuer` member was found to be `issuer`.

    Raises SignInError: discovery_malformed for a member that is missing or of a wrong type,
    discovery_endpoint for an address that nothing should be sent to.
    """
    base = _split(issuer.replace("{tenantid}", "tenantid"))  # stands in that of Entra's `organizations`
    found: dict[str, str | None] = {}
    for name in REQUIRED + OPTIONAL:
        address = document.get(name)
        if address is None and name in OPTIONAL:
            found[name] = None
            continue
        if not isinstance(address, str):
            raise SignInError(Reason.DISCOVERY_MALFORMED, f"expected {name} to be an address, got {shown(address)}")
        _check_endpoint(name, address, base)
        found[name] = address
    return Metadata(
        issuer=issuer,
        authorization_endpoint=str(found["authorization_endpoint"]),
        token_endpoint=str(found["token_endpoint"]),
        jwks_uri=str(found["jwks_uri"]),
        userinfo_endpoint=found["userinfo_endpoint"],
        end_session_endpoint=found["end_session_endpoint"],
        algorithms=_names(document, "id_token_signing_alg_values_supported") or ("RS256",),
        auth_methods=_names(document, "token_endpoint_auth_methods_supported"),
        graph=_graph(document, base),
        sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _graph(document: dict[str, object], issuer: SplitResult) -> str | None:
    host = document.get("msgraph_host")
    if host is None:
        return None
    if not isinstance(host, str) or set(host) & set("/?#"):
        raise SignInError(Reason.DISCOVERY_MALFORMED, f"expected msgraph_host to be a host, got {shown(host)}")
    _check_endpoint("msgraph_host", f"https://{host}", issuer)
    return f"https://{host}"


def origin(address: str) -> tuple[str, str, int | None]:
    """Scheme, lower-case host and port of an address, the scheme's own port filled in (RFC 6454).

    Raises ValueError where it has no such parts.
    """
    parts = urlsplit(address)
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)


def web_origin(address: str) -> str:
    """The origin of an address as browsers write it (RFC 6454, section 6.1)."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _names(document: dict[str, object], member: str) -> tuple[str, ...] | None:
    value = document.get(member)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise SignInError(Reason.DISCOVERY_MALFORMED, f"expected {member} to be a list of names, got {shown(value)}")
    return tuple(value)


def _split(address: str) -> SplitResult:
    """Split an address that has exactly one reading; raise discovery_endpoint for any other."""
    plain = address.isascii() and address.isprintable() and not set(address) & set(' \\"<>^`{|}')
    try:
        parts = urlsplit(address)
        fit = plain and len(address) <= MAX_URL and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fit = False
    if not fit:
        raise SignInError(Reason.DISCOVERY_ENDPOINT, f"expected an address, got {shown(address)}")
    return parts


def _check_endpoint(name: str, address: str, issuer: SplitResult) -> None:
    def refuse(expected: str) -> SignInError:
        return SignInError(Reason.DISCOVERY_ENDPOINT, f"expected {name} {expected}, got {shown(address)}")

    parts = _split(address)
    if parts.username is not None or parts.password is not None or "#" in address:
        raise refuse("without user information and fragment")
    host, home = str(parts.hostname), str(issuer.hostname)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise refuse("to be https")
    # A provider of the wide network has no business sending us to machines that only we can reach.
    if host != home and _is_inside(host) and not _is_loopback(home):
        raise refuse("not to be a private address")


def _is_loopback(host: str) -> bool:
    address = _literal(host)
    return address.is_loopback if address else is_loopback_name(host)


def _is_inside(host: str) -> bool:
    address = _literal(host)
    return not address.is_global if address else is_loopback_name(host)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
