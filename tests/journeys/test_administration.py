"""A gate that runs is administered from beside it: sessions end, keys change, the configuration is edited."""

import contextlib
import json
import socket
import ssl
import time

import pytest
import yaml
from click.testing import CliRunner

from glassgate.cli.main import commands
from journeys.visitor import Visitor

SCRIPT = {"Accept": "application/json"}
LONGEST = 20.0  # seconds that anything here is waited for


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("administration")) as running:
        yield running


def call(demo, *words):
    done = CliRunner().invoke(commands, [*words, "-c", str(demo.config)])
    assert done.exit_code == 0, done.output
    return done.output


def until(holds, what):
    """Wait till it holds; how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + LONGEST, what
        time.sleep(0.02)
    return time.monotonic() - began


def signed_in(demo, name="alice", app="wiki"):
    visitor = Visitor(demo.ca)
    assert visitor.sign_in(demo.url(app), name).status == 200
    return visitor


def status(demo, visitor, app="wiki"):
    return visitor.ask(demo.url(app), headers=SCRIPT).status


class Ticks:
    """An open WebSocket, and what comes over it."""

    def __init__(self, demo, visitor):
        host = f"payroll.localhost:{demo.port}"
        context = ssl.create_default_context(cafile=str(demo.ca))
        self.sock = context.wrap_socket(
            socket.create_connection(("127.0.0.1", demo.port), 15), server_hostname="payroll.localhost"
        )
        cookie = visitor.jars["payroll.localhost"]["CF_Authorization"]
        lines = [
            "GET /ticks HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: https://{host}",
            f"Cookie: CF_Authorization={cookie}", "", "",
        ]  # fmt: skip
        self.sock.sendall("\r\n".join(lines).encode())
        assert self.sock.recv(4096).startswith(b"HTTP/1.1 101")

    def seconds_till_closed(self):
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while data := self.sock.recv(4096):
                if data[0] == 0x88 or b"Your session has ended." in data or b"no access" in data:
                    break
        self.sock.close()
        return time.monotonic() - began


def test_a_revoked_session_is_refused_within_a_second_and_its_websocket_closed_within_five(demo):
    bob, alice = signed_in(demo, "bob", "payroll"), signed_in(demo)
    ticks = Ticks(demo, bob)
    sessions = json.loads(call(demo, "sessions", "list", "--json", "--user", "bob@contoso.example"))
    assert [one["apps"] for one in sessions] == [["payroll"]]
    assert call(demo, "sessions", "revoke", "--user", "bob@contoso.example") == "1 session ended.\n"
    assert until(lambda: status(demo, bob, "payroll") == 401, "a revoked session was let in") < 1.0
    assert ticks.seconds_till_closed() < 5.0
    assert status(demo, alice) == 200, "nobody else's ends"
    bob.trail.clear()
    page = bob.open(demo.url("payroll"))
    assert any("prompt=login" in url for url in bob.trail), "the provider has to ask who is there"
    assert b"passwd" in page.body or b"loginfmt" in page.body


def test_new_keys_are_taken_while_it_runs(demo):
    alice = signed_in(demo)
    old = alice.jars["wiki.localhost"]["CF_Authorization"]
    [kid] = [json.loads(call(demo, "keys", "rotate", "--json"))[0]["kid"]]

    def published():
        return [key["kid"] for key in json.loads(alice.ask(demo.url("team", "/cdn-cgi/access/certs")).body)["keys"]]

    until(lambda: published()[0] == kid, "the new key is not there")
    assert status(demo, alice) == 200, "what the key before signed counts on"
    call(demo, "keys", "rotate", "--compromised")
    until(lambda: len(published()) == 1, "the keys before are still there")
    until(lambda: status(demo, alice) == 401, "a stolen key's token counts on")
    # The lab's origin looks for keys every five seconds at most.
    until(lambda: alice.open(demo.url("wiki")).status == 200, "the session stands, and brings a new token")
    assert alice.jars["wiki.localhost"]["CF_Authorization"] != old


def edited(demo, edit, said):
    """Change the configuration, and wait till the gate has said what became of it."""
    before = len(demo.output)
    demo.change(edit)
    until(lambda: said in demo.output[before:], f"{said!r} was not said: {demo.output[before:]}")
    return demo.output[before:]


def policies(demo, *rules):
    def edit(config):
        for app in config["apps"]:
            if app["name"] in ("wiki", "payroll"):
                app["policies"] = list(rules)

    return edit


def test_a_policy_is_judged_anew_for_whoever_is_there(demo):
    bob = signed_in(demo, "bob", "payroll")
    given = demo.config.read_text()
    ticks = Ticks(demo, bob)
    nobody = {"name": "nobody", "decision": "deny", "include": [{"everyone": True}]}
    edited(demo, policies(demo, nobody), "is in force: apps")
    assert status(demo, bob, "payroll") == 403
    assert ticks.seconds_till_closed() < 5.0
    demo.config.write_text(given)
    until(lambda: status(demo, bob, "payroll") == 200, "the change that was taken back is not in force")


def test_a_bad_change_is_told_and_nothing_of_it_counts(demo):
    alice = signed_in(demo)
    given = demo.config.read_text()

    def broken(config):
        config["apps"][0]["policies"][0]["decision"] = "alow"
        config["apps"][0]["origin"] = "http://127.0.0.1:1"

    said = edited(demo, broken, "is not taken")
    assert "config.yaml:" in said
    assert "did you mean `allow`" in said
    assert status(demo, alice) == 200
    said = edited(demo, lambda config: config.update(yaml.safe_load(given), listen="127.0.0.1:1"), "is not taken")
    assert "restart the gate" in said
    edited(demo, lambda config: config.update(yaml.safe_load(given)), "is in force")
    assert status(demo, alice) == 200


def test_an_app_comes_and_goes_while_it_runs(demo):
    alice = signed_in(demo)
    given = demo.config.read_text()

    def with_notes(config):
        wiki = next(app for app in config["apps"] if app["name"] == "wiki")
        config["apps"].append({**wiki, "name": "notes", "domain": "notes.localhost"})

    edited(demo, with_notes, "is in force: apps")
    page = alice.open(demo.url("notes"))
    assert page.status == 200, "its certificate is there, its origin takes it, and the session stands"
    demo.config.write_text(given)
    until(lambda: alice.ask(demo.url("notes"), headers=SCRIPT).status == 421, "the app is still there")
    assert status(demo, alice) == 200
