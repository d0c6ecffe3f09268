"""Programs at a gate that runs, by curl: service tokens that the command line makes and ends, client certificates."""

import contextlib
import json
import socket
import ssl
import subprocess
import time
from dataclasses import replace

import jwt
import pytest
from click.testing import CliRunner

from cli.program import SECRET, deployed
from gate.site import STAFF, app
from glassgate.access.app import Origin
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.cli.main import commands
from glassgate.config.limits import LIMITS
from glassgate.config.load import load
from glassgate.mitm.client_tls import ClientTls
from glassgate.mitm.core import Core
from glassgate.state.open import open_store
from mitm import openssl
from mitm.harness import origin

CI = Rule("service_token: ci", lambda facts: facts.service_token and facts.service_token.name.startswith("ci"))
CN = Rule("common_name: ci", lambda facts: facts.certificate and facts.certificate.common_name == "ci")
SINGLE = b"x-service-token"


class World:
    """A gate, its origin, and a command line beside it."""

    def __init__(self, made, server, ca, folder, clients):
        self.gate, self.server, self.ca, self.folder, self.clients = made, server, ca, folder, clients

    def tokens(self, *words):
        done = CliRunner().invoke(
            commands, ["service-tokens", *words, "--json", "-c", str(self.folder / "config.yaml")], env=SECRET
        )
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    def curl(self, host, *more, fails=False):
        """(status, headers, body); where it `fails`, what curl says of that."""
        done = subprocess.run(
            ["curl", "-sS", "-i", "-m", "20", "--cacert", str(self.ca), *more, self.gate.url(host, "/x")],
            capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        if fails:
            assert done.returncode != 0
            assert not done.stdout
            return done.stderr.decode()
        assert done.returncode == 0, done.stderr
        head, _, body = done.stdout.decode().partition("\r\n\r\n")
        lines = head.split("\r\n")
        return int(lines[0].split()[1]), dict(line.lower().split(": ", 1) for line in lines[1:]), body

    def shows(self, made, *more):
        """The status that a service token gets."""
        return self.curl("wiki.localhost", *as_two(made), *more)[0]

    def shows_certificate(self, name):
        return ("--cert", str(self.clients / f"{name}.crt"), "--key", str(self.clients / f"{name}.key"))


def as_two(made):
    client_id, secret = made["client_id"], made["client_secret"]
    return ("-H", f"CF-Access-Client-Id: {client_id}", "-H", f"CF-Access-Client-Secret: {secret}")


@pytest.fixture(scope="module")
def world(gate, certificates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    deployed(folder)
    clients = openssl.clients(tmp_path_factory.mktemp("clients"))
    store = open_store(load(folder / "config.yaml", SECRET).store)
    with origin() as server:
        to = Origin("http", "127.0.0.1", server.port)
        apps = [
            replace(
                app("wiki", "wiki.localhost", STAFF, Policy("programs", Decision.SERVICE_AUTH, (CI,)), origin=to),
                service_token_header=SINGLE,
            ),
            replace(
                app("payroll", "payroll.localhost", STAFF, Policy("programs", Decision.SERVICE_AUTH, (CN,)), origin=to),
                client_ca=clients / "ours.pem",
            ),
        ]
        with gate(certificates, folder, server.port, apps=apps, store=store) as made:
            yield World(made, server, certificates[0], folder, clients)
    store.close()


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_service_token_passes_and_the_origin_hears_of_it_what_it_may(world, version):
    made = world.tokens("create", f"ci {version}")
    one = json.dumps({"cf-access-client-id": made["client_id"], "cf-access-client-secret": made["client_secret"]})
    for headers in (as_two(made), ("-H", f"X-Service-Token: {one}")):
        status, answered, _ = world.curl("wiki.localhost", version, *headers)
        assert status == 200
        assert "cf_authorization" not in answered.get("set-cookie", "")
        _, _, told, _ = world.server.log[-1]
        claims = jwt.decode(told["Cf-Access-Jwt-Assertion"], options={"verify_signature": False})
        assert (claims["common_name"], claims["sub"]) == (made["client_id"], "")
        assert made["client_secret"] not in str(told)


def test_unknown_wrong_and_deleted_look_alike(world):
    made, gone = world.tokens("create", "ci one"), world.tokens("create", "ci two")
    world.tokens("delete", "ci two")
    before = len(world.server.log)
    bad = [
        made | {"client_secret": "0" * 64}, made | {"client_id": "0" * 32 + ".access"}, gone,
        made | {"client_id": gone["client_id"]},
    ]  # fmt: skip
    answers = []
    for one in bad:
        status, headers, body = world.curl("wiki.localhost", *as_two(one), "-H", "Accept: text/html")
        assert "set-cookie" not in headers
        told = json.loads(body)
        del told["id"]
        answers.append((status, sorted(headers), told))
    assert answers == [answers[0]] * len(bad)
    assert (answers[0][0], answers[0][2]["reason"]) == (401, "service_token_invalid")
    assert len(world.server.log) == before


def test_known_and_not_allowed_is_403(world):
    status, headers, body = world.curl("wiki.localhost", *as_two(world.tokens("create", "backup")))
    assert (status, json.loads(body)["reason"]) == (403, "service_token_not_allowed")
    assert headers["www-authenticate"] == "cloudflare-access"


def test_both_secrets_pass_in_the_grace_and_after_a_deletion_neither(world):
    old = world.tokens("create", "ci three")
    new = world.tokens("rotate", "ci three")
    assert (world.shows(old), world.shows(new)) == (200, 200)
    world.tokens("delete", "ci three")
    until = time.monotonic() + 10
    while {world.shows(old), world.shows(new)} != {401}:
        assert time.monotonic() < until


def test_the_last_use_is_told_once_it_was_written(world):
    made = world.tokens("create", "ci four")
    assert world.shows(made) == 200
    world.gate.site.service_tokens.write_used()
    [listed] = [one for one in world.tokens("list") if one["client_id"] == made["client_id"]]
    assert listed["last_used"]


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_client_certificate_passes_and_its_name_is_told(world, version, tls):
    shown = world.shows_certificate("ci")
    assert world.curl("payroll.localhost", version, f"--tlsv{tls}", "--tls-max", tls, *shown)[0] == 200
    claims = jwt.decode(world.server.log[-1][2]["Cf-Access-Jwt-Assertion"], options={"verify_signature": False})
    assert (claims["common_name"], claims["sub"]) == ("ci", "")


def test_who_shows_none_is_judged_as_a_visitor(world):
    assert world.curl("payroll.localhost")[0] == 401
    assert world.curl("payroll.localhost", "-H", "Accept: text/html")[0] == 302


REFUSED = {  # an alert's words; curl has words of its own for one of them
    "foreign": "alert unknown ca", "selfmade": "alert unknown ca", "ended": "certificate",
    "server": "alert unsupported certificate",
}  # fmt: skip


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_certificate_of_another_authority_gets_no_answer_but_why(world, name, version):
    before = len(world.server.log)
    shown = world.shows_certificate(name)
    assert REFUSED[name] in world.curl("payroll.localhost", "--tls-max", version, *shown, fails=True)
    assert len(world.server.log) == before


def test_elsewhere_no_certificate_is_asked_for_and_another_host_is_misdirected(world):
    shown = world.shows_certificate("ci")
    assert world.curl("wiki.localhost", *shown)[0] == 401
    port = world.gate.port
    assert world.curl("wiki.localhost", *shown, "-H", f"Host: payroll.localhost:{port}")[0] == 421
    assert world.curl("payroll.localhost", *shown, "-H", f"Host: wiki.localhost:{port}")[0] == 401


def test_whose_authority_is_trusted_no_more_is_hung_up_on(world):
    made, clients = world.gate, world.clients

    def trusting(authority):
        own = ClientTls(made.settings.certificates, {"payroll.localhost": clients / f"{authority}.pem"})
        return Core(made.site, made.addon.trust, own, LIMITS, ())

    context = ssl.create_default_context(cafile=str(world.ca))
    context.load_cert_chain(clients / "ci.crt", clients / "ci.key")
    plain = socket.create_connection(("127.0.0.1", made.port), 10)
    with context.wrap_socket(plain, server_hostname="payroll.localhost") as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: payroll.localhost:%d\r\n\r\n" % made.port)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        made.take(trusting("others"))
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
                while connection.recv(65536):
                    pass
            world.curl("payroll.localhost", *world.shows_certificate("ci"), fails=True)
        finally:
            made.take(trusting("ours"))
    assert world.curl("payroll.localhost", *world.shows_certificate("ci"))[0] == 200
