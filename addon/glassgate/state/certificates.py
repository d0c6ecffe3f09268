"""Certificates for a gate that has none: a local CA that can sign for localhost alone, and the edge's own."""

import ipaddress
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from glassgate.errors import StartError
from glassgate.state.files import locked, not_writable, read_private, write_whole

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)  # browsers take no longer one
NEAR_ITS_END = timedelta(days=30)
CLOCKS_DIFFER = timedelta(days=1)
MAX_NAMES = 100
DOMAIN = "localhost"
CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "glassgate local CA, for localhost alone")])
LEAF_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "glassgate edge")])
MAX_FILE = 1 << 20

OWN = "put your own there: one PEM file with private key, certificate and chain"
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


@dataclass(frozen=True, slots=True)
class Made:
    """What was done, and what is unwise about what stands there."""

    ca: bool = False  # a CA was made: it has to be trusted (again)
    leaf: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Leaf:
    certificate: x509.Certificate
    names: frozenset[str]


def ensure_edge_certificate(ca_path: Path, leaf_path: Path, hosts: Sequence[str], now: float) -> Made:
    """See that `leaf_path` (PEM: key, certificate, CA; 0600) is good for every one of `hosts`.

    It is made when it is missing, ends within 30 days, or lacks a host; one that our CA did not sign is never
    touched, and what is amiss with it comes back as warnings. The CA (`ca_path`; its key beside it, `.key`, 0600)
    is made when it is needed and missing, or ends within 30 days. A critical name constraint keeps it to
    `localhost` and the names below, and to no IP address (RFC 5280, section 4.2.1.10).
    Raises StartError for other hosts, and where a file cannot be used or written.
    """
    at = datetime.fromtimestamp(now, UTC)
    # First without a lock: where nothing is to be made, the folder may be read-only.
    if verdict := _good_enough(ca_path, leaf_path, hosts, at):
        return verdict
    _check_hosts(leaf_path, hosts)
    for folder in (ca_path.parent, leaf_path.parent):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise not_writable(folder, fault) from fault
    with locked(ca_path.parent):
        # Another process may have made it while this one waited.
        return _good_enough(ca_path, leaf_path, hosts, at) or _make(ca_path, leaf_path, hosts, at)


def _good_enough(ca_path: Path, leaf_path: Path, hosts: Sequence[str], at: datetime) -> Made | None:
    ca, leaf = _read_ca(ca_path), _read_leaf(leaf_path)
    if leaf is None:
        return None
    if ca is None or not _signed(leaf.certificate, ca):
        return Made(warnings=_amiss(leaf_path, leaf, hosts, at))
    for secret in (leaf_path, _key_path(ca_path)):
        read_private(secret)
    good = _stands(leaf.certificate, at) and _stands(ca, at) and leaf.names >= set(hosts)
    return Made() if good else None


def _make(ca_path: Path, leaf_path: Path, hosts: Sequence[str], at: datetime) -> Made:
    made, ca, ca_key = _ensure_ca(ca_path, _read_ca(ca_path), at)
    leaf = _read_leaf(leaf_path)
    # What the older one names stays in: another configuration may share the certificate.
    names = set(hosts) | (leaf.names if leaf else set())
    _make_leaf(leaf_path, sorted(names if len(names) <= MAX_NAMES else set(hosts)), ca, ca_key, at)
    return Made(ca=made, leaf=True)


def _key_path(ca_path: Path) -> Path:
    return ca_path.with_suffix(".key")


