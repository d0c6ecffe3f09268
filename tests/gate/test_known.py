"""Who is kept out before any sign-in, what a certificate's app asks, and what of the request itself is judged."""

from dataclasses import replace
from ipaddress import ip_network

import jwt
import pytest

from gate.site import BROWSER, NOW, STAFF, TEAM, WIKI, Browser, app, request_of, site_of
from glassgate.access.circumstances import Certificate, Country, TimeOfDay
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.questions import Ip, network
from glassgate.gate.exchange import Forward, run
from glassgate.gate.journey import journey

OFFICE = Rule("ip: 203.0.113.0/24", Ip(network("203.0.113.0/24")))
ABROAD = Rule("ip: 198.51.100.0/24", Ip(network("198.51.100.0/24")))
MORNING = Rule("time_of_day", TimeOfDay(frozenset(range(7)), 8 * 3600, 9 * 3600))  # NOW is 08:00 UTC


def wiki(*policies):
    return site_of(apps=[app("wiki", WIKI, *policies)], trusted_proxies=(ip_network("127.0.0.1/32"),))


def ask(site, peer="203.0.113.7", headers=BROWSER, **more):
    return run(journey(site, request_of("/", peer=peer, headers=headers, **more)))


KEPT_OUT = [
    ("a required address", [replace(STAFF, require=(OFFICE,))]),
    ("an address that is denied", [Policy("no", Decision.DENY, (ABROAD,)), STAFF]),
    ("no policy", []),
]


@pytest.mark.parametrize("policies", [row[1] for row in KEPT_OUT], ids=[row[0] for row in KEPT_OUT])
def test_whom_no_sign_in_would_help_is_kept_out_before_it(policies):
    refused = ask(wiki(*policies), peer="198.51.100.1")
    assert refused.status == 403
    assert b"sign in" not in refused.body.lower()
    assert not [value for name, value in refused.headers if name in ("Location", "Set-Cookie")]


def test_a_stranger_is_told_no_rules():
    refused = ask(wiki(replace(STAFF, require=(OFFICE,))), peer="198.51.100.1")
    assert b"203.0.113" not in refused.body
    assert b"staff" not in refused.body
    assert "staff: require ip: 203.0.113.0/24: no" in refused.events[0].details


def test_from_the_right_address_the_sign_in_begins():
    begun = ask(wiki(replace(STAFF, require=(OFFICE,))))
    assert begun.status == 302


def test_a_program_where_a_service_may_pass_is_asked_for_its_credentials():
    machines = Policy("machines", Decision.SERVICE_AUTH, (OFFICE,))
    assert ask(wiki(machines), peer="198.51.100.1", headers={}).status == 401
    assert ask(wiki(machines), peer="198.51.100.1").status == 403


def signed_in(site):
    browser = Browser(site)
    browser.open(WIKI, "/")
    return {**BROWSER, "cookie": f"CF_Authorization={browser.jars[WIKI]['CF_Authorization']}"}


def test_the_address_is_judged_at_every_request():
    site = site_of(apps=[app("wiki", WIKI, replace(STAFF, exclude=(OFFICE,)))])
    held = signed_in(site)
    assert isinstance(ask(site, "127.0.0.1", held), Forward)
    assert ask(site, "203.0.113.7", held).status == 403


def test_the_time_is_judged_at_every_request():
    site = site_of(apps=[app("wiki", WIKI, replace(STAFF, require=(MORNING,)))])
    held = signed_in(site)
    assert isinstance(ask(site, "127.0.0.1", held, at=NOW + 3599), Forward)
    assert ask(site, "127.0.0.1", held, at=NOW + 3601).status in (302, 403)


def test_the_country_is_judged_at_every_request():
    germans = replace(STAFF, require=(Rule("country: DE", Country("DE")),))
    site = site_of(apps=[app("wiki", WIKI, germans)], trusted_proxies=(ip_network("127.0.0.1/32"),))

    def from_country(code, **headers):
        return {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7", "cf-ipcountry": code, **headers}

    def browse(host, target, code, jars):
        sent = from_country(code, **BROWSER, cookie="; ".join(f"{k}={v}" for k, v in jars.setdefault(host, {}).items()))
        answer = run(journey(site, request_of(target, host=f"{host}:8443", headers=sent)))
        for name, value in getattr(answer, "headers", ()):
            if name == "Set-Cookie":
                key, _, rest = value.partition(";")[0].partition("=")
                jars[host][key] = rest
        return answer

    jars = {}
    host, target = WIKI, "/"
    for _ in range(5):
        answer = browse(host, target, "DE", jars)
        if isinstance(answer, Forward):
            break
        location = dict(answer.headers)["Location"].removeprefix("https://")
        if location.startswith("login.example"):
            host, target = TEAM, "/cdn-cgi/access/callback?code=c&state=" + location.partition("state=")[2]
        else:
            where, _, path = location.partition("/")
            host, target = where.partition(":")[0], f"/{path}"
    assert isinstance(answer, Forward)
    assert jwt.decode(jars[WIKI]["CF_Authorization"], options={"verify_signature": False})["country"] == "DE"
    assert browse(WIKI, "/", "FR", jars).status == 403
    assert browse(WIKI, "/", "XX", jars).status == 403


def test_where_a_certificate_is_asked_for_the_apps_own_host_has_the_last_word_and_there_is_no_circle():
    """The team domain does not see the certificate that is shown to the app."""
    shown = replace(STAFF, require=(Rule("certificate", Certificate()),))
    browser = Browser(site_of(apps=[app("wiki", WIKI, shown)]))
    refused = browser.open(WIKI, "/")
    assert refused.status == 403
    assert sum("/cdn-cgi/access/authorized" in url for url in browser.urls) == 1
    assert "staff: require certificate: unknown" in refused.events[-1].details
    assert "CF_Authorization" not in browser.jars[WIKI]
