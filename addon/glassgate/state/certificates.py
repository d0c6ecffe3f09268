"""Certificates for a gate that has none: a local CA that can sign for localhost alone, and the edge's own."""

import ipaddress
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from glassgate.errors import StartError
from glassgate.state.files import locked, not_writable, read_private
from glassgate.state.issuing import (
    OWN,
    UNREADABLE,
    Kind,
    Leaf,
    common_name,
    ensure_ca,
    key_path,
    make_leaf,
    read,
    read_ca,
    read_leaf,
    signed,
    stands,
)

MAX_NAMES = 100
DOMAIN = "localhost"
NOWHERE = [x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0")]
LOCAL = Kind(
    common_name("glassgate local CA, for localhost alone"),
    ((x509.NameConstraints([x509.DNSName(DOMAIN)], NOWHERE), True),),
)
EDGE = common_name("glassgate edge")


@dataclass(frozen=True, slots=True)
class Made:
    """What was done, and what is unwise about what stands there."""

    ca: bool = False  # a CA was made: it has to be trusted (again)
    leaf: bool = False
    warnings: tuple[str, ...] = ()


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
    ca, leaf = read_ca(ca_path), read_leaf(leaf_path)
    if leaf is None:
        return None
    if ca is None or not signed(leaf.certificate, ca):
        return Made(warnings=_amiss(leaf_path, leaf, hosts, at))
    for secret in (leaf_path, key_path(ca_path)):
        read_private(secret)
    good = stands(leaf.certificate, at) and stands(ca, at) and leaf.names >= set(hosts)
    return Made() if good else None


def _make(ca_path: Path, leaf_path: Path, hosts: Sequence[str], at: datetime) -> Made:
    ca = ensure_ca(ca_path, LOCAL, at)
    leaf = read_leaf(leaf_path)
    # What the older one names stays in: another configuration may share the certificate.
    names = set(hosts) | (leaf.names if leaf else set())
    serves = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    try:
        said = [x509.DNSName(name) for name in sorted(names if len(names) <= MAX_NAMES else set(hosts))]
        make_leaf(leaf_path, EDGE, ((serves, False), (x509.SubjectAlternativeName(said), False)), ca, at)
    except ValueError as fault:
        raise StartError(f"no certificate can name these hosts: {fault}", where=str(leaf_path), mend=OWN) from fault
    return Made(ca=ca.made, leaf=True)


def _amiss(path: Path, leaf: Leaf, hosts: Sequence[str], at: datetime) -> tuple[str, ...]:
    said = []
    if (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        said.append(f"{path} holds a private key, and others than its owner may read it (mode {mode:04o})")
    if missing := [host for host in hosts if not _covers(leaf.names, host)]:
        said.append(f"{path} is not good for {', '.join(missing)}: browsers will warn of it")
    if not stands(leaf.certificate, at):
        said.append(f"{path} is valid until {leaf.certificate.not_valid_after_utc:%Y-%m-%d}: renew it")
    return tuple(said)


def _covers(names: frozenset[str], host: str) -> bool:
    # A wildcard stands for one whole label (RFC 9525, section 6.3).
    return host in names or f"*.{host.partition('.')[2]}" in names


def check_leaf(path: Path) -> None:
    """See that a certificate of the user's own is there: PEM, key and certificate. Raises StartError."""
    if read_leaf(path) is None:
        raise StartError("is not there", where=str(path), mend=OWN)


def check_authorities(path: Path) -> None:
    """See that a file holds certificates to trust (PEM). Raises StartError."""
    data = read(path)
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
