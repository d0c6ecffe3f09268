"""Which of all the tokens of a request counts."""

from dataclasses import replace

import pytest

from gate.site import NOW, PAYROLL, STAFF, WIKI, Keys, app, person, request_of, site_of
from glassgate.access import token
from glassgate.access.session import Grant, Session, digest
from glassgate.gate import credentials
from glassgate.gate.credentials import presented, verify
from glassgate.gate.exchange import run


def two_apps(**more):
    return site_of(apps=[app("wiki", WIKI, STAFF), app("payroll", PAYROLL, STAFF)], **more)


def session_of(site, name, *, session=None, app_host=WIKI, nonce=None, subject=None, granted_for=None, expires=600):
    """Write a session with a grant, and return the token that stands for it."""
    one, who, nonce = site.apps[app_host], person(name), nonce or f"nonce-{name}"
    begun = Session(session or f"session-{name}", who, NOW, NOW + 3600, digest(f"cookie-{name}"))
    run(site.sessions.begin(begun, None, NOW))
    run(site.sessions.grant(nonce, Grant(begun.id, granted_for or one.aud, NOW + 600)))
    return token.mint(
        site.keys.signing, issuer=site.issuer, audience=one.aud, subject=subject or who.user_id, email=who.email,
        nonce=nonce, now=NOW, expires=NOW + expires,
    )  # fmt: skip


def ask(site, *, headers, at=NOW, host=WIKI):
    return run(presented(site, request_of("/", headers=headers, at=at), site.apps[host]))


def who(found):
    return found.granted.session.identity.name if found.granted else None


def cookie(*texts):
    return ("Cookie", "; ".join(f"CF_Authorization={text}" for text in texts))


WAYS = [
    ("a cookie", lambda text: [cookie(text)]),
    ("Cf-Access-Token", lambda text: [("cf-access-token", text)]),
    ("Bearer", lambda text: [("Authorization", f"Bearer {text}")]),
    ("bearer in lower case", lambda text: [("authorization", f"bearer  {text} ")]),
    ("behind a cookie that is no UTF-8", lambda text: [("Cookie", f"a=\xe4; CF_Authorization={text}; b=\xff")]),
    ("behind a foreign cookie", lambda text: [("Cookie", f"a=1; CF_Authorization={text}; b=2")]),
    ("beside a Basic one", lambda text: [("Authorization", "Basic eDp5"), cookie(text)]),
    ("beside a Bearer that is not ours", lambda text: [("Authorization", "Bearer gho_x"), cookie(text)]),
    ("beside a JWT of another", lambda text: [("Authorization", "Bearer a.b.c"), cookie(text)]),
]


@pytest.mark.parametrize("way", [row[1] for row in WAYS], ids=[row[0] for row in WAYS])
def test_it_counts_however_it_comes(way):
    site = two_apps()
    text = session_of(site, "alice")
    found = ask(site, headers=way(text))
    assert (who(found), found.assertion) == ("alice", text)


NONE = [
    ("nothing", lambda site: [], "no_token"),
    ("an empty cookie", lambda site: [cookie("")], "malformed"),
    ("Basic", lambda site: [("Authorization", f"Basic {session_of(site, 'alice')}")], "no_token"),
    ("without a scheme", lambda site: [("Authorization", session_of(site, "alice"))], "no_token"),
    ("a Bearer that is no JWT", lambda site: [("Authorization", "Bearer gho_x")], "no_token"),
    ("another header", lambda site: [("X-Token", session_of(site, "alice"))], "no_token"),
    ("another cookie", lambda site: [("Cookie", f"cf_authorization={session_of(site, 'alice')}")], "no_token"),
    ("garbage", lambda site: [cookie("a.b.c")], "malformed"),
    ("not ASCII", lambda site: [("Cookie", "CF_Authorization=\xe4.\xf6.\xfc")], "malformed"),
    ("another app's", lambda site: [cookie(session_of(site, "alice", app_host=PAYROLL))], "audience"),
    ("ended", lambda site: [cookie(session_of(site, "alice", expires=0))], "expired"),
    (
        "whose grant is another app's",
        lambda site: [cookie(session_of(site, "alice", granted_for=site.apps[PAYROLL].aud))],
        "session_ended",
    ),
    ("of another user", lambda site: [cookie(session_of(site, "alice", subject="b"))], "session_ended"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "reason"), [row[1:] for row in NONE], ids=[row[0] for row in NONE])
