"""The first links: a host's name, a connection to it, and whose certificate it shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from glassgate.oidc.doctor.case import Case, Handshake
from glassgate.oidc.doctor.findings import Finding, broken, ok, warning
from glassgate.oidc.http import is_loopback_name
from glassgate.oidc.metadata import origin

SOON = timedelta(days=14)  # before the end of a provider's certificate
MOST_NAMES = 3  # of a certificate's that are told

# OpenSSL's numbers (x509_vfy.h).
NOT_YET_VALID, EXPIRED, OTHER_NAME, OTHER_IP = 9, 10, 62, 64
UNKNOWN_AUTHORITY = frozenset((2, 18, 19, 20, 21))


def dns(case: Case) -> Iterator[Finding]:
    """The host name has an address."""
    host = host_of(case.home)
    try:
        case.at = case.world.resolve(host)
    except OSError as fault:
        yield broken(
            f"{host} has no address: {_why(fault)}",
            f"See `{case.place}` in config.yaml for a mistyped name, and the resolver of this machine: the gate asks it"
            " directly, and goes through no proxy.",
        )
        return
    if is_loopback_name(host):
        yield ok(f"{host} is this machine")
    else:
        yield ok(f"{host} is {_some(case.at, 'address')}")


def tcp(case: Case) -> Iterator[Finding]:
    """Somebody listens there."""
    port = port_of(case.home)
    try:
        case.answered = case.world.connect(case.at, port)
    except OSError as fault:
        mend = f"See that a firewall lets this machine out to {host_of(case.home)}, port {port}, directly."
        if is_loopback_name(host_of(case.home)):
            mend = f"Start what should answer there (the lab: `./run.sh`), or mend `{case.place}` in config.yaml."
        yield broken(f"nothing answers at {case.at[0]}, port {port}: {_why(fault)}", mend)
        return
    yield ok(f"{case.answered} answers at port {port}")


def tls(case: Case) -> Iterator[Finding]:
    """Its certificate is good for the name, and signed by somebody who is trusted."""
    if urlsplit(case.home).scheme == "http":
        yield ok("none: plain http, on this machine")
        return
    yield judged(case, case.home, case.answered)


def judged(case: Case, address: str, at: str) -> Finding:
    """What the certificate of a host of the provider's comes to."""
    host = host_of(address)
    try:
        shown = case.world.handshake(host, at, port_of(address))
        certificate = x509.load_der_x509_certificate(shown.certificate)
    except OSError as fault:
        return broken(
            f"{host} does not speak TLS: {_why(fault)}",
            f"See that port {port_of(address)} is where it answers https.",
        )
    except ValueError:
        return broken(f"{host} shows a certificate that cannot be read", "Tell whoever runs it.")
    if shown.distrust:
        return _distrusted(case, host, certificate, *shown.distrust)
    return _trusted(case, host, shown, certificate)


def _trusted(case: Case, host: str, shown: Handshake, certificate: x509.Certificate) -> Finding:
    end = certificate.not_valid_after_utc
    seen = f"{host}, signed by {issuer(certificate)}, until {end:%Y-%m-%d}, {shown.version}"
    if end - datetime.fromtimestamp(case.world.clock(), UTC) < SOON:
        return warning(seen, "The certificate ends soon: see that whoever runs it renews it.")
    return ok(seen)


def _distrusted(case: Case, host: str, certificate: x509.Certificate, number: int, words: str) -> Finding:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if number in (NOT_YET_VALID, EXPIRED):
        return broken(
            f"the certificate of {host} is good from {begin:%Y-%m-%d} to {end:%Y-%m-%d}, and this machine's clock says"
            f" {datetime.fromtimestamp(case.world.clock(), UTC):%Y-%m-%d %H:%M} UTC",
            "Set the clock of this machine by NTP. If it is right, whoever runs the host has to renew the certificate.",
        )
    if OTHER_NAME <= number <= OTHER_IP:
        return broken(
            f"the certificate is not for {host}, but for {_some(names(certificate), 'name')}",
            f"Write the host as its certificate has it: see `{case.place}` in config.yaml. Or another machine answers"
            " here in its place.",
        )
    if number not in UNKNOWN_AUTHORITY:
        return broken(f"the certificate of {host} is not taken: {words}", "Tell whoever runs it.")
    seen = f"the certificate of {host} is signed by {issuer(certificate)}, whom "
    if case.provider.ca:
        return broken(
            f"{seen}{case.provider.ca} does not have",
            "Name the PEM file of that authority in `ca`; or leave the key out, to trust whom the system trusts.",
        )
    return broken(
        f"{seen}this system does not trust",
        "If that authority is your own (of your provider, or of a proxy that opens TLS), name its PEM file in `ca`. If"
        " it should be a public one, something answers in the provider's place.",
    )


def host_of(address: str) -> str:
    """The host of an address."""
    return origin(address)[1]


def port_of(address: str) -> int:
    """The port of an address."""
    return origin(address)[2] or 443


def issuer(certificate: x509.Certificate) -> str:
    """Who signed a certificate, in a few words."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := certificate.issuer.get_attributes_for_oid(kind):
            return _plain(str(found[0].value))
    return "somebody without a name"


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names that a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(_plain(name) for name in found.get_values_for_type(x509.DNSName))


def _some(found: tuple[str, ...], what: str) -> str:
    if not found:
        return f"no {what}"
    more = len(found) - MOST_NAMES
    return ", ".join(found[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text[:100])


def _why(fault: OSError) -> str:
    return (fault.strerror or str(fault) or type(fault).__name__).strip().rstrip(".").lower()
