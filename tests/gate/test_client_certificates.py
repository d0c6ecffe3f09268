"""A client's certificate: which app it counts at, how long, and that TLS was begun for the host that is asked for."""

from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from gate.site import NOW, PAYROLL, STAFF, WIKI, app, request_of, site_of
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import Forward, ShownCertificate, run
from glassgate.gate.journey import journey, still_allowed

CI = Rule("common_name: ci", lambda facts: facts.certificate and facts.certificate.common_name == "ci")
PROGRAMS = Policy("programs", Decision.SERVICE_AUTH, (CI,))
CERTIFICATE = ShownCertificate("ci", "ab" * 32, NOW + 100)
SITE = site_of(
    apps=[
        replace(app("wiki", WIKI, STAFF, PROGRAMS), client_ca=Path("clients.pem")),
        app("payroll", PAYROLL, STAFF, PROGRAMS),
    ]
)


def ask(host=WIKI, sni=WIKI, certificate=CERTIFICATE, **more):
    return replace(request_of("/x", host=f"{host}:8443", **more), sni=sni, certificate=certificate)


def test_it_lets_in_where_a_policy_says_so_and_the_origin_hears_its_name():
    passed = run(journey(SITE, ask()))
    assert isinstance(passed, Forward)
    held = dict(passed.headers)[b"Cf-Access-Jwt-Assertion"].decode()
    claims = jwt.decode(held, options={"verify_signature": False})
    assert (claims["common_name"], claims["sub"]) == ("ci", "")


ROWS = [
    ("none is shown", ask(certificate=None), 401),
    ("another's name", ask(certificate=replace(CERTIFICATE, common_name="cd")), 401),
    ("no name", ask(certificate=replace(CERTIFICATE, common_name=None)), 401),
    ("it has ended since", ask(at=NOW + 100), 401),
    ("TLS was begun for another host", ask(sni=PAYROLL), 421),
    ("TLS was begun for no host", ask(sni=None), 421),
    ("our own address there, too", replace(ask(sni=None), target="/cdn-cgi/access/certs"), 421),
    ("it was shown for another app", ask(host=PAYROLL), 401),
    ("an app that trusts none", ask(host=PAYROLL, sni=PAYROLL, certificate=None), 401),
]


@pytest.mark.parametrize(("request_", "status"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_else_nobody_is_let_in_by_it(request_, status):
    assert run(journey(SITE, request_)).status == status


def test_other_apps_are_open_on_any_connection():
    assert run(journey(SITE, ask(host=PAYROLL, sni="elsewhere", certificate=None))).status == 401


def test_its_websocket_stands_as_long_as_it_lasts():
    one = SITE.apps[WIKI]
    assert run(still_allowed(SITE, ask(), one, None, NOW + 99)) is None
    assert run(still_allowed(SITE, ask(), one, None, NOW + 100)) == "policy"


PATTERN, PART = "*.apps.localhost", "a.apps.localhost/admin"
OTHERS = [
    ("by the pattern alone", (PATTERN,), "a.apps.localhost", "/x", True),
    ("a host's own authority, beside a pattern's", (PATTERN, PART), "a.apps.localhost", "/admin", True),
    ("the pattern's, where the host was asked for its own", (PATTERN, PART), "a.apps.localhost", "/x", False),
    ("of a pattern that TLS does not go by", ("a-*.apps.localhost",), "a-b.apps.localhost", "/x", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("domains", "host", "path", "counts"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS]
)
def test_what_was_shown_to_one_authority_does_not_count_for_another(domains, host, path, counts):
    apps = [replace(app(text, text, PROGRAMS), client_ca=Path(text.partition("/")[0])) for text in domains]
    request = replace(ask(host=host, sni=host), target=path)
    outcome = run(journey(site_of(apps=apps), request))
    assert isinstance(outcome, Forward) if counts else outcome.status == 421


def test_it_counts_at_no_app_of_its_host_that_trusts_nobody():
    """TLS asks by the host alone, for the part of it that has an authority; the rest may be another app's."""
    apps = [replace(app("part", PART, PROGRAMS), client_ca=Path("clients.pem")), app("rest", PATTERN, PROGRAMS)]
    site, host = site_of(apps=apps), PART.partition("/")[0]
    request = replace(ask(host=host, sni=host), target="/x")
    assert run(journey(site, request)).status == 401
    assert run(still_allowed(site, request, site.apps[PATTERN], None, NOW)) == "policy"