def test_none_counts(made, reason):
    site = two_apps()
    found = ask(site, headers=made(site))
    assert (found.granted, found.assertion, found.conflict) == (None, "", False)
    assert found.reason == reason


def test_a_header_counts_before_a_cookie_of_the_same_session():
    site = two_apps()
    one = session_of(site, "alice", nonce="n1")
    two = session_of(site, "alice", nonce="n2")
    assert ask(site, headers=[cookie(one), ("cf-access-token", two)]).assertion == two
    assert ask(site, headers=[cookie(one, two)]).assertion == one


@pytest.mark.parametrize("in_header", [True, False], ids=["header and cookie", "two cookies"])
def test_of_two_sessions_none_counts(in_header):
    site = two_apps()
    one, two = session_of(site, "alice"), session_of(site, "bob")
    found = ask(site, headers=[("cf-access-token", one), cookie(two)] if in_header else [cookie(one, two)])
    assert found.conflict
    assert found.granted is None


def test_two_sessions_of_one_user_are_two_sessions():
    site = two_apps()
    one = session_of(site, "alice", session="s1", nonce="n1")
    two = session_of(site, "alice", session="s2", nonce="n2")
    assert ask(site, headers=[cookie(one, two)]).conflict


def test_a_token_that_does_not_count_is_no_second_session():
    site = two_apps()
    good, foreign = session_of(site, "alice"), session_of(site, "bob", app_host=PAYROLL)
    assert who(ask(site, headers=[cookie(foreign, "a.b.c", good, session_of(site, "carol", expires=0))])) == "alice"


@pytest.mark.parametrize(("before", "name"), [(7, "alice"), (8, None)])
def test_eight_are_tried_and_no_more(before, name):
    site = two_apps()
    text = session_of(site, "alice")
    assert who(ask(site, headers=[cookie(*["a.b.c"] * before, text)])) == name
    assert who(ask(site, headers=[*[("cf-access-token", "a.b.c")] * before, cookie(text)])) == name


def test_what_is_remembered_is_the_signature_alone():
    """A key that is away does not matter to a token that verified; time, session and app still do."""
    site = two_apps()
    text = session_of(site, "alice")
    assert who(ask(site, headers=[cookie(text)])) == "alice"
    site.keys.verifying = ()
    assert who(ask(site, headers=[cookie(text)])) == "alice"
    assert ask(site, headers=[cookie(text)], at=NOW + 600).reason == "expired"
    assert ask(site, headers=[cookie(text)], at=NOW - 60).reason == "not_yet_valid"
    assert ask(site, headers=[cookie(text)], host=PAYROLL).reason == "key_unknown"
    run(site.sessions.end(run(site.sessions.by_id("session-alice", NOW))))
    assert ask(site, headers=[cookie(text)]).reason == "session_ended"


def test_one_byte_more_is_another_token():
    site = two_apps()
    text = session_of(site, "alice")
    ask(site, headers=[cookie(text)])
    assert ask(site, headers=[cookie(text[:-2] + ("AA" if text[-2:] != "AA" else "BB"))]).reason == "signature"


def test_a_refused_token_is_not_remembered():
    site = two_apps()
    ask(site, headers=[cookie(session_of(site, "alice", app_host=PAYROLL), "a.b.c")])
    assert site.verified == {}


def test_what_is_remembered_is_bounded():
    known = object()
    site = two_apps(verified={(bytes(n), ""): known for n in range(credentials.MOST_VERIFIED)})
    verify(site, site.apps[WIKI], session_of(site, "alice"), NOW)
    assert len(site.verified) == 1


def test_a_key_of_another_team_is_no_key():
    site = two_apps()
    other = replace(site, keys=Keys("two"))
    assert ask(site, headers=[cookie(session_of(other, "alice"))]).reason == "key_unknown"
