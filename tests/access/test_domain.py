"""What a domain covers: Cloudflare's own examples, and what a wrong guess would open."""

import time

import pytest

from glassgate.access.domain import Domain

HOSTS = [
    ("wiki.example.com", "wiki.example.com", True),
    ("wiki.example.com", "x.wiki.example.com", False),
    ("wiki.example.com", "wikiXexample.com", False),
    ("*.example.com", "alpha.example.com", True),
    ("*.example.com", "example.com", False),
    ("*.example.com", ".example.com", False),
    ("*.example.com", "foo.bar.example.com", False),
    ("*.example.com", "alphaXexample.com", False),
    ("*.example.com", "alpha.example.com.evil.example", False),
    ("*test.example.com", "test.example.com", True),
    ("*test.example.com", "alphatest.example.com", True),
    ("*test.example.com", "beta.test.example.com", False),
    ("dev-*.example.com", "dev-1.example.com", True),
    ("*.*.example.com", "a.b.example.com", True),
    ("*.*.example.com", "a.example.com", False),
    ("a.*.example.com", "a.b.example.com", True),
    ("a.*.example.com", "b.b.example.com", False),
]
PATHS = [
    ("", "/", True),
    ("", "/anything/at/all", True),
    ("/eng", "/eng", True),
    ("/eng", "/eng/", True),
    ("/eng", "/eng/exec/x", True),
    ("/eng", "/english", False),
    ("/eng", "/", False),
    ("/eng", "/x/eng", False),
    ("/eng", "/ENG", False),
    ("/alpha/*", "/alpha/one", True),
    ("/alpha/*", "/alpha/one/two", True),
    ("/alpha/*", "/alpha", False),
    ("/alpha/*", "/", False),
    ("/foo*/bar", "/foo/bar", True),
    ("/foo*/bar", "/food/bar", True),
    ("/foo*/bar", "/food/stuff/bar", True),
    ("/foo*/bar", "/food/bar/below", True),
    ("/foo*/bar", "/food/barn/bar", True),
    ("/foo*/bar", "/food/barn", False),
    ("/foo*", "/football", True),
    ("/foo*", "/fo", False),
    ("/*/admin", "/x/admin", True),
    ("/*/admin", "/x/y/admin/z", True),
    ("/*/admin", "/admin", False),
    ("/a/*/b/*/c", "/a/1/b/2/c", True),
    ("/a/*/b/*/c", "/a/1/c/2/b", False),
    ("/.well-known", "/.well-known/x", True),
    ("/.well-known", "/xwell-known/x", False),
    ("/a*b", "/a\nb", True),
]


@pytest.mark.parametrize(("pattern", "host", "covered"), HOSTS, ids=[f"{row[0]} {row[1]}" for row in HOSTS])
def test_hosts(pattern, host, covered):
    assert Domain(pattern).covers_host(host) is covered


@pytest.mark.parametrize(("pattern", "path", "covered"), PATHS, ids=[f"{row[0]} {row[1]!r}" for row in PATHS])
def test_paths(pattern, path, covered):
    assert Domain("wiki.example.com", pattern).covers(path) is covered


@pytest.mark.parametrize(("pattern", "path"), [("/eng", "/ENG/x"), ("/Eng", "/eNG"), ("/A*/b", "/aX/B")])
def test_an_origin_may_not_heed_the_case_of_letters(pattern, path):
    domain = Domain("wiki.example.com", pattern)
    assert (domain.covers(path), domain.covers_in_any_case(path)) == (False, True)


READ = [
    ("wiki.example.com", "", "/", "/", "wiki.example.com", "wiki.example.com"),
    ("wiki.example.com/", "", "/", "/", "wiki.example.com", "wiki.example.com"),
    ("wiki.example.com/*", "", "/", "/", "wiki.example.com", "wiki.example.com"),
    ("wiki.example.com/admin", "/admin", "/admin", "/admin", "wiki.example.com", "wiki.example.com/admin"),
    ("wiki.example.com/a/b", "/a/b", "/a/b", "/a/b", "wiki.example.com", "wiki.example.com/a/b"),
    ("wiki.example.com/a/*", "/a/*", "/a/", "/a", "wiki.example.com", "wiki.example.com/a"),
    ("wiki.example.com/foo*", "/foo*", "/", "/", "wiki.example.com", "wiki.example.com"),
    ("*.example.com", "", "/", "/", "*.example.com", "x.example.com"),
    ("dev-*.example.com/a", "/a", "/a", "/a", "*.example.com", "x.example.com/a"),
    ("a.*.example.com", "", "/", "/", None, "x.example.com"),
]


@pytest.mark.parametrize(("text", "path", "root", "cookie", "certificate", "at"), READ, ids=[row[0] for row in READ])
def test_where_it_begins_and_what_its_cookie_and_certificate_are_good_for(text, path, root, cookie, certificate, at):
    domain = Domain.read(text)
    host = "x.example.com" if domain.is_pattern else domain.host
    assert (domain.path, domain.root, domain.cookie_path, domain.certificate_name, domain.at(host)) == (
        path, root, cookie, certificate, at,
    )  # fmt: skip


def test_a_pattern_is_tried_by_a_host_that_it_covers():
    for domain in (Domain("*.example.com", "/a"), Domain("dev-*.example.com"), Domain("wiki.example.com", "/a")):
        assert "*" not in domain.some_host
        assert domain.covers_host(domain.some_host)


def test_the_longest_match_comes_first():
    ranked = [
        "wiki.example.com/alpha/beta",
        "wiki.example.com/alpha/*",
        "wiki.example.com/alpha",
        "wiki.example.com",
        "dev-*.example.com/a",
        "dev-*.example.com",
        "*.example.com/a",
        "*.example.com",
    ]
    by_weight = sorted((Domain.read(text) for text in sorted(ranked)), key=lambda one: one.weight, reverse=True)
    assert [one.text for one in by_weight] == ranked


def test_a_path_made_for_it_takes_no_more_time_than_another():
    domain = Domain("wiki.example.com", "/a*/a*/a*/a*/a*/b")
    began = time.process_time()
    assert not domain.covers("/a" * 8000)
    assert time.process_time() - began < 1
