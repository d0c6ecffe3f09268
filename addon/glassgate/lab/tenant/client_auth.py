"""Checks which application asks for tokens: by a secret (RFC 6749, 2.3.1) or by an assertion (RFC 7523, 2.2)."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.types import Options

from glassgate.lab.tenant.authorize import Params, only, required
from glassgate.lab.tenant.cloud import Call
from glassgate.lab.tenant.errors import TenantError, instant
from glassgate.lab.tenant.registration import Federated, Registration

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["PS256", "RS256"]
LONGEST = 16 * 1024  # characters of an assertion
AHEAD = 15 * 60  # seconds that an assertion may end ahead: Entra's ten minutes, and clocks that differ
SKEW = 300  # seconds that a client's clock may be ahead
# By our clock and with names of our own, further down.
UNTIMED: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


def authenticate(call: Call, form: Params, basic: tuple[str, str] | None) -> Registration:
    """The application that proves itself, by one way alone.

    `basic` is what `Authorization: Basic` held, still form-encoded. Raises TenantError.
    """
    secret, assertion = only(form, "client_secret"), only(form, "client_assertion", LONGEST)
    if sum(way is not None for way in (basic, secret, assertion)) > 1:
        raise TenantError(9002313)
    if assertion:
        return _by_assertion(call, form, assertion)
    if basic:
        client_id, secret = (unquote_plus(part) for part in basic)
    else:
        client_id = required(form, "client_id")
    if (only(form, "client_id") or client_id) != client_id:
        raise TenantError(700016, client=client_id, directory=call.authority.title)
    client = call.client(client_id)
    if not secret:
        raise TenantError(7000218)
    if not any(hmac.compare_digest(secret.encode(), known.encode()) for known in client.secrets):
        raise TenantError(7000215, client=client_id)
    return client


def _by_assertion(call: Call, form: Params, assertion: str) -> Registration:
    if only(form, "client_assertion_type") != BEARER:
        raise TenantError(90023, name="client_assertion_type")
    try:
        unproven = jwt.decode_complete(assertion, options={"verify_signature": False})
    except jwt.PyJWTError as fault:
        raise TenantError(50027) from fault
    header, claims = unproven["header"], unproven["payload"]
    client = call.client(only(form, "client_id") or str(claims.get("sub", "")))
    if claims.get("iss") == client.client_id:
        _check_own(call, client, assertion, header, claims)
    else:
        _check_federated(client, assertion, claims)
    _check_times(claims, call.now)
    return client


def _check_own(
    call: Call, client: Registration, assertion: str, header: Mapping[str, Any], claims: Mapping[str, Any]
) -> None:
    """An assertion that the application signed itself, by a certificate of its registration."""
    certificate = _certificate(client, header)
    _verify(assertion, certificate.public_key())
    if claims.get("sub") != client.client_id:
        raise _no_record(claims)
    if claims.get("aud") not in audiences(call):
        raise TenantError(700023)
    begin, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    if not begin <= call.now <= end:
        raise TenantError(1000502)


def audiences(call: Call) -> set[str]:
    """For whom an assertion may be made: the token endpoint, by whichever name of this tenant, of all, or of none."""
    directory = call.authority.directory
    names = {call.authority.name, "common", "organizations"}
    names |= {directory.tenant_id, directory.domain} if directory else set()
    ends = ("oauth2/v2.0/token", "v2.0")
    return {"/".join(filter(None, (call.cloud.origin, name, end))) for name in (*names, "") for end in ends}


def _check_federated(client: Registration, assertion: str, claims: Mapping[str, Any]) -> None:
    """A token of another issuer, for whom the registration has a federated credential."""
    audience = claims.get("aud")
    said = (claims.get("iss"), claims.get("sub"), audience[0] if isinstance(audience, list) and audience else audience)
    fitting = [one for one in client.federated if (one.issuer, one.subject, one.audience) == said]
    if not fitting:
        raise _no_record(claims)
    for one in fitting:
        if _is_signed_by(assertion, one):
            return
    raise TenantError(700027, value="")


def _is_signed_by(assertion: str, credential: Federated) -> bool:
    try:
        _verify(assertion, jwt.PyJWK(dict(credential.key), algorithm="RS256").key)
    except TenantError:
        return False
    return True


def _certificate(client: Registration, header: Mapping[str, Any]) -> x509.Certificate:
    """The certificate whose thumbprint an assertion names, by SHA-256 or by SHA-1, with padding or without."""
    named = str(header.get("x5t#S256") or header.get("x5t") or "").rstrip("=")
    for certificate in _certificates(client):
        if any(hmac.compare_digest(named.encode(), make(certificate).encode()) for make in THUMBPRINTS):
            return certificate
    raise TenantError(700027, value=named)


def _certificates(client: Registration) -> Iterator[x509.Certificate]:
    for pem in client.certificates:
        yield from x509.load_pem_x509_certificates(pem)


def _sha256(certificate: x509.Certificate) -> str:
    return _text(certificate.fingerprint(hashes.SHA256()))


def _sha1(certificate: x509.Certificate) -> str:
    return _text(hashlib.sha1(certificate.public_bytes(Encoding.DER), usedforsecurity=False).digest())


THUMBPRINTS: tuple[Callable[[x509.Certificate], str], ...] = (_sha256, _sha1)


def _verify(assertion: str, key: Any) -> None:
    try:
        jwt.decode(assertion, key, algorithms=ALGORITHMS, options=UNTIMED)
    except (jwt.PyJWTError, TypeError) as fault:
        raise TenantError(700027, value="") from fault


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    # MSAL's assertions serve for nine minutes, so one that comes twice is no replay.
    since = _time(claims, "nbf" if "nbf" in claims else "iat")
    until = _time(claims, "exp")
    if not (since - SKEW <= now < until <= now + AHEAD):
        raise TenantError(700024, now=instant(now), since=instant(since), until=instant(until))


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)  # MSAL writes floats
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1 << 37:
        raise TenantError(50027)
    return float(value)


def _no_record(claims: Mapping[str, Any]) -> TenantError:
    said = {name: str(claims.get(claim, "")) for name, claim in
            (("issuer", "iss"), ("subject", "sub"), ("audience", "aud"))}  # fmt: skip
    return TenantError(70021, **said)


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
