"""A provider under examination, and a world for it that is written down beforehand."""

import datetime
from dataclasses import replace
from email.utils import formatdate

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from glassgate.oidc.doctor.case import Addresses, Case, Handshake, Lent, NothingLentError, World
from glassgate.oidc.doctor.findings import State
from glassgate.oidc.http import HttpResponse
from glassgate.oidc.kept import Kept
from glassgate.oidc.provider import GroupsFrom
from glassgate.oidc.relying_party import Outside
from oidc.scripted import (
    AUTHORITY,
    ENTRA,
    ENTRA_ISSUER,
    ISSUER,
    NOW,
    REDIRECT,
    RSA_KEY,
    TENANT,
    Scripted,
    answer,
    document,
    entra_document,
    jwk,
)

TEAM = "https://team.localhost:8443/cdn-cgi/access"
OURS = Addresses(REDIRECT, f"{TEAM}/logout", f"{TEAM}/frontchannel-logout/entra")
GRAPH = "https://graph.localhost:8443"
DISCOVERY = f"{AUTHORITY}/{TENANT}/v2.0/.well-known/openid-configuration"
AUTHORIZE, TOKEN, KEYS = f"{AUTHORITY}/authorize", f"{AUTHORITY}/token", f"{AUTHORITY}/keys"
MEMBER_OF = f"{GRAPH}/v1.0/me/transitiveMemberOf/microsoft.graph.group"
CHECK = f"{GRAPH}/v1.0/me/checkMemberGroups"
GRAPHED = replace(ENTRA, graph=GRAPH, groups_from=GroupsFrom.GRAPH, recheck=3600)

SIGNER = ec.generate_private_key(ec.SECP256R1())
DATE = {"Date": formatdate(NOW, usegmt=True)}


def aadsts(number, error, status=400, text="Something. More of it.", **more):
    """The token endpoint's refusal."""
    said = (
        f"AADSTS{number}: {text}\r\nTrace ID: 11111111-2222\r\nCorrelation ID: 99999999-8888\r\nTimestamp: 2027-01-15"
    )
    return answer({"error": error, "error_description": said, "error_codes": [number], **more}, status)


def back(uri=REDIRECT, mark="?", **said):
    """A redirect to an address of ours."""
    query = "&".join(f"{name}={value}" for name, value in said.items())
    return HttpResponse(302, {"Location": f"{uri}{mark}{query}"})


LOGIN_REQUIRED = back(error="login_required", error_description="AADSTS50058", state="s")


class World_(Scripted):  # noqa: N801
    """Every call of an examination, its answers written beforehand; addresses are known without their query."""

    def __init__(self, answers, **more):
        super().__init__(answers)
        self.more = more
        self.queries = []
        self.given_back = []

    def __call__(self, request):
        address, _, query = request.url.partition("?")
        self.queries.append(query)
        return super().__call__(replace(request, url=address))

    def resolve(self, host):
        return self._said("resolve", ("127.0.0.1",))

    def connect(self, addresses, port):
        return self._said("connect", addresses[0])

    def handshake(self, host, address, port):
        return self._said("handshake", shown(host))

    def borrow(self, provider):
        nothing = NothingLentError("nobody is signed in", "Sign in once.")
        kept = self._said("borrow", nothing)
        return Lent(kept, "Alice Adams", self.given_back.append)

    def _said(self, name, usual):
        said = self.more.get(name, usual)
        if isinstance(said, Exception):
            raise said
        return said

    def read(self, path):
        files = self.more.get("files", {})
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory")
        return files[path]

    def as_world(self):
        outside = Outside(self, self.read, lambda n: "x" * n, self.waits.append)
        clock = self.more.get("clock", lambda: NOW)
        return World(self.resolve, self.connect, self.handshake, outside, clock, self.borrow)


def world(**more):
    """One in which all is well with Entra, but for the answers that `discovery`, `keys`, `token` and so on change."""
    answers = {
        DISCOVERY: more.pop("discovery", answer(entra_document(msgraph_host="graph.localhost:8443"), **DATE)),
        KEYS: more.pop("keys", answer({"keys": [jwk(RSA_KEY, issuer=ENTRA_ISSUER)]}, **DATE)),
        TOKEN: more.pop("token", {"token_type": "Bearer", "access_token": "opaque"}),
        AUTHORIZE: more.pop("authorize", LOGIN_REQUIRED),
        MEMBER_OF: more.pop("groups", answer({"error": {"code": "InvalidAuthenticationToken"}}, 401)),
        CHECK: more.pop("check", {"value": []}),
    }
    return World_(answers | more.pop("also", {}), **more)


def generic_world(**more):
    """The same with another OpenID provider."""
    base = "https://op.example"
    answers = {
        f"{ISSUER}/.well-known/openid-configuration": more.pop("discovery", document()),
        f"{base}/keys": {"keys": [jwk(RSA_KEY)]},
        f"{base}/token": more.pop("token", answer({"error": "unsupported_grant_type"}, 400)),
        f"{base}/authorize": more.pop("authorize", LOGIN_REQUIRED),
    }
    return World_(answers, **more)


def case(provider=ENTRA, given=None, **more):
    """An examination; `more` is for `world`."""
    given = given or world(**more)
    return Case(provider, OURS, given.as_world())


def documented(provider=ENTRA, given=None, **more):
    """An examination that came as far as the document."""
    from glassgate.oidc.doctor import documents

    found = case(provider, given, **more)
    found.at, found.answered = ("127.0.0.1",), "127.0.0.1"
    list(documents.discovery(found))
    list(documents.issuer(found))
    return found


def told(findings):
    """Findings as (state, seen, mend)."""
    return [(str(one.state), one.seen, one.mend) for one in findings]


def one(findings):
    """The only finding."""
    (found,) = findings
    return found


def states(findings):
    return [str(found.state) for found in findings]


def is_broken(finding, seen, mend):
    """Whether it is told as broken, in these words and with this mend."""
    return finding.state is State.BROKEN and seen in finding.seen and mend in finding.mend


def kept(token="the-refresh-token"):
    return Kept(token, ENTRA_ISSUER, "pairwise-subject", "digest")


def certificate(names=("login.localhost",), *, issuer="A Public Authority", days=(-30, 60), key=None, now=NOW):
    """A certificate, good from so many days on till so many."""
    at = datetime.datetime.fromtimestamp(now, datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whoever")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)] if issuer else []))
        .public_key((key or SIGNER).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at + datetime.timedelta(days=days[0]))
        .not_valid_after(at + datetime.timedelta(days=days[1]))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    return builder.sign(key or SIGNER, hashes.SHA256())


def pem(thing):
    """A certificate or a private key, as a file holds it."""
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM)
    return thing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def shown(host, distrust=None, **more):
    """How TLS begins with a host."""
    made = certificate((host,), **more)
    return Handshake(made.public_bytes(serialization.Encoding.DER), "TLSv1.3", distrust)
