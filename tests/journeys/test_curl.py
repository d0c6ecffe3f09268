"""What a program without a browser's habits gets, by curl; and the origin's own log has no line of it."""

import json
import subprocess
from urllib.parse import urlsplit

import pytest
import requests

from journeys.demo import PROGRAM, environment
from journeys.visitor import NAVIGATION, Form, Visitor


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("curl")) as made:
        yield made


def curl(demo, url, *more):
    """(status, headers, body)."""
    done = subprocess.run(
        ["curl", "-sS", "-i", "-m", "20", "--cacert", str(demo.ca), *more, url], capture_output=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.decode("utf-8", "replace").partition("\r\n\r\n")
    lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in (text.lower() for text in lines[1:]) if ": " in line)
    return int(lines[0].split()[1]), headers, body


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_without_a_session(demo, version):
    before = demo.origin_log("wiki")
    status, headers, body = curl(demo, demo.url("wiki", "/api/whoami"), version)
    assert (status, json.loads(body)["error"]) == (401, "unauthenticated")
    assert headers["www-authenticate"] == "cloudflare-access"
    status, headers, _ = curl(demo, demo.url("wiki", "/page"), version, "-H", "Accept: text/html")
    assert status == 302
    assert headers["location"].startswith(demo.url("team", "/cdn-cgi/access/login/wiki.localhost?kid="))
    status, _, _ = curl(demo, f"http://wiki.localhost:{demo.port}/api/whoami", "--http1.1")
    assert status == 400
    status, headers, _ = curl(demo, f"http://wiki.localhost:{demo.port}/", "--http1.1", "-H", "Accept: text/html")
    assert (status, headers["location"]) == (302, demo.url("wiki"))
    assert "set-cookie" not in headers
    status, _, _ = curl(demo, demo.url("wiki"), version, "-H", "Host: evil.example")
    assert status == 421
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, _, _ = curl(demo, demo.url("wiki", "/echo"), version, "-X", method, "-d", "x=1")
        assert status == 401
    assert demo.origin_log("wiki") == before


def test_forged_headers_of_a_signed_in_user_do_not_pass(demo):
    visitor = Visitor(demo.ca)
    visitor.sign_in(demo.url("wiki"), "alice")
    token = visitor.jars["wiki.localhost"]["CF_Authorization"]
    forged = [
        "Cf-Access-Authenticated-User-Email: admin@contoso.example",
        "X_Forwarded_For: 6.6.6.6",
        "Remote-User: root",
    ]
    more = [part for line in forged for part in ("-H", line)]
    status, _, body = curl(demo, demo.url("wiki", "/echo"), "-H", f"Cookie: CF_Authorization={token}", *more)
    assert status == 200
    assert "admin@" not in body
    assert "6.6.6.6" not in body
    assert '"root"' not in body
    assert token in body, "the assertion is the token, byte for byte"


def test_health_and_metrics(demo):
    monitor = f"http://127.0.0.1:{demo.metrics_port}"
    assert curl(demo, f"{monitor}/healthz")[0] == 200
    assert curl(demo, f"{monitor}/readyz")[0] == 200
    curl(demo, demo.url("wiki", "/x"))
    status, _, body = curl(demo, f"{monitor}/metrics")
    assert status == 200
    assert 'glassgate_requests_total{app="wiki",outcome="unauthenticated"}' in body


def test_nothing_secret_in_audit_log_output_or_metrics(demo):
    visitor = Visitor(demo.ca)
    visitor.sign_in(demo.url("wiki", "/?code=visible-only-to-the-origin"), "alice")
    secrets = visitor.secrets()
    visitor.ask(demo.url("wiki", "/cdn-cgi/access/callback?code=typed-by-hand"))
    told = (demo.folder / "state" / "audit.jsonl").read_text() + demo.output
    told += curl(demo, f"http://127.0.0.1:{demo.metrics_port}/metrics")[2]
    assert secrets
    assert not [secret for secret in secrets if secret in told]
    assert "typed-by-hand" not in told
    assert "password" not in (demo.folder / "state" / "audit.jsonl").read_text()


def test_a_token_by_glassgate_login_does_what_its_person_can(demo):
    command = [*PROGRAM, "login", "wiki", "--no-browser"]
    with subprocess.Popen(
        command, cwd=demo.folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        words = program.stderr.readline().rstrip().removesuffix(":").split()[-1]
        address = program.stderr.readline().strip()
        visitor = Visitor(demo.ca)
        page = visitor.sign_in(address, "alice")
        assert f"<code>{words}</code>" in page.text
        form = Form(page.text).fields
        said = visitor.ask(
            demo.url("team", "/cdn-cgi/access/cli"), method="POST", data={**form, "answer": "yes"},
            headers={**NAVIGATION, "Origin": demo.url("team", "")},
        )  # fmt: skip
        assert said.status == 303
        forged = f"http://127.0.0.1:{urlsplit(said.headers['Location']).port}/?code=x&state=x"
        assert requests.get(forged, timeout=10).status_code == 400
        assert "close this page" in requests.get(said.headers["Location"], timeout=10).text
        token, rest = program.communicate(timeout=30)
    assert (program.returncode, rest) == (0, "")
    for header in (f"Cf-Access-Token: {token.strip()}", f"Authorization: Bearer {token.strip()}"):
        status, _, body = curl(demo, demo.url("wiki", "/api/whoami"), "-H", header)
        assert (status, json.loads(body)["claims"]["email"]) == (200, "alice@contoso.example")
    assert [line for line in audit(demo) if (line["Action"], line.get("Reason")) == ("issued", "program")]


def audit(demo):
    return [json.loads(line) for line in (demo.folder / "state" / "audit.jsonl").read_text().splitlines()]
