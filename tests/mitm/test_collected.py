"""Requests to our own addresses whose body decides: forms of a provider's, over HTTP/1.1 and HTTP/2."""

import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from gate.site import NOW, Party, person
from glassgate.access.session import Session
from glassgate.gate.exchange import run
from glassgate.mitm.lanes import WIDTHS, Lanes, Width
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.logout_token import LogoutToken
from glassgate.oidc.provider import Provider
from journeys.visitor import Visitor
from mitm.harness import origin
from mitm.raw import Http2, send

BACK = "/cdn-cgi/access/backchannel-logout/okta"
CALLBACK = "/cdn-cgi/access/callback"
FORM = "application/x-www-form-urlencoded"
TOKEN = b"logout_token=the.logout.token"
OKTA = Provider("okta", "oidc", "client", (ClientSecret("x"),), issuer="https://okta.example")


class Broken(Party):
    """A provider's logout tokens break us."""

    def read_logout_token(self, token, now):
        raise RuntimeError("a fault that a test made")


@pytest.fixture
def party():
    return Party(OKTA, person("alice"), logout=LogoutToken("oid-alice", None, "jti-1", NOW * 2))


@pytest.fixture
def running(gate, certificates, tmp_path, party):
    with origin() as server, gate(certificates, tmp_path, server.port, parties={"okta": party}) as made:
        yield made
        assert server.log == [], "nothing of ours is an origin's business"


def post(certificates, running, target, body, kind=FORM):
    return Visitor(certificates[0]).ask(
        running.url("team.localhost", target), method="POST", data=body, headers={"Content-Type": kind}
    )


def test_a_form_is_read_over_http_1(certificates, running):
    assert post(certificates, running, BACK, TOKEN).status == 200
    assert json.loads(post(certificates, running, BACK, TOKEN).body)["reason"] == "logout_replayed"


def test_a_form_is_read_over_http_2(certificates, running):
    client = Http2(certificates[0], running.port, "team.localhost")
    head = [
        (":method", "POST"), (":scheme", "https"), (":authority", f"team.localhost:{running.port}"), (":path", BACK),
        ("content-type", FORM),
    ]  # fmt: skip
    assert client.answer(client.ask(head, TOKEN))[0] == 200
    client.close()


def test_a_form_in_chunks_is_read(certificates, running):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (TOKEN[:9], TOKEN[9:])) + b"0\r\n\r\n"
    head = (
        f"POST {BACK} HTTP/1.1\r\nHost: team.localhost:{running.port}\r\nContent-Type: {FORM}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    assert send(certificates[0], running.port, head.encode() + chunks, "team.localhost").startswith(b"HTTP/1.1 200")


def test_an_answer_in_a_form_leads_back_to_the_callback_without_its_code(certificates, running):
    page = post(certificates, running, CALLBACK, urlencode({"code": "the-code", "state": "x"}).encode())
    assert page.status == 303
    assert page.headers["Location"].startswith(running.url("team.localhost", f"{CALLBACK}?posted="))
    assert "the-code" not in str(page.headers)


@pytest.mark.parametrize("size", [33 * 1024, 63 * 1024], ids=["over ours", "nearly all that is taken"])
def test_a_body_that_is_longer_than_any_form_of_ours_is_not_looked_at(certificates, running, party, size):
    page = post(certificates, running, BACK, TOKEN + b"&x=" + b"y" * size)
    assert (page.status, page.headers["Cache-Control"]) == (413, "no-store")
    assert post(certificates, running, BACK, TOKEN).status == 200, "the token was not used up"


def test_a_body_without_an_end_is_cut_off(certificates, running):
    head = (
        f"POST {BACK} HTTP/1.1\r\nHost: team.localhost:{running.port}\r\nContent-Type: {FORM}\r\n"
        "Content-Length: 900000000\r\n\r\n"
    )
    answer = send(certificates[0], running.port, head.encode() + b"x" * 200_000, "team.localhost")
    assert answer.startswith(b"HTTP/1.1 413")


FAULTS = [
    ("raises", Broken(OKTA, person("alice")), 503),
    ("refuses", Party(OKTA, person("alice"), logout=SignInError(Reason.SIGNATURE, "bad")), 400),
]


@pytest.mark.parametrize(("party", "status"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_fault_while_a_body_is_read_is_a_refusal(gate, certificates, tmp_path, party, status):
    with origin() as server, gate(certificates, tmp_path, server.port, parties={"okta": party}) as running:
        page = post(certificates, running, BACK, TOKEN)
        assert (page.status, "a fault that a test made" in page.text) == (status, False)


def test_what_was_told_on_the_way_is_recorded(gate, certificates, tmp_path, party):
    heard = []

    class Listening:
        def tell(self, event):
            heard.append(event.action.value)

        def decided(self, seconds):
            pass

    with (
        origin() as server,
        gate(certificates, tmp_path, server.port, parties={"okta": party}, recorder=Listening()) as running,
    ):
        who = replace(person("alice"), provider="okta", provider_type="oidc", idp_session="sid-1")
        run(running.site.sessions.begin(Session("s1", who, 0, NOW * 2, "digest"), None, NOW))
        party.logout = LogoutToken(None, "sid-1", "jti-2", NOW * 2)
        post(certificates, running, BACK, TOKEN)
        assert heard == ["session_ended"]


def test_a_lane_that_is_full_says_so(gate, certificates, tmp_path, party):
    full = {
        lane: Width(width.threads, 0 if lane == "recheck" else 9, 5.0, width.fault) for lane, width in WIDTHS.items()
    }
    with (
        origin() as server,
        gate(certificates, tmp_path, server.port, parties={"okta": party}, lanes=Lanes(full)) as running,
    ):
        page = post(certificates, running, BACK, TOKEN)
        assert (page.status, page.headers["Retry-After"]) == (503, "10")
