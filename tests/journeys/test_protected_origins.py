"""Origins behind real servers, closed as `glassgate origin protect` says: open to the gate, and to nobody beside it."""

import contextlib
import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass, field
from functools import cached_property

import pytest
from click.testing import CliRunner

from glassgate.access.token import mint
from glassgate.cli.main import commands
from glassgate.cli.origin_doors import assertions
from glassgate.config.load import load
from glassgate.state.client_certificate import client_certificate
from glassgate.state.keyring import KeyRing
from journeys.demo import free_ports
from journeys.servers import KINDS, Application, server
from journeys.visitor import Visitor
from mitm.test_tls import Authority

CHECKING = [kind for kind in KINDS if kind != "caddy"]  # those that check the assertion themselves


@dataclass
class World:
    demo: object
    application: Application
    ports: dict
    spares: dict
    made: dict = field(default_factory=dict)

    @cached_property
    def settings(self):
        return load(self.demo.config, {})

    def app(self, kind):
        return next(app for app in self.settings.apps if app.name == kind)

    def brought(self, kind):
        """What one may bring to an origin, by its name."""
        if kind not in self.made:
            self.made[kind] = self._brought(kind)
        return self.made[kind]

    def _brought(self, kind):
        key = KeyRing.open(self.settings.state / "keys", time.time()).signing
        issuer = self.settings.origin_of(self.settings.team.host)
        made = assertions(self.app(kind), key, issuer, time.time())
        wiki = assertions(self.app("open"), key, issuer, time.time())
        nobody = mint(
            key, issuer=issuer, audience=self.app(kind).aud, subject="", email=None, nonce="n", now=time.time(),
            expires=time.time() + 600,
        )  # fmt: skip
        there = {"the assertion of an app that there is": wiki.good, "a machine's": nobody}
        return {"good": made.good, **made.bad, **there}

    def ask(self, kind, assertion, *, certificate=True, port=None):
        """Ask an origin past the gate; the status, or None where the connection ends without an answer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(client_certificate(self.settings.state))
        try:
            with (
                socket.create_connection(("127.0.0.1", port or self.ports[kind]), 10) as plain,
                context.wrap_socket(plain, server_hostname=f"{kind}.localhost") as secure,
            ):
                client = http.client.HTTPConnection(f"{kind}.localhost")
                client.sock = secure
                client.request("GET", "/", headers={"Cf-Access-Jwt-Assertion": assertion} if assertion else {})
                return client.getresponse().status
        except (OSError, http.client.HTTPException):
            return None

    def reached(self, call):
        """What a call gives, and how often the application was reached meanwhile."""
        before = len(self.application.seen)
        return call(), len(self.application.seen) - before

    def glassgate(self, *words):
        return CliRunner().invoke(commands, [*words, "-c", str(self.demo.config)], prog_name="glassgate")


@pytest.fixture(scope="module")
def world(running_demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("origins")
    authority = Authority(folder, "origins")
    certificate = authority.leaf(dns=[f"{kind}.localhost" for kind in KINDS])
    ports, spares = (dict(zip(KINDS, free_ports(len(KINDS)), strict=True)) for _ in range(2))

    def with_apps(config):
        staff = config["apps"][0]["policies"]
        config["apps"] += [
            {
                "name": kind, "domain": f"{kind}.localhost", "policies": staff,
                "origin": f"https://127.0.0.1:{ports[kind]}",
                "origin_tls": {
                    "ca": str(authority.path), "server_name": f"{kind}.localhost", "client_certificate": True,
                },
            }
            for kind in KINDS
        ]  # fmt: skip
        open_one = f"http://127.0.0.1:{spares['nginx']}"
        config["apps"].append({"name": "open", "domain": "open.localhost", "origin": open_one, "policies": staff})

    with contextlib.ExitStack() as stack:
        application = stack.enter_context(Application().running())
        demo = stack.enter_context(running_demo(folder / "demo", with_apps))
        world = World(demo, application, ports, spares)
        for kind in KINDS:
            place = folder / kind
            said = world.glassgate(
                "origin", "protect", kind, "--for", kind, "-o", str(place / KINDS[kind].written), "--at", str(place)
            )
            assert said.exit_code == 0, said.output
            stack.enter_context(server(kind, place, ports[kind], spares[kind], certificate, application.port))
        yield world


@pytest.mark.parametrize("kind", KINDS)
def test_through_the_gate_it_is_open(world, kind):
    page, reached = world.reached(lambda: Visitor(world.demo.ca).sign_in(world.demo.url(kind), "alice"))
    assert (page.status, page.text, reached) == (200, "from the application", 1)
    assert world.application.seen[-1]["Cf-Access-Authenticated-User-Email"] == "alice@contoso.example"


BAD = (
    "no assertion", "a forged assertion", "an expired assertion", "another app's assertion",
    "the assertion of an app that there is",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["good", *BAD])
def test_nobody_without_the_gates_certificate_gets_in(world, kind, name):
    status, reached = world.reached(lambda: world.ask(kind, world.brought(kind)[name], certificate=False))
    assert status in (None, 400, 403)
    assert reached == 0


@pytest.mark.parametrize("kind", CHECKING)
@pytest.mark.parametrize("name", BAD)
def test_and_with_it_only_by_the_gates_assertion(world, kind, name):
    status, reached = world.reached(lambda: world.ask(kind, world.brought(kind)[name]))
    assert status in (401, 403)
    assert reached == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["good", "a machine's"])  # which has no subject
def test_what_shuts_them_out_is_what_they_bring(world, kind, name):
    assert world.reached(lambda: world.ask(kind, world.brought(kind)[name])) == (200, 1)


def test_a_frontend_of_haproxy_that_forgets_to_ask_for_a_certificate_lets_nobody_in(world):
    good = world.brought("haproxy")["good"]
    call = lambda: world.ask("haproxy", good, port=world.spares["haproxy"])  # noqa: E731
    assert world.reached(call) == (403, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_check_finds_no_door(world, kind):
    said = world.glassgate("origin", "check", kind)
    assert (said.exit_code, said.output.splitlines()[-1]) == (0, "No door stands open.")
    assert ("behind it, the assertion is not checked" in said.output) is (kind not in CHECKING)


def test_the_check_names_the_door_that_stands_open(world):
    said = world.glassgate("origin", "check", "open")
    assert said.exit_code == 1
    assert "OPEN   in the clear, with no assertion: HTTP 200" in said.output
    assert "shut   by TLS without the gate's certificate, with a forged assertion: TLS refused" in said.output
    assert "`glassgate origin protect open --for nftables`" in said.output
    told = json.loads(world.glassgate("origin", "check", "open", "--json").output)
    assert (told["good"], [door["open"] for door in told["doors"]]) == (False, [False] * 4 + [True] * 4)
