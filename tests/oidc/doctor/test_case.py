"""One provider under examination: where it is, whose clock is ahead, and with which credential is asked."""

from email.utils import formatdate

import pytest

from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import SignInError
from glassgate.oidc.http import HttpRequest
from oidc.doctor.cases import TOKEN, case, documented, world
from oidc.scripted import ENTRA, GENERIC, NOW, answer

DATES = [
    ("the same", {"Date": formatdate(NOW, usegmt=True)}, 0.5),
    ("ahead", {"Date": formatdate(NOW + 90, usegmt=True)}, 90.5),
    ("behind", {"Date": formatdate(NOW - 90, usegmt=True)}, -89.5),
    ("from a cache", {"Date": formatdate(NOW - 90, usegmt=True), "Age": "90"}, 0.5),
    ("none", {}, None),
    ("nonsense", {"Date": "yesterday"}, None),
    ("nonsense in the cache", {"Date": formatdate(NOW, usegmt=True), "Age": "old"}, None),
]


@pytest.mark.parametrize(("headers", "ahead"), [row[1:] for row in DATES], ids=[row[0] for row in DATES])
def test_every_answer_tells_how_far_the_clocks_differ(headers, ahead):
    found = case(also={"https://x.example/": answer({}, **headers)})
    found.fetch(HttpRequest("GET", "https://x.example/"))
    assert found.ahead == ([] if ahead is None else [ahead])


def test_half_of_the_time_that_an_answer_takes_is_not_counted():
    times = iter([NOW, NOW + 4])
    found = case(
        also={"https://x.example/": answer({}, Date=formatdate(NOW + 2, usegmt=True))}, clock=lambda: next(times)
    )
    found.fetch(HttpRequest("GET", "https://x.example/"))
    assert found.ahead == [0.5]


@pytest.mark.parametrize(
    ("provider", "home", "place"),
    [(ENTRA, ENTRA.authority, "authority"), (GENERIC, GENERIC.issuer, "issuer")],
    ids=["entra", "oidc"],
)
def test_where_a_provider_is_and_which_key_says_so(provider, home, place):
    found = case(provider)
    assert (found.home, found.place) == (home, place)


def test_a_token_endpoint_is_asked_with_just_the_credentials_that_are_given():
    given = world()
    found = documented(given=given)
    found.endpoint(TOKEN, ClientSecret("another")).ask({"grant_type": "client_credentials"}, NOW)
    assert given.sent(TOKEN)["client_secret"] == "another"


def test_without_a_document_there_is_no_metadata():
    with pytest.raises(SignInError):
        case().metadata.token_endpoint  # noqa: B018
