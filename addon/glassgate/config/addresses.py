"""Where things are: hosts, listeners, and the addresses of origins and identity providers."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from glassgate.access.domain import Domain
from glassgate.access.questions import Network, fold, network
from glassgate.access.rule_values import DOMAIN
from glassgate.config.problems import BadValueError
from glassgate.config.settings import LAB_HOSTS, Endpoint
from glassgate.gate.target import is_reserved

ANY = "*"  # any page
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)
_PATH = re.compile(r"(?:/[0-9A-Za-z._~!$&'()+,=:@*-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https address, taken apart. `path` is "" or begins with "/"."""

    scheme: str
    host: str
    port: int
    path: str
    text: str  # as written, without a lone slash at its end


def host(text: str) -> str:
    """A host name as it is compared: lower case, no port, no dot at its end."""
    if "://" in text:
        raise BadValueError(f"`{text}` is an address", "write the host name alone")
    if "/" in text:
        raise BadValueError(f"`{text}` has a path", f"write `{text.partition('/')[0]}`")
    if "*" in text:
        raise BadValueError(f"`{text}` is a pattern", "write one host name")
    if ":" in text:
        raise BadValueError(f"`{text}` has a port", "leave it out: the port of `team` is the port of every host")
    if text.endswith("."):
        raise BadValueError(f"`{text}` ends with a dot", f"write `{text.rstrip('.')}`")
    if not text.isascii():
        raise BadValueError(f"`{text}` is not ASCII", "write its `xn--` form")
    if text != fold(text):
        raise BadValueError(f"`{text}` has capital letters", f"write `{fold(text)}`")
    if not DOMAIN.fullmatch(text):
        raise BadValueError(f"`{text}` is not a host name", "write it as `wiki.example.com`")
    if text.rpartition(".")[2].isdigit():
        raise BadValueError(f"`{text}` is not a host name, but an address", "give it a name")
    return text


def team(text: str) -> Endpoint:
    """The team domain, `host` or `host:port`; without a port, 443."""
    name, colon, digits = text.partition(":")
    return Endpoint(_not_of_the_lab(host(name)), port(digits) if colon else 443)


def domain(text: str) -> str:
    """A domain of an app: a host or a pattern of hosts, with a path or without."""
    name, slash, path = text.partition("/")
    if "://" not in text and "*" in name:
        _pattern(name)
    else:
        _not_of_the_lab(host(text if "://" in text else name))
    if slash and path not in ("", "*"):
        _path(slash + path, name)
    return Domain.read(text).text


def _pattern(text: str) -> None:
    """A pattern of hosts: `*` stands for a part of one label."""
    labels = text.split(".")
    if any(label.count("*") > 1 for label in labels):
        raise BadValueError(f"`{text}` has two stars in one label", "write one between two dots at most")
    # What stands for the stars is as good as any name: the rest is looked at as every host is.
    host(text.replace("*", "x"))
    if "*" in labels[-1]:
        raise BadValueError(f"`{text}` would be hosts of everybody's", "write a star in front of a domain of your own")


def _path(text: str, name: str) -> None:
    if "?" in text or "#" in text:
        raise BadValueError(f"`{text}` is more than a path", "leave out what follows the `?` or `#`")
    if text.endswith("/"):
        raise BadValueError(f"`{text}` ends with a slash", f"write `{name}{text.rstrip('/')}`: it covers all below")
    segments = text[1:].split("/")
    if not _PATH.fullmatch(text) or {".", ".."} & set(segments):
        raise BadValueError(
            f"`{text}` is not a plain path", "write letters, digits and `-._~!$&'()+,=:@` between slashes"
        )
    if any(segment.count("*") > 1 for segment in segments):
        raise BadValueError(f"`{text}` has two stars in one part", "write one between two slashes at most")
    if is_reserved(text.lower()):
        raise BadValueError(f"`{text}` is the gate's own on every host", "take another path")


def _not_of_the_lab(name: str) -> str:
    if name in LAB_HOSTS:
        raise BadValueError(f"`{name}` is a host of the lab", "take another host name")
    return name


def port(text: str) -> int:
    """A port from 1 to 65535, in digits."""
    if not re.fullmatch("[1-9][0-9]{0,4}", text) or int(text) > 65535:
        raise BadValueError(f"`{text}` is not a port", "write a number from 1 to 65535")
    return int(text)


def listener(text: str) -> Endpoint:
    """Where to listen: `127.0.0.1:8443` or `[::1]:8443`."""
    name, colon, digits = text.rpartition(":")
    bracketed = name.startswith("[") and name.endswith("]")
    address = _address(name[1:-1] if bracketed else name)
    if not colon or address is None or bracketed is not isinstance(address, IPv6Address):
        raise BadValueError(f"`{text}` is not an address to listen on", "write it as `127.0.0.1:8443` or `[::1]:8443`")
    return Endpoint(str(address), port(digits))


