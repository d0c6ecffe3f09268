"""What programs read at the gate."""

import json

import pytest

from gate.site import TEAM, WIKI, Browser, person, site_of

IDENTITY = "/cdn-cgi/access/get-identity"


@pytest.mark.parametrize("host", [TEAM, WIKI])
def test_without_a_session_it_says_what_cloudflare_says(host):
    answer = Browser(site_of()).ask(host, IDENTITY)
    assert (answer.status, json.loads(answer.body)) == (400, {"err": "no app token set"})


def test_the_identity_of_the_session():
    site = site_of()
    site.parties["entra"].next = person(
        "alice", groups=frozenset(["g1"]), acrs=frozenset(["c1"]), amr=frozenset(["mfa"])
    )
    browser = Browser(site)
    browser.open(WIKI, "/")
    for host in (TEAM, WIKI):
        told = json.loads(browser.ask(host, IDENTITY).body)
        assert told["email"] == "alice@contoso.example"
        assert told["groups"] == [{"id": "g1", "name": ""}]
        assert told["idp"] == {"id": "entra", "type": "azureAD"}
        assert told["user_uuid"] == person("alice").user_id
        assert told["amr"] == ["mfa"]


def test_an_app_token_is_taken_at_the_team_domain_where_clients_of_access_ask():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    stranger = Browser(site)
    cookie = {"cookie": f"CF_Authorization={browser.jars[WIKI]['CF_Authorization']}"}
    assert stranger.ask(TEAM, IDENTITY, headers=cookie).status == 200
    assert stranger.ask(TEAM, "/", headers={**cookie, "accept": "*/*"}).status == 401


def test_an_email_that_does_not_count_is_told_to_its_owner_alone():
    from dataclasses import replace

    site = site_of()
    site.parties["entra"].next = replace(person("carol"), email=None, unverified_email="carol@fabrikam.example")
    browser = Browser(site)
    landed = browser.open(WIKI, "/")
    assert b"Cf-Access-Authenticated-User-Email" not in dict(landed.headers)
    assert b"carol@" not in b"".join(value for _, value in landed.headers)
    told = json.loads(browser.ask(WIKI, IDENTITY).body)
    assert (told["email"], told["unverified_email"]) == ("", "carol@fabrikam.example")


@pytest.mark.parametrize("host", [TEAM, WIKI])
def test_the_keys_are_for_everybody(host):
    answer = Browser(site_of()).ask(host, "/cdn-cgi/access/certs", headers={})
    assert answer.status == 200
    assert dict(answer.headers)["Access-Control-Allow-Origin"] == "*"
    assert set(json.loads(answer.body)) == {"keys", "public_cert", "public_certs"}


def test_unknown_paths_of_ours_are_never_forwarded():
    browser = Browser(site_of())
    browser.open(WIKI, "/")
    for path in (
        "/cdn-cgi/access/",
        "/cdn-cgi/access/nothing",
        "/cdn-cgi/access",
        "/cdn-cgi/access/login/wiki.localhost",
    ):
        assert browser.ask(WIKI, path).status == 404
