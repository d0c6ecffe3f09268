"""Microsoft Graph: that it answers, and that the gate may ask it for groups, tried with a session that lives."""

import socket
from dataclasses import replace

import pytest

from glassgate.oidc.doctor import groups
from glassgate.oidc.errors import ProviderUnavailable, Reason
from glassgate.oidc.provider import GroupsFrom
from oidc.doctor.cases import CHECK, GRAPHED, MEMBER_OF, TOKEN, aadsts, documented, is_broken, kept, one, shown, world
from oidc.scripted import answer, entra_document

USER_READ = "openid profile https://graph.localhost:8443/User.Read"
TOKENS = {"token_type": "Bearer", "access_token": "the-access-token", "refresh_token": "newer", "scope": USER_READ}
PAGE = {"value": [{"id": "a"}, {"id": "b"}]}


def lent(provider=GRAPHED, **more):
    """An examination in a world where somebody is signed in: (it, the world)."""
    given = world(**{"borrow": kept(), "token": TOKENS, "groups": PAGE} | more)
    return documented(provider, given), given


def test_graph_answers_when_it_asks_for_a_token():
    assert one(groups.graph(documented(GRAPHED))).seen == "https://graph.localhost:8443 answers"


def test_graph_is_where_the_document_says():
    given = world()
    assert (
        one(groups.graph(documented(replace(GRAPHED, graph=None), given))).seen
        == "https://graph.localhost:8443 answers"
    )


GRAPHLESS = [
    ("no name", {"resolve": socket.gaierror(-2, "Name or service not known")}, "name or service not known", "`graph`"),
    ("nobody there", {"connect": ConnectionRefusedError(111, "Connection refused")}, "connection refused", "port 8443"),
    ("not trusted", {"handshake": shown("graph.localhost", (20, "odd"))}, "certificate of graph.localhost", "`ca`"),
    ("something else", {"groups": answer(b"<html>", 200)}, "status 200 where Microsoft Graph", "See `graph`"),
    ("a 401 of another kind", {"groups": answer(b"who?", 401)}, "status 401 where Microsoft Graph", "See `graph`"),
    ("busy", {"groups": answer({"error": {}}, 429)}, "status 429", "Try again"),
    ("nowhere", {"discovery": entra_document()}, "names no Microsoft Graph", "Set `graph`"),
]


@pytest.mark.parametrize(("more", "seen", "mend"), [row[1:] for row in GRAPHLESS], ids=[row[0] for row in GRAPHLESS])
def test_a_graph_that_cannot_be_asked_is_broken(more, seen, mend):
    provider = replace(GRAPHED, graph=None) if "discovery" in more else GRAPHED
    assert is_broken(one(groups.graph(documented(provider, **more))), seen, mend)


def test_the_groups_of_a_session_that_lives_are_read():
    found, given = lent()
    assert one(groups.permission(found)).seen == "User.Read is granted; groups of Alice Adams: 2"
    assert given.sent(TOKEN)["refresh_token"] == "the-refresh-token"
    (asked,) = [call for call in given.calls if call.url == MEMBER_OF]
    assert dict(asked.headers)["Authorization"] == "Bearer the-access-token"


def test_where_one_page_does_not_hold_them_it_says_so():
    found, _ = lent(groups=PAGE | {"@odata.nextLink": "https://graph.localhost:8443/more"})
    assert one(groups.permission(found)).seen.endswith("groups of Alice Adams: 2 and more")


def test_just_the_groups_that_policies_name_are_asked_for_where_that_is_the_way():
    found, given = lent(replace(GRAPHED, groups_from=GroupsFrom.CHECK, named_groups=("group-1", "group-2")))
    assert one(groups.permission(found)).seen.endswith("says whether Alice Adams is in group-1")
    assert given.count(CHECK) == 1


def test_a_newer_refresh_token_is_given_back_and_an_older_one_too():
    found, given = lent()
    list(groups.permission(found))
    assert given.given_back == [kept("newer")]
    found, given = lent(token=TOKENS | {"refresh_token": None})
    list(groups.permission(found))
    assert given.given_back == [kept()]


AWAY = ProviderUnavailable(Reason.TIMEOUT, "no whole answer")
LACKING = [
    ("no consent", {"token": aadsts(65001, "invalid_grant", suberror="consent_required")}, "AADSTS65001", "User.Read"),
    ("no consent, by its name", {"token": answer({"error": "invalid_grant", "suberror": "consent_required"}, 400)},
     "invalid_grant", "User.Read"),
    ("no such resource", {"token": aadsts(650057, "invalid_resource")}, "AADSTS650057", "User.Read"),
    ("a token for less", {"token": TOKENS | {"scope": "openid"}}, "no User.Read, but 'openid'", "Grant"),
    ("no token at all", {"token": TOKENS | {"access_token": None, "scope": None}}, "no access token", "User.Read"),
    ("Graph says no", {"groups": answer({"error": {"code": "Denied"}}, 403)}, "status 403", "Grant"),
    ("the provider is away", {"token": AWAY}, "no whole answer", "Try again"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "seen", "mend"), [row[1:] for row in LACKING], ids=[row[0] for row in LACKING])
def test_groups_that_cannot_be_read_are_broken(more, seen, mend):
    found, given = lent(**more)
    finding = one(groups.permission(found))
    assert is_broken(finding, seen, mend)
    assert len(given.given_back) == 1, "whatever happens"
    assert "refresh-token" not in finding.seen


def test_checking_groups_that_graph_refuses_is_broken():
    denied = answer({"error": {"code": "Authorization_RequestDenied"}}, 403)
    found, _ = lent(replace(GRAPHED, groups_from=GroupsFrom.CHECK, named_groups=("group-1",)), check=denied)
    assert is_broken(one(groups.permission(found)), "status 403 ('Authorization_RequestDenied')", "Grant admin consent")


UNTRIED = [
    ("nobody keeps a token", {}, replace(GRAPHED, recheck=None), "keeps a refresh token", "Set `recheck: 1h`"),
    ("nobody is signed in", {"borrow": None}, GRAPHED, "nobody is signed in", "Sign in once."),
    (
        "a user who is gone",
        {"token": aadsts(50057, "invalid_grant")},
        GRAPHED,
        "Alice Adams cannot be tried",
        "about this user",
    ),
]


@pytest.mark.parametrize(
    ("more", "provider", "seen", "mend"), [row[1:] for row in UNTRIED], ids=[row[0] for row in UNTRIED]
)
def test_what_cannot_be_tried_says_how_to_have_it_tried(more, provider, seen, mend):
    if more == {"borrow": None}:
        found = documented(provider)
    else:
        found, _ = lent(provider, **more)
    finding = one(groups.permission(found))
    assert str(finding.state) == "not tried"
    assert seen in finding.seen
    assert mend in finding.mend
