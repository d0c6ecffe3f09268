"""Proves to a token endpoint that it is this client who asks (RFC 6749, section 2.3.1; RFC 7523, section 2.2)."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from glassgate.oidc.errors import ProviderRefused, Reason, SignInError
from glassgate.oidc.keys import RSA_BITS
from glassgate.oidc.signed import COMPACT

LIFETIME = 300  # seconds of an assertion; Entra takes ten minutes at most
BACKDATED = 60  # seconds, for a provider whose clock is behind
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION = 16_384  # characters of a federated token

# The keys of the configuration that name files, and what to do about such a file.
KEY, CERTIFICATE, TOKEN_FILE = "certificate.key", "certificate.certificate", "federated_token_file"
READABLE = "name a file that is there, and that the gate's own user may read"
NEW_PAIR = "make an RSA key of 3072 bits with a certificate for it, and upload that one"
TOKENS = "name the file that your platform writes its identity's token into"
NO_PEM = {
    KEY: ("holds no private key without a passphrase", "name the PEM file of the private key"),
    CERTIFICATE: ("holds no certificate that can be read", "name the PEM file of the certificate, as it was uploaded"),
}


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A shared secret."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """An RSA key and the certificate that was registered for it (PEM), by which assertions are signed."""

    key: Path
    certificate: Path
    algorithm: str = "PS256"  # or "RS256"


@dataclass(frozen=True, slots=True)
class FederatedToken:
    """A file that holds an assertion of another identity (Entra's workload identity federation), renewed by others."""

    path: Path


type Credential = ClientSecret | ClientCertificate | FederatedToken
type ReadFile = Callable[[Path], bytes]  # raises OSError


class UnusableFileError(SignInError):
    """A file of a credential that cannot be used (client_auth).

    `key` is the key of the configuration that names it, "certificate.key"; `mend` what to do, to go on a sentence with.
    """

    def __init__(self, key: str, path: Path, why: str, mend: str) -> None:
        super().__init__(Reason.CLIENT_AUTH, f"{path} {why}")
        self.key = key
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Proof:
    """What goes into one token request: fields of its form, and headers."""

    fields: dict[str, str] = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """This client at one provider. `credentials` are tried in order, so that an old one may stand beside a new one.

    `chance(n)` gives n random bytes as URL-safe text.
    """

    client_id: str
    credentials: tuple[Credential, ...]
    read: ReadFile
    chance: Callable[[int], str]

    def proven[T](self, endpoint: str, method: str, now: float, call: Callable[[Proof], T]) -> T:
        """Make `call` with the first credential that the provider takes.

        `method` says how a secret is sent: "client_secret_basic" or "client_secret_post". Only `invalid_client`
        makes it try the next one: with any other answer the grant may be used up (RFC 6749, section 5.2).
        Raises what `call` raises, and client_auth where a file cannot be used.
        """
        proofs = self._proofs(endpoint, method, now)
        while True:
            made, is_last = next(proofs)
            try:
                if isinstance(made, SignInError):
                    raise made
                return call(made)
            except SignInError as fault:
                if is_last or not _is_about_the_client(fault):
                    raise

    def _proofs(self, endpoint: str, method: str, now: float) -> Iterator[tuple[Proof | SignInError, bool]]:
        last = len(self.credentials) - 1
        for place, credential in enumerate(self.credentials):
            try:
                made: Proof | SignInError = self._proof(credential, endpoint, method, now)
            except SignInError as fault:
                made = fault
            yield made, place == last

    def _proof(self, credential: Credential, endpoint: str, method: str, now: float) -> Proof:
        if isinstance(credential, ClientSecret):
            if method == "client_secret_post":
                return Proof({"client_id": self.client_id, "client_secret": credential.value})
            return Proof({}, (("Authorization", _basic(self.client_id, credential.value)),))
        if isinstance(credential, FederatedToken):
            assertion = _federated(credential, self.read)
        else:
            key, certificate = read_certificate(credential, self.read)
            assertion = _signed(self, key, certificate, credential.algorithm, endpoint, now)
        return Proof(
            {
                "client_id": self.client_id,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion,
            }
        )


def check_credential(credential: Credential, read: ReadFile) -> None:
    """See that the files of a credential can be used. Raises UnusableFileError."""
    if isinstance(credential, ClientCertificate):
        read_certificate(credential, read)
    elif isinstance(credential, FederatedToken):
        _federated(credential, read)


def read_certificate(credential: ClientCertificate, read: ReadFile) -> tuple[RSAPrivateKey, x509.Certificate]:
    """The key and its certificate. Raises UnusableFileError, which names the file and says what is wrong."""
    key = _pem(KEY, credential.key, read, lambda data: load_pem_private_key(data, None))
    certificate, certified = _pem(CERTIFICATE, credential.certificate, read, _read_certificate)
    if not isinstance(key, RSAPrivateKey):
        raise UnusableFileError(KEY, credential.key, "is no RSA key", NEW_PAIR)
    if key.key_size not in RSA_BITS:
        why = f"has {key.key_size} bits, expected {RSA_BITS.start} to {RSA_BITS.stop - 1}"
        raise UnusableFileError(KEY, credential.key, why, NEW_PAIR)
    if key.public_key() != certified:
        why = f"is not the certificate of {credential.key}"
        raise UnusableFileError(CERTIFICATE, credential.certificate, why, "name the two files that were made together")
    return key, certificate


def _read_certificate(data: bytes) -> tuple[x509.Certificate, CertificatePublicKeyTypes]:
    certificate = x509.load_pem_x509_certificate(data)
    return certificate, certificate.public_key()


def _pem[T](name: str, path: Path, read: ReadFile, load: Callable[[bytes], T]) -> T:
    try:
        return load(_contents(name, path, read))
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise UnusableFileError(name, path, *NO_PEM[name]) from fault


def _contents(name: str, path: Path, read: ReadFile) -> bytes:
    try:
        return read(path)
    except OSError as fault:
        raise UnusableFileError(name, path, f"cannot be read: {fault.strerror}", READABLE) from fault


def _signed(
    client: ClientAuth, key: RSAPrivateKey, certificate: x509.Certificate, algorithm: str, endpoint: str, now: float
) -> str:
    claims = {
        "aud": endpoint,
        "iss": client.client_id,
        "sub": client.client_id,
        "jti": client.chance(16),
        "iat": int(now),
        "nbf": int(now) - BACKDATED,
        "exp": int(now) + LIFETIME,
    }
    # Entra finds the certificate by its thumbprint; the older algorithm goes with the older one.
    headers = {"x5t#S256": _text(certificate.fingerprint(hashes.SHA256()))}
    if algorithm == "RS256":
        der = certificate.public_bytes(Encoding.DER)
        headers["x5t"] = _text(hashlib.sha1(der, usedforsecurity=False).digest())
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def _federated(credential: FederatedToken, read: ReadFile) -> str:
    try:
        text = _contents(TOKEN_FILE, credential.path, read).decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not COMPACT.fullmatch(text) or len(text) > MAX_ASSERTION:
        raise UnusableFileError(TOKEN_FILE, credential.path, "holds no token", TOKENS)
    return text


def _basic(client_id: str, secret: str) -> str:
    # Form-encoded before they are joined, so that a colon in either has one meaning (RFC 6749, 2.3.1).
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"


def _is_about_the_client(fault: SignInError) -> bool:
    refused = isinstance(fault, ProviderRefused) and fault.error == "invalid_client"
    return refused or fault.reason is Reason.CLIENT_AUTH


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
