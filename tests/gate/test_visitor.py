"""Who is redirected to a sign-in, and who gets a 401."""

import pytest

from gate.site import request_of
from glassgate.access.app import Unauthenticated
from glassgate.gate.visitor import gets_redirect, is_navigation, is_top_level

HTML = {"accept": "text/html,application/xhtml+xml;q=0.9"}
NAVIGATE = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", **HTML}
ROWS = [
    ("a browser", "GET", NAVIGATE, True),
    ("an old browser", "GET", HTML, True),
    ("a form in a browser", "POST", NAVIGATE, True),
    ("a script's fetch", "GET", {"sec-fetch-mode": "cors", "accept": "text/html"}, False),
    ("an image", "GET", {"sec-fetch-mode": "no-cors", "accept": "image/*"}, False),
    ("curl", "GET", {"accept": "*/*"}, False),
    ("an API client", "GET", {"accept": "application/json"}, False),
    ("XMLHttpRequest", "GET", {**HTML, "x-requested-with": "XMLHttpRequest"}, False),
    ("XMLHttpRequest that says navigate", "GET", {**NAVIGATE, "x-requested-with": "x"}, False),
    ("a program's POST", "POST", HTML, False),
    ("a HEAD that looks around", "HEAD", {}, True),
    ("a HEAD for JSON", "HEAD", {"accept": "application/json"}, False),
    ("a WebSocket", "GET", {**HTML, "upgrade": "WebSocket"}, False),
    ("nothing said", "GET", {}, False),
]


@pytest.mark.parametrize(("method", "headers", "navigates"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_who_is_on_the_way_to_a_page(method, headers, navigates):
    request = request_of("/", method=method, headers=headers)
    assert is_navigation(request) is navigates
    assert gets_redirect(request, Unauthenticated.AUTO) is navigates
    assert gets_redirect(request, Unauthenticated.ANSWER_401) is False


def test_an_app_may_redirect_everybody_but_a_websocket_and_who_says_to_be_a_script():
    assert gets_redirect(request_of("/", headers={"accept": "*/*"}), Unauthenticated.REDIRECT)
    assert not gets_redirect(request_of("/", headers={"upgrade": "websocket"}), Unauthenticated.REDIRECT)
    script = {"x-requested-with": "XMLHttpRequest"}
    assert not gets_redirect(request_of("/", headers=script), Unauthenticated.REDIRECT)


@pytest.mark.parametrize("header", ["sec-purpose", "purpose"])
@pytest.mark.parametrize("said", ["prefetch", "prefetch;prerender"])
def test_a_page_that_is_fetched_ahead_is_nobodys_step(header, said):
    """Browsers fetch links under the pointer, with cookies; one of them may be to sign out."""
    assert not is_top_level(request_of("/", headers={**NAVIGATE, header: said}))


@pytest.mark.parametrize(("dest", "top"), [("document", True), ("iframe", False), ("image", False), ("", True)])
def test_only_a_tab_is_top_level(dest, top):
    headers = {**HTML, "sec-fetch-mode": "navigate"} | ({"sec-fetch-dest": dest} if dest else {})
    assert is_top_level(request_of("/", headers=headers)) is top
