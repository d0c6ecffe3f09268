"""What an origin is told so that it takes requests from the gate alone: files for its own server."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jinja2 import Environment, PackageLoader, StrictUndefined
from jwt.algorithms import RSAAlgorithm

from glassgate.access.app import App
from glassgate.access.domain import Domain
from glassgate.access.token import SigningKey
from glassgate.config.settings import Settings
from glassgate.errors import StartError

type Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Gate:
    """What an origin can know the gate by."""

    issuer: str
    keys: tuple[SigningKey, ...]  # of its assertions
    authority: x509.Certificate | None  # of its client certificate; None: it shows none
    addresses: tuple[Address, ...]  # from which it comes


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server: where its files are to lie, and their names, the one to begin with first."""

    folder: str
    files: Mapping[str, str]  # name, with {slug}: template
    authority: str = ""  # the name of the file with the gate's authority
    keys: str = ""  # the names of the files with the public keys of assertions
    certificate: bool = True  # asks the gate for its client certificate
    assertion: bool = True  # checks the gate's assertion


SERVERS = {
    "nginx": Server(
        "/etc/nginx/glassgate",
        {"{slug}.conf": "nginx.conf.jinja", "{slug}.js": "nginx.js.jinja"},
        authority="{slug}.ca.pem",
    ),
    "apache": Server("/etc/apache2/glassgate", {"{slug}.conf": "apache.conf.jinja"}, authority="{slug}.ca.pem"),
    "caddy": Server("/etc/caddy/glassgate", {"{slug}.caddy": "Caddyfile.jinja"}, assertion=False),
    "haproxy": Server(
        "/etc/haproxy/glassgate",
        {"{slug}.cfg": "haproxy.cfg.jinja"},
        authority="{slug}.ca.pem",
        keys="{slug}.{kid}.pub",
    ),
    "nftables": Server("/etc/nftables.d", {"{slug}.nft": "nftables.nft.jinja"}, certificate=False, assertion=False),
}
_COMMENT = {"nginx": "//"}


def protection(app: App, gate: Gate, kind: str, folder: str | None) -> dict[str, str]:
    """The files for a kind of server, by their names; the first is the one to begin with.

    `folder` is where they are to lie on the origin. Raises StartError where that server could not tell the gate.
    """
    server = SERVERS[kind]
    if server.certificate:
        _check(app, gate)
    slug = slug_of(app)
    said = _said(app, gate, kind, folder or server.folder)
    made = {
        name.format(slug=slug): _TEMPLATES.get_template(template).render(said)
        for name, template in server.files.items()
    }
    if server.authority and gate.authority:
        made[server.authority.format(slug=slug)] = gate.authority.public_bytes(Encoding.PEM).decode()
    for key in gate.keys if server.keys else ():
        made[server.keys.format(slug=slug, kid=key.kid[:8])] = _public(key, Encoding.PEM).decode()
    return made


def slug_of(app: App) -> str:
    """The app's name as files and other programs' configurations can have it."""
    return re.sub("[^a-z0-9]+", "-", app.name.lower()).strip("-") or app.aud[:8]


def authority_of(settings: Settings, app: App) -> x509.Certificate | None:
    """The authority of the certificate that an app's origin is shown; None where it is shown none.

    Raises StartError where the file of a certificate of the user's own does not hold its authority.
    """
    path = app.origin.tls.client_certificate
    if path is None:
        return None
    chain = x509.load_pem_x509_certificates(path.read_bytes())
    if len(chain) < 2:
        raise StartError(
            "holds no authority, by which an origin could know the certificate",
            where=str(path),
            mend="append the authority's certificate, or say `client_certificate: true` to have the gate's own",
        )
    return chain[-1]


def _check(app: App, gate: Gate) -> None:
    if app.origin.scheme != "https":
        raise StartError(
            f"the origin of `{app.name}` is plain http, by which nobody proves who they are",
            mend="have it speak TLS and write `origin: https://…`, or keep others away with --for nftables",
        )
    if gate.authority is None:
        raise StartError(
            f"the gate shows the origin of `{app.name}` no certificate",
            mend="say `origin_tls: {client_certificate: true}`, and start the gate anew",
        )


def _said(app: App, gate: Gate, kind: str, folder: str) -> dict[str, object]:
    mark = _COMMENT.get(kind, "#")
    return {
        "by": f"Made by `glassgate origin protect --for {kind}`, for the application {app.name}.",
        "keys_change": f"{mark} It knows the gate's keys of this moment: make it anew after `glassgate keys rotate`.",
        "folder": folder,
        "slug": slug_of(app),
        "issuer": gate.issuer,
        "aud": app.aud,
        "domain": Domain.read(app.domains[0]).host,
        "port": app.origin.port,
        "gates": gate.addresses,
        "ca_der": base64.b64encode(gate.authority.public_bytes(Encoding.DER)).decode() if gate.authority else "",
        "keys": [
            {
                "kid": key.kid,
                "spki": base64.b64encode(_public(key, Encoding.DER)).decode(),
                "jwk": json.dumps({"kid": key.kid, **RSAAlgorithm.to_jwk(key.private_key.public_key(), as_dict=True)}),
            }
            for key in gate.keys
        ],
    }


def _public(key: SigningKey, encoding: Encoding) -> bytes:
    return key.private_key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def _quoted(text: str) -> str:
    """A word of Apache's configuration, whatever it holds."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("glassgate.cli", "origins"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no page: values are checked names, digits and base64
    )
    made.filters["quoted"] = _quoted
    return made


_TEMPLATES = _templates()
