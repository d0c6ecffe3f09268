"""The files that close an origin. (On the real servers: tests/journeys/test_protected_origins.py.)"""

import base64
import json
import re
import time
from dataclasses import replace
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from gate.site import Keys, app
from glassgate.access.app import Origin, OriginTls
from glassgate.cli.protection import SERVERS, Gate, protection, slug_of
from glassgate.errors import StartError
from glassgate.state.client_certificate import client_authority, ensure_client_certificate

ISSUER = "https://team.example:8443"
WIKI = replace(
    app("wiki", "wiki.localhost"), origin=Origin("https", "10.0.0.7", 8443, OriginTls(client_certificate="gate.pem"))
)
KEYS = (Keys("a").signing, Keys("b").signing)


@pytest.fixture
def gate(tmp_path):
    ensure_client_certificate(tmp_path, time.time())
    authority = x509.load_pem_x509_certificate(client_authority(tmp_path).read_bytes())
    return Gate(ISSUER, KEYS, authority, (ip_address("10.0.0.5"), ip_address("fd00::5")))


@pytest.mark.parametrize("kind", SERVERS)
def test_it_says_where_it_goes_and_is_for_this_app_alone(gate, kind):
    files = protection(WIKI, gate, kind, None)
    first = next(iter(files.values()))
    assert f"Made by `glassgate origin protect --for {kind}`, for the application wiki." in first
    assert SERVERS[kind].folder in first
    assert all("{{" not in text and "{%" not in text for text in files.values())


@pytest.mark.parametrize("kind", ["nginx", "apache", "haproxy"])
def test_a_server_that_can_checks_the_assertion_by_every_key_that_counts(gate, kind):
    text = "".join(protection(WIKI, gate, kind, None).values())
    for known in (ISSUER, WIKI.aud, *(key.kid for key in KEYS)):
        assert known in text
    assert "PRIVATE" not in text


@pytest.mark.parametrize("kind", ["nginx", "apache", "haproxy", "caddy"])
def test_the_gates_authority_is_in_it(gate, kind):
    text = "".join(protection(WIKI, gate, kind, None).values())
    inline = [base64.b64decode(found) for found in re.findall(r"trusted_ca_cert (\S+)", text)]
    found = [x509.load_der_x509_certificate(der) for der in inline] or x509.load_pem_x509_certificates(
        next(body for name, body in protection(WIKI, gate, kind, None).items() if name.endswith(".ca.pem")).encode()
    )
    assert found == [gate.authority]


def test_the_keys_are_the_gates(gate):
    public = {key.private_key.public_key().public_numbers() for key in KEYS}
    nginx, apache, haproxy = (protection(WIKI, gate, kind, None) for kind in ("nginx", "apache", "haproxy"))
    spki = re.findall(r'^        "(\S+)",$', nginx["wiki.js"], re.M)
    assert {load_der_public_key(base64.b64decode(text)).public_numbers() for text in spki} == public
    files = [text for name, text in haproxy.items() if name.endswith(".pub")]
    assert {load_pem_public_key(text.encode()).public_numbers() for text in files} == public
    jwks = [json.loads(json.loads(text)) for text in re.findall(r'jwk ("{.*}") verify', apache["wiki.conf"])]
    assert [jwk["kid"] for jwk in jwks] == [key.kid for key in KEYS]
    assert all("d" not in jwk for jwk in jwks)


def test_another_folder_on_the_origin(gate):
    for kind in ("nginx", "apache", "haproxy"):
        text = next(iter(protection(WIKI, gate, kind, "/srv/gate").values()))
        assert "/srv/gate/wiki.ca.pem" in text
        assert SERVERS[kind].folder not in text


def test_a_firewall_knows_the_addresses_of_the_gate(gate):
    text = protection(WIKI, gate, "nftables", None)["wiki.nft"]
    assert "tcp dport 8443 ip saddr 10.0.0.5 accept" in text
    assert "tcp dport 8443 ip6 saddr fd00::5 accept" in text
    assert text.index("accept\n        tcp dport 8443 counter drop") > 0


@pytest.mark.parametrize(
    ("change", "what", "mend"),
    [
        (
            lambda one, gate: (replace(one, origin=Origin("http", "10.0.0.7", 9000)), gate),
            "is plain http", "--for nftables",
        ),
        (
            lambda one, gate: (one, replace(gate, authority=None)),
            "shows the origin of `wiki` no certificate", "origin_tls: {client_certificate: true}",
        ),
    ],
    ids=["plain http", "no certificate"],
)  # fmt: skip
def test_where_the_gate_could_not_be_told_it_says_so(gate, change, what, mend):
    one, told = change(WIKI, gate)
    for kind in ("nginx", "apache", "haproxy", "caddy"):
        with pytest.raises(StartError, match=what) as fault:
            protection(one, told, kind, None)
        assert mend in fault.value.mend
    assert protection(one, told, "nftables", None)


@pytest.mark.parametrize(
    ("name", "slug"), [("wiki", "wiki"), ("Pay Roll/2!", "pay-roll-2"), ("社内", None), ("'; drop", "drop")]
)
def test_the_name_of_an_app_as_files_can_have_it(name, slug):
    one = replace(WIKI, name=name)
    assert slug_of(one) == (slug or one.aud[:8])
