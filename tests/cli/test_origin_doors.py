"""What counts as an open door, on scripted origins. (Real ones: tests/journeys/test_protected_origins.py.)"""

from dataclasses import replace

import pytest

from gate.site import NOW, Keys, app
from glassgate.access.app import Origin, OriginTls
from glassgate.access.token import Reason, TokenError, verify
from glassgate.cli.origin_doors import Door, Reply, Way, assertions, examine, shown
from glassgate.errors import StartError

KEYS, ISSUER = Keys(), "https://team.localhost"
TLS = Origin("https", "10.0.0.7", 8443, OriginTls(client_certificate="gate.pem"))
WIKI = replace(app("wiki", "wiki.localhost"), origin=TLS)
PLAIN = replace(WIKI, origin=Origin("http", "10.0.0.7", 9000))
BROUGHT = assertions(WIKI, KEYS.signing, ISSUER, NOW)
SHUT, NO_TLS = Reply(403), Reply(None, "TLS refused (wrong version number)")


@pytest.mark.parametrize(
    ("way", "reply", "is_open"),
    [
        (Way.TLS, Reply(200), True),
        (Way.TLS, Reply(302, location="/login"), True),
        (Way.TLS, Reply(302, location="https://elsewhere.example/"), True),
        (Way.TLS, Reply(404), True),
        (Way.TLS, Reply(500), True),
        (Way.TLS, Reply(400), False),
        (Way.TLS, Reply(401), False),
        (Way.TLS, Reply(403), False),
        (Way.TLS, Reply(None, "hung up"), False),
        (Way.CLEAR, Reply(301, location="https://wiki.internal/"), False),
        (Way.CLEAR, Reply(200, location="https://wiki.internal/"), True),
        (Way.CLEAR, Reply(302, location="/login"), True),
    ],
)
def test_a_door_is_open_where_the_application_answers(way, reply, is_open):
    assert Door(way, "nothing", reply).open is is_open


def scripted(open_to=(), gate=Reply(200)):  # noqa: B008 - a value
    """An origin that takes the gate, and besides whoever is listed."""
    names = {token: name for name, token in BROUGHT.bad.items()}

    def knock(way, token):
        if way is Way.GATE and token == BROUGHT.good:
            return gate
        return Reply(200) if (way, names[token]) in open_to else SHUT

    return knock


def test_every_way_is_tried_with_everything_and_nothing_good_leaves_the_gates_own_way():
    asked = []
    examine(WIKI, lambda way, token: asked.append((way, token)) or Reply(403), BROUGHT)
    assert {(way, token) for way, token in asked if way is not Way.GATE} == {
        (way, token) for way in (Way.TLS, Way.CLEAR) for token in BROUGHT.bad.values()
    }
    assert BROUGHT.good not in {token for way, token in asked if way is not Way.GATE}


@pytest.mark.parametrize(
    ("one", "open_to", "good", "mend"),
    [
        (WIKI, [], True, None),
        (WIKI, [(Way.TLS, "no assertion")], False, "glassgate origin protect wiki --for nginx"),
        (WIKI, [(Way.TLS, "another app's assertion")], False, "glassgate origin protect wiki --for nginx"),
        (WIKI, [(Way.CLEAR, "an expired assertion")], False, "have its port answer by TLS alone"),
        (PLAIN, [(Way.CLEAR, "a forged assertion")], False, "glassgate origin protect wiki --for nftables"),
        (WIKI, [(Way.GATE, "no assertion")], True, None),
    ],
    ids=["shut", "TLS", "by another's", "in the clear", "plain http", "behind the certificate"],
)
def test_what_is_found_comes_with_its_mend(one, open_to, good, mend):
    finding = examine(one, scripted(open_to), BROUGHT)
    assert finding.good is good
    assert len(finding.mends) == (mend is not None)
    assert mend is None or mend in finding.mends[0]
    assert shown(one, finding).count("OPEN") == (not good)
    assert [door["open"] for door in finding.told()["doors"]].count(True) == (not good)


def test_behind_the_certificate_is_only_told():
    said = shown(WIKI, examine(WIKI, scripted([(Way.GATE, "no assertion")]), BROUGHT))
    assert "No door stands open." in said
    assert "behind it, the assertion is not checked" in said


def test_an_origin_that_does_not_answer_the_gate_shows_nothing():
    with pytest.raises(StartError, match="does not answer the gate either: hung up") as fault:
        examine(WIKI, lambda way, token: Reply(None, "hung up"), BROUGHT)
    assert fault.value.where == "https://10.0.0.7:8443"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a forged assertion", Reason.SIGNATURE),
        ("an expired assertion", Reason.EXPIRED),
        ("another app's assertion", Reason.AUDIENCE),
    ],
)
def test_each_of_them_is_wrong_in_one_way_alone(name, reason):
    with pytest.raises(TokenError) as fault:
        verify(BROUGHT.bad[name], KEYS.verifying, issuer=ISSUER, audience=WIKI.aud, now=NOW)
    assert fault.value.reason is reason


def test_the_good_one_names_nobody_and_is_good_for_a_minute():
    told = verify(BROUGHT.good, KEYS.verifying, issuer=ISSUER, audience=WIKI.aud, now=NOW)
    assert (told.email, told.expires) == (None, NOW + 60)
