"""How authorities of our own sign: the keys, the dates and the files of every certificate that we make."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from glassgate.errors import StartError
from glassgate.state.files import read_private, write_whole

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)  # browsers take no longer one
NEAR_ITS_END = timedelta(days=30)
CLOCKS_DIFFER = timedelta(days=1)
MAX_FILE = 1 << 20

OWN = "put your own there: one PEM file with private key, certificate and chain"
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)

type Extensions = tuple[tuple[x509.ExtensionType, bool], ...]  # each with whether it is critical


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of authority: what it is called, and what keeps it to its purpose."""

    name: x509.Name
    limits: Extensions


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that can sign. `made`: only now, so whoever is to trust it has to be told (again)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    made: bool

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate of a file that holds its key, too."""

    certificate: x509.Certificate
    names: frozenset[str]


def common_name(text: str) -> x509.Name:
    """A name that says what a certificate is, to people."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def key_path(ca_path: Path) -> Path:
    """Where the key of an authority is: beside its certificate."""
    return ca_path.with_suffix(".key")


def stands(certificate: x509.Certificate, at: datetime) -> bool:
    """Whether a certificate is valid, and not near its end."""
    return certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc - NEAR_ITS_END


def signed(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Whether an authority signed a certificate itself."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


def read_ca(path: Path) -> x509.Certificate | None:
    """The certificate of an authority; None where there is none. Raises StartError."""
    data = read(path)
    if data is None:
        return None
    try:
        return x509.load_pem_x509_certificate(data)
    except UNREADABLE as fault:
        raise StartError(
            "holds no certificate", where=str(path), mend="restore it, or move it and its .key away"
        ) from fault


def read_leaf(path: Path) -> Leaf | None:
    """A certificate with its key, from one file (PEM); None where there is none. Raises StartError."""
    data = read(path)
    if data is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificates(data)[0]
        if load_pem_private_key(data, None).public_key() != certificate.public_key():
            raise ValueError("the key is another certificate's")
        return Leaf(certificate, _names(certificate))
    except UNREADABLE as fault:
        raise StartError(
            f"cannot be used as a certificate: {fault}",
            where=str(path),
            mend="put an unencrypted private key, its certificate and the chain into this one file (PEM),"
            " or move it away to have one made",
        ) from fault


def read(path: Path) -> bytes | None:
    """The bytes of a file of certificates; None where there is none. Raises StartError."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise StartError(
            f"cannot be read: {fault.strerror}", where=str(path), mend="make it readable for this user"
        ) from fault


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(name.lower() for name in said.get_values_for_type(x509.DNSName))


def ensure_ca(path: Path, kind: Kind, at: datetime) -> Authority:
    """The authority of `path` (its key beside it, `.key`, 0600), made where it is missing or ends within 30 days.

    To be called with the folder locked. Raises StartError where the files cannot be used or written.
    """
    ca, key = read_ca(path), _read_ca_key(key_path(path))
    key_name = key_path(path).name
    if ca and (key is None or key.public_key() != ca.public_key()):
        raise StartError(
            f"its key ({key_name}) is missing or another one, so nothing can be signed",
            where=str(path),
            mend=f"restore the key, or move {path.name} and {key_name} away to have new ones made",
        )
    if ca and key and stands(ca, at):
        return Authority(ca, key, made=False)
    if ca and ca.subject != kind.name:
        raise StartError("is not ours, and near its end", where=str(path), mend="renew it")
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
        write_whole(key_path(path), pem(key))
    # A key without a certificate (a crash came in between), or one whose certificate ends, is used again:
    # so the two files belong together at every moment.
    ca = _ca_certificate(kind, key, at)
    write_whole(path, ca.public_bytes(Encoding.PEM), mode=0o644)
    return Authority(ca, key, made=True)


def _read_ca_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    data = read_private(path)
    if data is None:
        return None
    try:
        key = load_pem_private_key(data, None)
    except UNREADABLE as fault:
        raise StartError("holds no private key", where=str(path), mend="restore it") from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StartError("is not the key of a CA of ours", where=str(path), mend=OWN)
    return key


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as files hold it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _ca_certificate(kind: Kind, key: ec.EllipticCurvePrivateKey, at: datetime) -> x509.Certificate:
    extensions: Extensions = ((x509.BasicConstraints(ca=True, path_length=0), True), (_key_usage(ca=True), True))
    builder = _builder(kind.name, kind.name, key, at, at + CA_LIFE)
    return _with(builder, (*extensions, *kind.limits)).sign(key, hashes.SHA256())


def make_leaf(path: Path, subject: x509.Name, purpose: Extensions, ca: Authority, at: datetime) -> None:
    """Write a new certificate of an authority's to `path`: key, certificate, authority (PEM; 0600).

    Raises ValueError where what it is to say can stand in no certificate, StartError where it cannot be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(at + LEAF_LIFE, ca.certificate.not_valid_after_utc)
    extensions: Extensions = (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(ca=False), True),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), False),
    )
    builder = _builder(subject, ca.certificate.subject, key, at, end)
    leaf = _with(builder, (*extensions, *purpose)).sign(ca.key, hashes.SHA256())
    write_whole(path, pem(key) + leaf.public_bytes(Encoding.PEM) + ca.pem)


def _with(builder: x509.CertificateBuilder, extensions: Extensions) -> x509.CertificateBuilder:
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, at: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - CLOCKS_DIFFER)
        .not_valid_after(end - timedelta(seconds=1))  # both ends count (RFC 5280, section 4.1.2.5)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
