"""The way back: whether the callback is registered, asked without a person and without following anything."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from glassgate.oidc.doctor import addresses
from glassgate.oidc.http import HttpResponse
from oidc.doctor.cases import (
    AUTHORIZE,
    LOGIN_REQUIRED,
    OURS,
    back,
    documented,
    generic_world,
    is_broken,
    one,
    states,
    world,
)
from oidc.scripted import ENTRA, GENERIC, REDIRECT, answer

AFTER = back(OURS.signed_out, error="login_required")
UNREGISTERED = answer(b"<html>AADSTS50011: The redirect URI &#39;x&#39; specified does not match</html>", 400)


def test_a_redirect_to_the_callback_proves_that_it_is_registered():
    given = world(authorize=[LOGIN_REQUIRED, AFTER])
    found = documented(given=given)
    assert [finding.seen for finding in addresses.redirect_uri(found)] == [
        f"{OURS.callback} is registered",
        f"{OURS.signed_out} is registered",
    ]
    assert given.count(AUTHORIZE) == 2
    assert all(call.url.startswith(AUTHORIZE) or "token" not in call.url for call in given.calls), (
        "nothing was followed"
    )


def test_what_is_asked_is_a_sign_in_without_a_person():
    given = world(authorize=[LOGIN_REQUIRED, AFTER])
    provider = replace(ENTRA, response_mode="form_post", domain_hint="contoso.example", prompt="login")
    list(addresses.redirect_uri(documented(provider, given)))
    asked = parse_qs(given.queries[-2])
    assert (asked["prompt"], asked["redirect_uri"]) == (["none"], [REDIRECT])
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert not {"response_mode", "domain_hint"} & set(asked), "its answer has to be a redirect"


REGISTERED = [
    ("nobody is signed in", LOGIN_REQUIRED),
    ("said behind the address", back(mark="#", error="login_required")),
    ("somebody has to act", back(error="interaction_required")),
    ("busy", back(error="temporarily_unavailable")),
    ("somebody is signed in after all", back(code="a-code")),
]


@pytest.mark.parametrize("said", [row[1] for row in REGISTERED], ids=[row[0] for row in REGISTERED])
def test_whatever_the_redirect_carries(said):
    findings = list(addresses.redirect_uri(documented(authorize=[said, AFTER])))
    assert states(findings) == ["ok", "ok"]
    assert "a-code" not in str(findings)


REFUSED = [
    ("not registered", UNREGISTERED, f"AADSTS50011: {REDIRECT} is not registered", "platform Web, equal to the letter"),
    ("not registered, with 200", replace(UNREGISTERED, status=200), "is not registered", "equal to the letter"),
    (
        "an unknown client",
        answer(b"AADSTS700016: Application 'a'", 400),
        "AADSTS700016: Entra does not know",
        "`client_id`",
    ),
    (
        "a page without a code",
        answer(b"<h1>Bad request</h1>", 400),
        "shows a page with status 400",
        "redirect URIs: add it",
    ),
    ("down", answer(b"", 502), "status 502", "Try again"),
]


@pytest.mark.parametrize(("said", "seen", "mend"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_page_instead_of_a_redirect_is_broken(said, seen, mend):
    given = world(authorize=said)
    assert is_broken(one(addresses.redirect_uri(documented(given=given))), seen, mend)
    assert given.count(AUTHORIZE) == 1, "the other address would not fare better"


def test_a_request_that_no_person_would_get_through_is_broken():
    said = back(error="invalid_scope", error_description="AADSTS650053:+The+application+asked+for+x.+More.")
    registered, broken, _ = addresses.redirect_uri(documented(authorize=[said, AFTER]))
    assert str(registered.state) == "ok"
    assert is_broken(broken, "AADSTS650053: This gate asks for a scope that is none", "Mend `scopes`")


UNCLEAR = [
    ("a redirect elsewhere", HttpResponse(302, {"Location": "https://adfs.example/"}), "leads elsewhere"),
    ("a redirect nowhere", HttpResponse(302, {}), "leads elsewhere"),
    ("almost the callback", back(f"{REDIRECT}/more", error="login_required"), "leads elsewhere"),
    ("a page about a person", answer(b"AADSTS50058: A silent sign-in", 200), "a page with AADSTS50058"),
    ("a page to sign in", answer(b"<form>", 200), "though it was asked for none"),
]


@pytest.mark.parametrize(("said", "seen"), [row[1:] for row in UNCLEAR], ids=[row[0] for row in UNCLEAR])
def test_what_proves_nothing_is_not_tried(said, seen):
    finding = one(addresses.redirect_uri(documented(authorize=said)))
    assert str(finding.state) == "not tried"
    assert seen in finding.seen


def test_the_address_after_a_sign_out_is_only_a_warning():
    _, after = addresses.redirect_uri(documented(authorize=[LOGIN_REQUIRED, UNREGISTERED]))
    assert str(after.state) == "warning"
    assert after.seen == f"{OURS.signed_out}, for after a sign-out, is not registered"


def test_words_of_a_page_move_no_terminal():
    said = answer(b"AADSTS9999999: \x1b[2Jodd <b>more</b>", 400)
    assert "\x1b" not in one(addresses.redirect_uri(documented(authorize=said))).seen


def test_what_cannot_be_asked_is_for_the_eye():
    assert [finding.seen for finding in addresses.by_hand(documented())] == [OURS.ended]
    told = list(addresses.by_hand(documented(GENERIC, generic_world())))
    assert [finding.seen for finding in told] == [OURS.signed_out, OURS.ended]
    assert states(told) == ["by eye", "by eye"]
