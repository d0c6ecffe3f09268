"""A form that meets an ended session, in a real browser: it arrives whole after the sign-in, files and all."""

import hashlib
import html
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from playwright.sync_api import expect

from glassgate.access import token
from glassgate.state.keyring import KeyRing
from journeys.chromium import sign_in

MIB = 1 << 20
LIMIT = 3 * MIB
FORM = (
    '<form method="post" enctype="multipart/form-data" action="save?x=1"><input name="note">'
    '<input type="file" name="file"><button>Save</button></form>'
)


class Origin(ThreadingHTTPServer):
    """An application with a form: its answer is a page, with a link that goes by where it stands."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.posts = []


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.say(FORM)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = {part.get_param("name", header="content-disposition"): part for part in
                 BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()}  # fmt: skip
        file = parts["file"].get_payload(decode=True)
        note = parts["note"].get_content().strip()
        self.server.posts.append((self.path, note, parts["file"].get_filename(), hashlib.sha256(file).hexdigest()))
        self.say(f'Saved: {html.escape(note)} <a id="next" href="next">on</a>')

    def say(self, text):
        content = f"<!doctype html><title>Editor</title>{text}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "form-action 'self'")  # as many applications say
        self.end_headers()
        self.wfile.write(content)

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
        config["apps"][0] |= {"origin": f"http://127.0.0.1:{origin.server_port}", "keep_forms": LIMIT}

    with running_demo(tmp_path_factory.mktemp("demo"), edit) as made:
        yield made


@pytest.fixture
def page(demo, browser, origin):
    """A page with the form, open since before the session ended."""
    origin.posts.clear()
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("wiki", "/docs/edit"))
    sign_in(page, "alice")
    page.fill("input[name=note]", "written at length")
    yield page
    context.close()


def pass_the_time(demo, context):
    """As if the session had ended: the same token, an hour older, and no session with the team any more."""
    [held] = [one for one in context.cookies() if one["name"] == "CF_Authorization"]
    claims = jwt.decode(held["value"], options={"verify_signature": False})
    now = time.time()
    keys = KeyRing.open(demo.folder / "state" / "keys", now)
    older = token.mint(
        keys.signing, issuer=claims["iss"], audience=claims["aud"][0], subject=claims["sub"], email=claims["email"],
        nonce=claims["identity_nonce"], now=now - 7200, expires=now - 3600,
    )  # fmt: skip
    context.clear_cookies()
    context.add_cookies([{**held, "value": older}])


def files(size):
    return {"name": "report.bin", "mimeType": "application/octet-stream", "buffer": bytes(range(256)) * (size // 256)}


def test_two_megabytes_arrive_whole_after_the_sign_in(demo, origin, page):
    sent = files(2 * MIB)
    page.set_input_files("input[name=file]", sent)
    pass_the_time(demo, page.context)
    page.click("button")
    page.wait_for_url(demo.url("login") + "**")
    assert origin.posts == []
    sign_in(page, "alice")
    expect(page.locator("h1")).to_have_text("Your form was kept")
    assert page.url == demo.url("wiki", "/docs/save?x=1")
    page.get_by_role("button", name="Send it now").click()
    expect(page.locator("body")).to_contain_text("Saved: written at length")
    digest = hashlib.sha256(sent["buffer"]).hexdigest()
    assert origin.posts == [("/docs/save?x=1", "written at length", "report.bin", digest)]
    assert page.url == demo.url("wiki", "/docs/save?x=1"), "it stands where it would have stood"
    assert page.evaluate("document.querySelector('#next').href") == demo.url("wiki", "/docs/next")
    page.reload()
    expect(page.locator("body")).to_contain_text("no form to send any more")
    page.go_back()
    expect(page.locator("body")).not_to_contain_text("Send it now")
    assert len(origin.posts) == 1


def test_two_tabs_with_a_form_each_lose_none(demo, origin, page):
    other = page.context.new_page()
    other.goto(demo.url("wiki", "/docs/edit"))
    other.fill("input[name=note]", "in another tab")
    pass_the_time(demo, page.context)
    for tab in (page, other):
        tab.click("button")
        tab.wait_for_url(demo.url("login") + "**")
    sign_in(page, "alice")
    page.get_by_role("button", name="Send it now").click()
    expect(page.locator("body")).to_contain_text("Saved: written at length")
    other.goto(demo.url("wiki", "/docs/save?x=1"))
    other.get_by_role("button", name="Send it now").click()
    expect(other.locator("body")).to_contain_text("Saved: in another tab")
    assert [note for _, note, _, _ in origin.posts] == ["written at length", "in another tab"]


def test_whoever_does_not_want_it_any_more_throws_it_away(demo, origin, page):
    pass_the_time(demo, page.context)
    page.click("button")
    page.wait_for_url(demo.url("login") + "**")
    sign_in(page, "alice")
    page.get_by_role("button", name="Throw it away").click()
    page.wait_for_url(demo.url("wiki"))
    page.goto(demo.url("wiki", "/docs/save?x=1"))
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    assert origin.posts == []


def test_somebody_else_who_signs_in_gets_nothing_of_it(demo, origin, page):
    page.set_input_files("input[name=file]", files(256))
    pass_the_time(demo, page.context)
    page.click("button")
    page.wait_for_url(demo.url("login") + "**")
    sign_in(page, "bob")
    expect(page.locator("body")).to_contain_text("This form is not yours")
    assert origin.posts == []


def test_one_that_is_too_large_is_still_in_the_browser(demo, origin, page, tmp_path):
    sent = tmp_path / "report.bin"  # of a file, a browser reads it again; of a buffer there is nothing to read
    sent.write_bytes(bytes(range(256)) * ((LIMIT + MIB) // 256))
    page.set_input_files("input[name=file]", sent)
    pass_the_time(demo, page.context)
    page.click("button")
    expect(page.locator("h1")).to_have_text("Your form could not be kept")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    sign_in(opened.value, "alice")
    page.reload()
    expect(page.locator("body")).to_contain_text("Saved: written at length")
    digest = hashlib.sha256(sent.read_bytes()).hexdigest()
    assert origin.posts == [("/docs/save?x=1", "written at length", "report.bin", digest)]
