"""A team's own addresses, and what policies may ask: by the configuration, never by the request."""

from ipaddress import ip_address, ip_network

import pytest

from gate.site import NOW, TEAM, WIKI, person, request_of, site_of
from glassgate.access.session import Session

ADDRESSES = [
    (8443, "", "https://wiki.localhost:8443"),
    (8443, "/a?b", "https://wiki.localhost:8443/a?b"),
    (443, "", "https://wiki.localhost"),
    (443, "/a?b", "https://wiki.localhost/a?b"),
    (80, "/", "https://wiki.localhost:80/"),
]


@pytest.mark.parametrize(("port", "target", "url"), ADDRESSES, ids=[row[2] for row in ADDRESSES])
def test_public_addresses(port, target, url):
    assert site_of(port=port).url(WIKI, target) == url


@pytest.mark.parametrize(("port", "issuer"), [(443, f"https://{TEAM}"), (8443, f"https://{TEAM}:8443")])
def test_the_issuer_is_the_team(port, issuer):
    assert site_of(port=port).issuer == issuer


PROXY = (ip_network("10.0.0.0/8"),)


def test_policies_are_told_who_signed_in_and_from_where():
    session = Session("s", person("alice"), NOW, NOW + 60, "digest")
    request = request_of("/", peer="10.0.0.1", headers={"x-forwarded-for": "192.0.2.7"})
    facts = site_of(trusted_proxies=PROXY).facts(session, request)
    assert facts.identity is session.identity
    assert facts.ip == ip_address("192.0.2.7")
    assert site_of().facts(session, request).ip == ip_address("10.0.0.1")
    unreadable = request_of("/", peer="10.0.0.1", headers={"x-forwarded-for": "192.0.2.7:443"})
    assert site_of(trusted_proxies=PROXY).facts(session, unreadable).ip is None