def _stands(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc - NEAR_ITS_END


def _signed(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


def _amiss(path: Path, leaf: _Leaf, hosts: Sequence[str], at: datetime) -> tuple[str, ...]:
    said = []
    if (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        said.append(f"{path} holds a private key, and others than its owner may read it (mode {mode:04o})")
    if missing := [host for host in hosts if not _covers(leaf.names, host)]:
        said.append(f"{path} is not good for {', '.join(missing)}: browsers will warn of it")
    if not _stands(leaf.certificate, at):
        said.append(f"{path} is valid until {leaf.certificate.not_valid_after_utc:%Y-%m-%d}: renew it")
    return tuple(said)


def _covers(names: frozenset[str], host: str) -> bool:
    # A wildcard stands for one whole label (RFC 9525, section 6.3).
    return host in names or f"*.{host.partition('.')[2]}" in names


def check_leaf(path: Path) -> None:
    """See that a certificate of the user's own is there: PEM, key and certificate. Raises StartError."""
    if _read_leaf(path) is None:
        raise StartError("is not there", where=str(path), mend=OWN)


def check_authorities(path: Path) -> None:
    """See that a file holds certificates to trust (PEM). Raises StartError."""
    data = _read(path)
    if data is None:
        raise StartError("is not there", where=str(path), mend="name the PEM file of the authority")
    try:
        x509.load_pem_x509_certificates(data)
    except UNREADABLE as fault:
        raise StartError("holds no certificate", where=str(path), mend="name the PEM file of the authority") from fault


def _check_hosts(leaf_path: Path, hosts: Sequence[str]) -> None:
    foreign = [host for host in hosts if host != DOMAIN and not host.endswith(f".{DOMAIN}")]
    if foreign:
        state = "is the local CA's" if leaf_path.exists() else "is not there"
        raise StartError(
            f"{state}, and the local CA can sign for {DOMAIN} and the names below it alone: not for "
            f"{', '.join(foreign)}",
            where=str(leaf_path),
            mend=OWN,
        )


def _read_ca(path: Path) -> x509.Certificate | None:
    data = _read(path)
    if data is None:
        return None
    try:
        return x509.load_pem_x509_certificate(data)
    except UNREADABLE as fault:
        raise StartError(
            "holds no certificate", where=str(path), mend="restore it, or move it and its .key away"
        ) from fault


def _read_leaf(path: Path) -> _Leaf | None:
    data = _read(path)
    if data is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificates(data)[0]
        if load_pem_private_key(data, None).public_key() != certificate.public_key():
            raise ValueError("the key is another certificate's")
        return _Leaf(certificate, _names(certificate))
    except UNREADABLE as fault:
        raise StartError(
            f"cannot be used as a certificate: {fault}",
            where=str(path),
            mend="put an unencrypted private key, its certificate and the chain into this one file (PEM),"
            " or move it away to have one made",
        ) from fault


def _read(path: Path) -> bytes | None:
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


def _ensure_ca(
    path: Path, ca: x509.Certificate | None, at: datetime
) -> tuple[bool, x509.Certificate, ec.EllipticCurvePrivateKey]:
    key_path = _key_path(path)
    key = _read_ca_key(key_path)
    if ca and (key is None or key.public_key() != ca.public_key()):
        raise StartError(
            f"its key ({key_path.name}) is missing or another one, so nothing can be signed",
            where=str(path),
            mend=f"restore the key, or move {path.name} and {key_path.name} away to have new ones made",
        )
    if ca and key and _stands(ca, at):
        return False, ca, key
    if ca and ca.subject != CA_NAME:
        raise StartError("is not ours, and near its end", where=str(path), mend="renew it")
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
        write_whole(key_path, _pem(key))
    # A key without a certificate (a crash came in between), or one whose certificate ends, is used again:
    # so the two files belong together at every moment.
    ca = _ca_certificate(key, at)
    write_whole(path, ca.public_bytes(Encoding.PEM), mode=0o644)
    return True, ca, key


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


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _ca_certificate(key: ec.EllipticCurvePrivateKey, at: datetime) -> x509.Certificate:
    nowhere = [x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0")]
    return (
        _builder(CA_NAME, CA_NAME, key, at, at + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(DOMAIN)], nowhere), critical=True)
        .sign(key, hashes.SHA256())
    )


def _make_leaf(
    path: Path, names: Sequence[str], ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, at: datetime
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(at + LEAF_LIFE, ca.not_valid_after_utc)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    try:
        leaf = (
            _builder(LEAF_NAME, ca.subject, key, at, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(ca_key, hashes.SHA256())
        )
    except ValueError as fault:
        raise StartError(f"no certificate can name these hosts: {fault}", where=str(path), mend=OWN) from fault
    write_whole(path, _pem(key) + leaf.public_bytes(Encoding.PEM) + ca.public_bytes(Encoding.PEM))


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
