"""Many applications in a real browser: parts and patterns of hosts, strict and bound cookies, the scripts of pages."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from journeys.chromium import sign_in
from journeys.visitor import Visitor

STAFF = [{"name": "staff", "decision": "allow", "include": [{"email_domain": "contoso.example"}]}]
NOBODY = [{"name": "nobody", "decision": "allow", "include": [{"email": "nobody@contoso.example"}]}]
CLOSED = """<!doctype html><title>{{ app }}</title><style>h1 { color: rgb(1, 2, 3) }</style>
<h1>{{ name }} is not on the list</h1><a href="{{ again_url }}">Again</a><p>{{ id }}"""
FETCH = """([url, method, headers]) => fetch(url, {method, headers, credentials: "include"})
    .then(answer => answer.json().then(said => [answer.status, said]), () => "not to be read")"""
POST = """url => { const form = document.createElement("form"); Object.assign(form, {method: "post", action: url});
    document.body.append(form); form.submit(); }"""


class Origin(ThreadingHTTPServer):
    """An application that says whom it sees. It lets pages of `reader` read that, and keeps what it was asked."""

    reader = ""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.asked = []


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.server.asked.append((self.command, self.headers["Host"].partition(":")[0] + self.path, dict(self.headers)))
        content = json.dumps({"who": self.headers["Cf-Access-Authenticated-User-Email"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Access-Control-Allow-Origin", self.server.reader)
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_OPTIONS = answer  # noqa: N815 - as the library wants them

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def origin():
    with Origin() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def demo(running_demo, origin, tmp_path_factory):
    def edit(config):
        port = config["team"].partition(":")[2]
        origin.reader = f"https://shop.apps.localhost:{port}"

        def app(name, domain, policies=STAFF, **more):
            return {"name": name, "domain": domain, "origin": f"http://127.0.0.1:{origin.server_port}",
                    "policies": policies, **more}  # fmt: skip

        reading = {"origins": [origin.reader], "methods": ["PUT"], "headers": ["X-Wish"], "credentials": True}
        config["apps"] = [
            app("pages", "pages.localhost"),
            app("admin", "pages.localhost/admin", http_only=False),
            app("closed", "pages.localhost/closed", NOBODY, deny_page="closed.html"),
            app("many", "*.apps.localhost"),
            app("strict", "strict.localhost", same_site="strict", binding_cookie=True),
            app("api", "api.apps.localhost", cors=reading),
            app("own", "own.localhost", cors={"preflight": "origin"}),
            app("lax", "lax.localhost"),
            app("none", "none.localhost", same_site="none"),
        ]

    folder = tmp_path_factory.mktemp("demo")
    (folder / "closed.html").write_text(CLOSED)
    with running_demo(folder, edit) as made:
        yield made


@pytest.fixture
def page(demo, browser, origin):
    """A page of somebody who is signed in at `pages`."""
    origin.asked.clear()
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("pages"))
    sign_in(page, "alice")
    assert who(page) == "alice@contoso.example"
    yield page
    context.close()


def who(page):
    return json.loads(page.inner_text("body"))["who"]


def cookies(page, name, host):
    return [one for one in page.context.cookies() if (one["name"], one["domain"]) == (name, host)]


def test_a_strict_and_bound_session_is_there_at_the_first_step(demo, page, origin):
    """It comes from another site, so that a redirect would have come without it, again and again."""
    page.evaluate("url => location.assign(url)", demo.url("strict", "/month?of=may"))
    page.wait_for_url(demo.url("strict", "/month?of=may"))
    assert who(page) == "alice@contoso.example"
    held = {one["name"]: one for one in page.context.cookies(demo.url("strict"))}
    assert {(one["sameSite"], one["httpOnly"], one["path"]) for one in held.values()} == {("Strict", True, "/")}
    assert set(held) == {"CF_Authorization", "__Host-CF_Binding"}
    assert [asked[1] for asked in origin.asked].count("strict.localhost/month?of=may") == 1

    thief = Visitor(demo.ca)
    thief.jars["strict.localhost"] = {"CF_Authorization": held["CF_Authorization"]["value"]}
    said = thief.ask(demo.url("strict"), headers={"Accept": "application/json"})
    assert (said.status, json.loads(said.body)["reason"]) == (401, "binding_missing")


def test_each_part_of_a_host_has_a_session_of_its_own(demo, page):
    page.goto(demo.url("pages", "/admin/users"))
    assert who(page) == "alice@contoso.example"
    held = cookies(page, "CF_Authorization", "pages.localhost")
    assert {(one["path"], one["httpOnly"]) for one in held} == {("/", True), ("/admin", False)}
    assert "CF_Authorization" in page.evaluate("document.cookie")
    assert page.goto(demo.url("pages", "/administration")).status == 200, "it is not below /admin"
    assert "CF_Authorization" not in page.evaluate("document.cookie")
    page.goto(demo.url("pages", "/admin/cdn-cgi/access/logout"))
    assert who(page) == "alice@contoso.example", "no address of ours"


def test_the_page_that_says_no_is_an_operators_own_and_may_have_styles(demo, page):
    answer = page.goto(demo.url("pages", "/closed/x?of=may"))
    assert (answer.status, page.title()) == (403, "closed")
    heading = page.get_by_role("heading", name="Alice Ahlberg is not on the list")
    assert heading.evaluate("one => getComputedStyle(one).color") == "rgb(1, 2, 3)"
    assert page.get_by_role("link").get_attribute("href") == demo.url("pages", "/closed/x?of=may")
    assert page.locator("p").inner_text() == answer.headers["cf-ray"]
    page.get_by_role("link").click()
    assert page.title() == "closed"


def test_every_host_of_a_pattern_is_the_same_app(demo, page):
    for host in ("one.apps", "two.apps"):
        page.goto(demo.url(host, "/x"))
        assert (page.url, who(page)) == (demo.url(host, "/x"), "alice@contoso.example")
        assert len(cookies(page, "CF_Authorization", f"{host}.localhost")) == 1


def test_a_script_of_a_named_page_reads_and_any_other_does_not(demo, page, origin):
    wish = [demo.url("api.apps", "/data"), "PUT", {"X-Wish": "1"}]
    page.goto(demo.url("shop.apps"))
    status, said = page.evaluate(FETCH, wish)
    assert (status, said["error"], said["sign_in"]) == (401, "unauthenticated", demo.url("api.apps"))
    page.goto(said["sign_in"])
    page.goto(demo.url("shop.apps"))
    assert page.evaluate(FETCH, wish) == [200, {"who": "alice@contoso.example"}]
    assert [method for method, target, _ in origin.asked if target == "api.apps.localhost/data"] == ["PUT"]
    origin.asked.clear()
    assert page.evaluate(FETCH, [demo.url("api.apps", "/data"), "PUT", {"X-Other": "1"}]) == "not to be read"
    for other in ("one.apps", "pages"):
        page.goto(demo.url(other))
        assert page.evaluate(FETCH, wish) == "not to be read"
    assert not [target for _, target, _ in origin.asked if target.startswith("api.")], "nor is the application asked"


def test_a_form_of_another_site_comes_with_the_session_only_where_an_app_says_so(demo, page, origin):
    for host in ("lax", "none"):
        page.goto(demo.url(host))
    for host, arrives in (("lax", False), ("none", True)):
        page.goto(demo.url("pages"))
        with page.expect_navigation():
            page.evaluate(POST, demo.url(host, "/order"))
        assert who(page) == "alice@contoso.example"
        assert (("POST", f"{host}.localhost/order") in [asked[:2] for asked in origin.asked]) is arrives


def test_a_preflight_for_the_origin_brings_it_nothing_of_anybody(demo, page, origin):
    page.goto(demo.url("own"))
    held = cookies(page, "CF_Authorization", "own.localhost")[0]["value"]
    forged = Visitor(demo.ca)
    asking = {"Origin": origin.reader, "Access-Control-Request-Method": "PUT"}
    forged.ask(demo.url("own", "/data"), method="OPTIONS", headers={
        **asking, "Cookie": f"CF_Authorization={held}; mine=1", "Authorization": "Basic eDp5",
        "Cf-Access-Authenticated-User-Email": "bob@contoso.example", "Cf-Access-Jwt-Assertion": held, "X-Else": "1",
    })  # fmt: skip
    # Only that: the browser asks for its icon when it likes.
    [(method, headers)] = [(method, headers) for method, target, headers in origin.asked if target.endswith("/data")]
    assert method == "OPTIONS"
    assert {name for name, value in asking.items() if headers.get(name) == value} == set(asking)
    for name in headers:
        assert not name.lower().startswith(("cookie", "authorization", "cf-access", "x-else")), name
    assert forged.ask(demo.url("own", "/data"), method="OPTIONS", headers={"Origin": origin.reader}).status == 401
    assert forged.ask(demo.url("own", "/data"), method="OPTIONS", data=b"x", headers=asking).status == 401
