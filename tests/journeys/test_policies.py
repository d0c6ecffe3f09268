"""Policies as they run: a bypass by a list that changes, and a real service that has a say at every request."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from journeys.visitor import Visitor

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "s1", "alg": "RS256"}


class Service(ThreadingHTTPServer):
    """Somebody's service: it checks who asks by the gate's published keys, and lets in whom it likes."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.likes, self.questions, self.published = {"alice@contoso.example"}, [], None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"keys": [PUBLIC]})

    def do_POST(self):
        token = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["token"]
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(key for key in self.server.published() if key["kid"] == kid)
        said = jwt.decode(token, jwt.PyJWK(key), algorithms=["EdDSA"], audience=f"{self.server.url}/evaluate")
        self.server.questions.append(said)
        yes = said["identity"]["email"] in self.server.likes
        claims = {"success": yes, "nonce": said["nonce"], "iat": said["iat"], "exp": said["iat"] + 1}
        self.answer({"token": jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "s1"})})

    def answer(self, said):
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def service():
    one = Service()
    yield one
    one.shutdown()
    one.server_close()


@pytest.fixture(scope="module")
def demo(running_demo, service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    (folder / "open.txt").write_text("192.0.2.0/24  # nobody here\n")

    def edit(config):
        wiki, payroll = config["apps"]
        asks = {"external_evaluation": {"url": f"{service.url}/evaluate", "keys_url": f"{service.url}/keys"}}
        wiki["policies"] = [{"name": "staff", "decision": "allow", "include": [{"group": "staff"}], "require": [asks]}]
        payroll["policies"] = [
            {"name": "elsewhere", "decision": "allow", "include": [{"everyone": {}}], "require": [{"ip": "192.0.2.7"}]},
            {"name": "open", "decision": "bypass", "include": [{"ip_list": "open.txt"}]},
        ]

    with running_demo(folder, edit) as made:
        browser = Visitor(made.ca)
        keys = made.url("team", "/cdn-cgi/access/external-evaluation/certs")
        service.published = lambda: json.loads(browser.ask(keys).text)["keys"]
        yield made


def within(seconds, holds):
    until = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_a_service_has_a_say_at_every_request(demo, service):
    alice = Visitor(demo.ca)
    assert alice.sign_in(demo.url("wiki"), "alice").status == 200
    assert service.questions[-1]["identity"]["ip"] == "127.0.0.1"
    service.likes.clear()
    assert within(10, lambda: alice.ask(demo.url("wiki")).status == 403), "its answer was good for a second"
    service.likes.add("alice@contoso.example")
    assert within(10, lambda: alice.ask(demo.url("wiki")).status == 200)
    mallory = Visitor(demo.ca)
    assert mallory.sign_in(demo.url("wiki"), "mallory").status == 403


def test_who_comes_from_nowhere_is_kept_out_before_a_sign_in_until_the_list_has_them(demo):
    stranger = Visitor(demo.ca)
    refused = stranger.ask(demo.url("payroll"))
    assert (refused.status, refused.headers["Location"], refused.headers["Set-Cookie"]) == (403, None, None)
    assert "192.0.2.7" not in refused.text
    (demo.folder / "open.txt").write_text("192.0.2.0/24\n127.0.0.0/8\n")

    def reaches():
        stranger.ask(demo.url("payroll", "/asked"))
        return demo.origin_log("payroll")

    # The origin itself wants to know who asks, and is told nobody.
    assert within(15, reaches), demo.output
    answer = stranger.ask(demo.url("payroll"), headers={"Cf-Access-Jwt-Assertion": "a.b.c", "Accept": "*/*"})
    assert json.loads(answer.text)["error"] == "absent"
