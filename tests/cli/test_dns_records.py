"""`glassgate dns`, by a resolver on loopback and TLS to real listeners."""

import contextlib
import http.server
import json
import socketserver
import ssl
import threading
import time

import pytest
from click.testing import CliRunner
from dns import flags, message, rcode, rrset

from cli.program import GROUP
from glassgate.cli.main import commands
from glassgate.state.keyring import KeyRing
from journeys.demo import free_ports
from mitm.test_tls import Authority

CONFIG = f"""\
team: access.example.com:PORT
listen: 127.0.0.1:PORT
tls: {{certificate: edge.pem}}
identity_providers:
  - {{id: entra, type: entra, tenant: contoso.example, client_id: c, client_secret: "${{CLIENT_SECRET}}"}}
apps:
  - name: wiki
    domain: [NAMES]
    origin: https://127.0.0.77:1
    policies: [{{name: staff, decision: allow, include: [{{entra_group: {GROUP}}}]}}]
"""
NAMES = ", ".join(f"{name}.example.com" for name in ("wiki", "behind", "stray", "past", "gone", "down"))
# Who is where: the edge itself, a load balancer before it that ends TLS, another server, an origin, and nobody.
PLACES = {
    "access.example.com.": "127.0.0.1", "wiki.example.com.": "127.0.0.1", "behind.example.com.": "127.0.0.2",
    "stray.example.com.": "127.0.0.3", "past.example.com.": "127.0.0.77", "down.example.com.": "127.0.0.4",
}  # fmt: skip


class Zone(socketserver.BaseRequestHandler):
    """A name server that knows PLACES, and that nothing else is there."""

    def handle(self):
        data, sock = self.request
        asked = message.from_wire(data)
        answer = message.make_response(asked)
        answer.flags |= flags.RA
        question = asked.question[0]
        place = PLACES.get(question.name.to_text())
        if place is None:
            answer.set_rcode(rcode.NXDOMAIN)
        elif question.rdtype == 1:
            answer.answer.append(rrset.from_text(question.name, 60, "IN", "A", place))
        sock.sendto(answer.to_wire(), self.client_address)


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def edge(address, port, certificate, document=b"{}"):
    """A listener by TLS that publishes a document."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document if self.path == "/cdn-cgi/access/certs" else b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((address, port), Handler)
    server.handle_error = lambda *_: None  # who only looks at the certificate hangs up
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return serving(server)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dns")
    authority = Authority(folder, "edge")
    mine, others = authority.leaf(dns=["wiki.example.com"]), authority.leaf(dns=["other.example.com"])
    port = free_ports(1)[0]
    (folder / "config.yaml").write_text(CONFIG.replace("PORT", str(port)).replace("NAMES", NAMES))
    (folder / "edge.pem").write_bytes(mine.read_bytes())
    keys = KeyRing.open(folder / "state" / "keys", time.time())
    with contextlib.ExitStack() as stack:
        resolver = stack.enter_context(serving(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Zone)))
        stack.enter_context(edge("127.0.0.1", port, mine))
        stack.enter_context(edge("127.0.0.2", port, others, json.dumps(keys.public_document()).encode()))
        stack.enter_context(edge("127.0.0.3", port, others, b"[" * 100_000))

        def run(*words):
            asked = ["dns", "-c", str(folder / "config.yaml"), "--resolver", f"127.0.0.1:{resolver.server_address[1]}"]
            env = {"CLIENT_SECRET": "x"}
            return CliRunner().invoke(commands, [*asked, *words], prog_name="glassgate", env=env)

        yield run


FOUND = {
    "access.example.com": (True, "reaches this edge"),
    "wiki.example.com": (True, "reaches this edge"),
    "behind.example.com": (True, "reaches this edge"),
    "stray.example.com": (False, "is somebody else: neither this edge's certificate nor its keys"),
    "past.example.com": (False, "is an origin's: whoever goes there goes past the gate"),
    "gone.example.com": (False, "has no address"),
    "down.example.com": (False, "does not answer by TLS"),
}


def test_each_name_is_followed_to_where_it_leads(world):
    said = world("--json")
    told = json.loads(said.output)
    assert (said.exit_code, told["good"]) == (1, False)
    assert {one["host"]: (one["good"], one["said"]) for one in told["names"]} == FOUND


def test_what_it_prints_is_a_zone_file_with_the_records_that_are_needed(world):
    said = world("--address", "203.0.113.7", "--address", "2001:db8::7")
    lines = [line for line in said.stdout.splitlines() if line and not line.startswith(";")]
    assert lines == [
        f"{host}. 300 IN {kind} {address}"
        for host in FOUND
        for kind, address in (("A", "203.0.113.7"), ("AAAA", "2001:db8::7"))
    ]
    assert ";   BAD   past.example.com: 127.0.0.77 is an origin's" in said.output
    assert "glassgate origin protect" in said.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--address", "edge.example.com"], "'edge.example.com' is no IP address."),
        (["--resolver", "dns.example.com"], "'dns.example.com' is no address of a resolver"),
        (["--resolver", "127.0.0.1:x"], "'127.0.0.1:x' is no address of a resolver"),
    ],
)
def test_a_wrong_call_is_2(world, words, said):
    done = world(*words)
    assert done.exit_code == 2
    assert said in done.output
