"""What a configuration names on this machine is tried, and what cannot be used is told with its place."""

import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.program import demo, deployed
from glassgate.cli.materials import materials
from glassgate.config.load import load
from oidc.doctor.cases import certificate, pem

SECRET = {"CLIENT_SECRET": "x"}
OWN, OTHER = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)


def tried(folder, **changes):
    settings = load(folder / "config.yaml", SECRET)
    return materials(replace(settings, **changes), time.time())


def test_the_demo_has_all_that_it_needs(tmp_path):
    demo(tmp_path)
    found = tried(tmp_path)
    assert (found.problems, found.warnings) == ((), ())
    assert (tmp_path / "certs" / "ca.pem").exists(), "the provider's authority was made before it was tried"


def test_nothing_is_made_but_certificates(tmp_path):
    deployed(tmp_path)
    tried(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certs", "config.yaml"]


def test_a_problem_has_the_place_of_the_key_and_the_name_of_the_file(tmp_path):
    deployed(tmp_path, lambda text: text.replace("    client_id:", "    ca: gone.pem\n    client_id:"))
    (problem,) = tried(tmp_path).problems
    assert problem.where.endswith("config.yaml:7")
    assert problem.what == f"{tmp_path}/gone.pem: is not there"
    assert problem.mend


def test_a_logo_that_cannot_be_shown_is_told_with_its_place(tmp_path):
    (tmp_path / "wiki.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    deployed(tmp_path, lambda text: text.replace("    policies:", "    launcher: {logo: wiki.svg}\n    policies:", 1))
    (problem,) = tried(tmp_path).problems
    assert problem.what == f"{tmp_path}/wiki.svg: the SVG is more than a picture: it holds `<script>`"
    assert ":" in problem.where
    assert problem.mend


def test_a_page_that_cannot_be_made_is_told_with_its_place(tmp_path):
    (tmp_path / "no.html").write_text("<p>{{ app }}</p>\n<p>{{ colour }}</p>")
    deployed(tmp_path, lambda text: text.replace("    policies:", "    deny_page: no.html\n    policies:", 1))
    (problem,) = tried(tmp_path).problems
    assert problem.what == f"{tmp_path}/no.html: the page cannot be made: 'colour' is undefined"
    assert "it may name app, reason," in problem.mend
    assert ":" in problem.where


def test_two_apps_that_trust_one_origin_in_two_ways(tmp_path):
    deployed(
        tmp_path,
        lambda text: text.replace("origin: http:", "origin: https:").replace(
            "audit:",
            "  - name: other\n    domain: other.localhost\n    origin: https://127.0.0.1:1\n"
            "    origin_tls: {server_name: other.example}\n"
            "    policies: [{name: a, decision: allow, include: [{everyone: {}}]}]\naudit:",
        ),
    )
    (problem,) = tried(tmp_path).problems
    assert "differ in how they reach it" in problem.what


def test_the_gates_own_certificate_for_an_origin_is_made_where_one_asks_for_it(tmp_path):
    deployed(tmp_path)
    tried(tmp_path)
    assert not (tmp_path / "state" / "origin").exists()
    tls = "origin: https://127.0.0.1:1\n    origin_tls: {client_certificate: true}\n"
    deployed(tmp_path, lambda text: text.replace("origin: http://127.0.0.1:1\n", tls))
    assert tried(tmp_path).problems == ()
    own = tmp_path / "state" / "origin" / "gate.pem"
    own.write_text("no certificate")
    problem = tried(tmp_path).problems[0]
    assert problem.where.endswith("config.yaml:13")
    assert "gate.pem" in problem.what


def test_what_is_unwise_about_a_certificate_of_ones_own_is_no_problem(tmp_path):
    deployed(tmp_path)
    tried(tmp_path)
    (tmp_path / "certs" / "ca.pem").unlink()
    (tmp_path / "certs" / "edge.pem").chmod(0o644)
    found = tried(tmp_path)
    assert found.problems == ()
    assert "others than its owner may read it" in found.warnings[0]


SECRET_LINE = "client_secret: ${CLIENT_SECRET}"
CREDENTIALS = [
    (
        "no key",
        "certificate: {key: gone.key, certificate: gone.pem}",
        {},
        "`certificate.key`: {}/gone.key cannot be read: No such file or directory",
        "may read",
    ),
    (
        "swapped",
        "certificate: {key: c.pem, certificate: k.pem}",
        {"k.pem": pem(OWN), "c.pem": pem(certificate(("gate",), key=OWN))},
        "`certificate.key`: {}/c.pem holds no private key without a passphrase",
        "name the PEM file of the private key",
    ),
    (
        "another's",
        "certificate: {key: k.pem, certificate: c.pem}",
        {"k.pem": pem(OTHER), "c.pem": pem(certificate(("gate",), key=OWN))},
        "`certificate.certificate`: {0}/c.pem is not the certificate of {0}/k.pem",
        "the two files that were made together",
    ),
    (
        "no certificate",
        "certificate: {key: k.pem, certificate: k.pem}",
        {"k.pem": pem(OWN)},
        "`certificate.certificate`: {}/k.pem holds no certificate that can be read",
        "as it was uploaded",
    ),
    (
        "no token",
        "federated_token_file: gone",
        {},
        "`federated_token_file`: {}/gone cannot be read: No such file or directory",
        "may read",
    ),
    (
        "a file of something else",
        "federated_token_file: k.pem",
        {"k.pem": pem(OWN)},
        "`federated_token_file`: {}/k.pem holds no token",
        "your platform writes",
    ),
]


@pytest.mark.parametrize(
    ("line", "files", "what", "mend"), [row[1:] for row in CREDENTIALS], ids=[row[0] for row in CREDENTIALS]
)
def test_a_file_of_a_credential_is_told_by_its_key_with_a_mend_of_its_own(tmp_path, line, files, what, mend):
    deployed(tmp_path, lambda text: text.replace(SECRET_LINE, line))
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (problem,) = tried(tmp_path).problems
    assert problem.where.endswith("config.yaml:8")
    assert problem.what == what.format(tmp_path)
    assert mend in problem.mend


def test_an_authority_of_clients_is_told_by_its_key(tmp_path):
    deployed(tmp_path, lambda text: text.replace("    forward_cookie: true", "    client_ca: clients.pem"))
    (problem,) = tried(tmp_path).problems
    assert "clients.pem" in problem.what
    assert "config.yaml:" in problem.where
    (tmp_path / "clients.pem").write_bytes((tmp_path / "certs" / "ca.pem").read_bytes())
    assert tried(tmp_path).problems == ()
