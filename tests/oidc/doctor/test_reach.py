"""The first links: name, connection, certificate. Each is told in one line, and broken ones with their mend."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from glassgate.oidc.doctor import reach
from glassgate.oidc.doctor.case import Handshake
from oidc.doctor.cases import case, is_broken, one, shown
from oidc.scripted import ENTRA, GENERIC

HOST = "login.localhost"
REAL = replace(ENTRA, authority="https://login.microsoftonline.com")


def met(**more):
    """An examination that came as far as a connection."""
    found = case(more.pop("provider", ENTRA), **more)
    found.at, found.answered = ("127.0.0.1",), "127.0.0.1"
    return found


def test_a_name_is_told_with_its_addresses():
    found = case(REAL, resolve=("20.1.1.1", "20.1.1.2", "20.1.1.3", "20.1.1.4", "20.1.1.5"))
    assert one(reach.dns(found)).seen == "login.microsoftonline.com is 20.1.1.1, 20.1.1.2, 20.1.1.3 and 2 more"
    assert found.at[4] == "20.1.1.5"


def test_a_name_of_this_machine_is_told_as_such():
    assert one(reach.dns(case())).seen == "login.localhost is this machine"


def test_a_name_without_an_address_is_broken():
    fault = socket.gaierror(-2, "Name or service not known")
    finding = one(reach.dns(case(REAL, resolve=fault)))
    assert is_broken(finding, "login.microsoftonline.com has no address: name or service not known", "mistyped name")


def test_an_issuer_is_told_by_its_own_key():
    finding = one(reach.dns(case(GENERIC, resolve=TimeoutError("no answer in 5 seconds"))))
    assert is_broken(finding, "op.example has no address: no answer in 5 seconds", "See `issuer` in config.yaml")


def test_a_connection_is_told_with_its_port():
    found = case(REAL, connect="20.1.1.2")
    found.at = ("20.1.1.1", "20.1.1.2")
    assert one(reach.tcp(found)).seen == "20.1.1.2 answers at port 443"
    assert found.answered == "20.1.1.2"


@pytest.mark.parametrize(
    ("provider", "mend"),
    [(REAL, "a firewall lets this machine out to login.microsoftonline.com, port 443"), (ENTRA, "`./run.sh`")],
    ids=["far", "here"],
)
def test_nobody_listening_is_broken(provider, mend):
    found = case(provider, connect=ConnectionRefusedError(111, "Connection refused"))
    found.at = ("127.0.0.1",)
    assert is_broken(one(reach.tcp(found)), "connection refused", mend)


def test_a_good_certificate_is_told_with_its_signer_and_its_end():
    finding = one(reach.tls(met()))
    assert str(finding.state) == "ok"
    assert finding.seen == "login.localhost, signed by A Public Authority, until 2027-03-16, TLSv1.3"


def test_a_certificate_that_ends_soon_is_a_warning():
    finding = one(reach.tls(met(handshake=shown("login.localhost", days=(-30, 5)))))
    assert (str(finding.state), finding.mend) == (
        "warning",
        "The certificate ends soon: see that whoever runs it renews it.",
    )


def test_plain_http_on_this_machine_needs_none():
    provider = replace(GENERIC, issuer="http://127.0.0.1:9000")
    assert one(reach.tls(met(provider=provider))).seen == "none: plain http, on this machine"


DISTRUSTED = [
    (
        "self-signed",
        shown(HOST, (18, "odd")),
        "by A Public Authority, whom this system does not trust",
        "PEM file in `ca`",
    ),
    ("signed by nobody known", shown(HOST, (20, "odd")), "does not trust", "something answers in the provider's place"),
    ("expired", shown(HOST, (10, "odd"), days=(-90, -1)), "is good from 2026-10-17 to 2027-01-14", "Set the clock"),
    ("not valid yet", shown(HOST, (9, "odd"), days=(1, 90)), "is good from 2027-01-16", "Set the clock"),
    (
        "another name",
        shown("a.example", (62, "odd")),
        f"is not for {HOST}, but for a.example",
        "its certificate has it",
    ),
    ("something else", shown(HOST, (24, "odd")), "is not taken: odd", "Tell whoever runs it"),
]


@pytest.mark.parametrize(("said", "seen", "mend"), [row[1:] for row in DISTRUSTED], ids=[row[0] for row in DISTRUSTED])
def test_a_certificate_that_is_not_trusted_is_broken(said, seen, mend):
    assert is_broken(one(reach.tls(met(handshake=said))), seen, mend)


def test_with_a_ca_of_ours_the_mend_is_about_that_one():
    provider = replace(ENTRA, ca=Path("/certs/ca.pem"))
    finding = one(reach.tls(met(provider=provider, handshake=shown("login.localhost", (20, "odd")))))
    assert is_broken(finding, "whom /certs/ca.pem does not have", "in `ca`; or leave the key out")


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), "does not speak TLS: connection reset by peer"),
        (Handshake(b"nonsense", "TLSv1.3"), "shows a certificate that cannot be read"),
    ],
    ids=["no TLS", "nonsense"],
)
def test_what_is_no_tls_is_broken(said, seen):
    assert is_broken(one(reach.tls(met(handshake=said))), seen, "")


def test_what_a_certificate_says_moves_no_terminal():
    finding = one(reach.tls(met(handshake=shown("login.localhost", issuer="\x1b[2J evil"))))
    assert "signed by ?[2J evil" in finding.seen


def test_a_certificate_without_names_is_told():
    finding = one(reach.tls(met(handshake=shown("login.localhost", (20, "odd"), issuer=""))))
    assert "signed by somebody without a name" in finding.seen