def proxy(text: str) -> Network:
    """The address or the range of trusted proxies."""
    try:
        return network(text)
    except ValueError as error:
        raise BadValueError(f"`{text}` is not an address or a CIDR range", str(error)) from None


def is_loopback(name: str) -> bool:
    """Whether a host is this machine: a loopback address, or a name under `.localhost` (RFC 6761 section 6.3)."""
    address = _address(name)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback if address else name == "localhost" or name.endswith(".localhost")


def host_of(text: str) -> str:
    """The host of an address, or "" where it has none."""
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""


def origin(text: str) -> Url:
    """An app's origin: scheme, host and port, nothing else, since targets are forwarded as they came."""
    return _bare(text, "http://127.0.0.1:9000", "the target of a request is forwarded as it came")


def authority(text: str) -> str:
    """The address of Entra's sign-in service, without the tenant."""
    return _private(_bare(text, "https://login.microsoftonline.com", "the tenant stands in `tenant`")).text


def graph(text: str) -> str:
    """The address of a Microsoft Graph, without a version."""
    return _private(_bare(text, "https://graph.microsoft.com", "what is asked there is for the gate to say")).text


def issuer(text: str) -> str:
    """An OpenID provider's issuer, exactly as the provider writes it (OpenID Connect Discovery, section 4.3)."""
    _private(_url(text, "https://login.example.com"))
    return text


def evaluation(text: str) -> str:
    """The address of a service that is asked about visitors, or of its keys; it may be within a network."""
    url = _url(text, "https://access.example.com/evaluate")
    if url.scheme == "http" and not is_loopback(url.host):
        raise BadValueError(f"`{text}` is not https", "write `https://`: http is for this machine alone")
    return text


def web_origin(text: str) -> str:
    """The origin of a page, as a browser sends it (RFC 6454 section 6.1)."""
    url = _bare(text, "https://app.example.com", "an origin has none")
    default = {"https": 443, "http": 80}[url.scheme]
    shown = f"[{url.host}]" if ":" in url.host else url.host
    canonical = f"{url.scheme}://{shown}" + ("" if url.port == default else f":{url.port}")
    if text != canonical:
        raise BadValueError(f"`{text}` is not how a browser writes it", f"write `{canonical}`")
    return text


def page(text: str) -> str:
    """The origin of a page, or `*` for any."""
    return text if text == ANY else web_origin(text)


def elsewhere(text: str) -> str:
    """The address of a page of somebody else's, to which browsers are sent; it may have a query."""
    head, _, query = text.partition("?")
    url = _url(head, "https://www.example.com/no-access")
    if url.scheme == "http" and not is_loopback(url.host):
        raise BadValueError(f"`{head}` is not https", "write `https://`: http is for this machine alone")
    if query and (not _VISIBLE.fullmatch(query) or set(query) & set('\\<>"{}|^`')):
        raise BadValueError("the query is not plain ASCII", "write its other characters as `%20` and so on")
    return text


def _private(url: Url) -> Url:
    """Refuse a provider that could be read or replaced on its way, or that is inside some network."""
    address = _address(url.host)
    if url.scheme == "http" and not is_loopback(url.host):
        raise BadValueError(f"`{url.text}` is not https", "write `https://`: http is for this machine alone")
    if address is not None and address.is_private and not address.is_loopback:
        raise BadValueError(f"`{url.text}` is a private address", "give the provider a name with a certificate")
    return url


def _bare(text: str, example: str, why: str) -> Url:
    url = _url(text, example)
    if url.path:
        raise BadValueError(f"`{text}` has a path", f"leave it out: {why}")
    return url


def _url(text: str, example: str) -> Url:
    # A user's password may stand in such an address: what has an @ is not shown.
    if "@" in text:
        raise BadValueError("a user name stands in the address", f"write it as `{example}`")
    try:
        split = urlsplit(text)
        number = split.port
    except ValueError:
        split, number = SplitResult("", "", "", "", ""), None
    name = split.hostname or ""
    plausible = _VISIBLE.fullmatch(text) and not set(text) & set('\\<>"{}|^`')
    if not plausible or split.scheme not in {"http", "https"} or not _is_host(name) or number == 0:
        raise BadValueError(f"`{text}` is not an http or https address", f"write it as `{example}`")
    if "?" in text or "#" in text:
        raise BadValueError(f"`{text}` has a query or a fragment", "leave it out")
    path = "" if split.path == "/" else split.path
    number = number or {"http": 80, "https": 443}[split.scheme]
    return Url(split.scheme, name, number, path, text.removesuffix("/") if not path else text)


def _is_host(name: str) -> bool:
    return _address(name) is not None or bool(DOMAIN.fullmatch(name) and not name.rpartition(".")[2].isdigit())


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text) if "%" not in text else None
    except ValueError:
        return None
