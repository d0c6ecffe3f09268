"""What the other journeys, on `up` and on mitmdump, leave open: mitmweb, stock and ours, and what mitmdump refuses."""

import http.client
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from journeys.demo import STOCK_READY, environment, free_ports, prepare, running, stock
from journeys.visitor import Visitor


@pytest.fixture(scope="module")
def mitmweb(tmp_path_factory):
    made = prepare(tmp_path_factory.mktemp("mitmweb"), ready=STOCK_READY)
    made.command = stock(made, "mitmweb", "--no-web-open-browser", "--web-port", str(free_ports(1)[0]))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_the_sign_in_through_mitmweb(mitmweb):
    visitor = Visitor(mitmweb.ca)
    page = visitor.sign_in(mitmweb.url("wiki", "/search?q=stock"), "alice")
    assert (page.url, page.status) == (mitmweb.url("wiki", "/search?q=stock"), 200)
    assert visitor.open(mitmweb.url("payroll")).status == 403
    assert [line for line in mitmweb.origin_log("wiki") if "alice@contoso.example" in line]
    assert Visitor(mitmweb.ca).ask(mitmweb.url("wiki", "/nobody"), headers={"Accept": "*/*"}).status == 401
    assert not [line for line in mitmweb.origin_log("wiki") if "/nobody" in line]


def test_mitmweb_says_no_secret_and_shows_no_traceback(mitmweb):
    visitor = Visitor(mitmweb.ca)
    visitor.sign_in(mitmweb.url("wiki"), "alice")
    secrets = visitor.secrets()
    assert not [secret for secret in secrets if secret in mitmweb.output]
    assert "Traceback" not in mitmweb.output


REFUSED = [
    ("another port", 1, [], "listener"),
    ("map_remote", None, ["--set", "map_remote=|wiki|evil"], "map_remote"),
    ("modify_headers", None, ["--set", "modify_headers=/~q/X/y"], "modify_headers"),
    ("ssl_insecure", None, ["--set", "ssl_insecure=true"], "ssl_insecure"),
    ("saved flows", None, ["-w", "flows.mitm"], "save_stream_file"),
    ("no validation", None, ["--set", "validate_inbound_headers=false"], "validate_inbound_headers"),
]


@pytest.mark.parametrize(("port", "more", "named"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_start_that_would_undo_the_gate_is_refused_in_a_line(tmp_path, port, more, named):
    made = prepare(tmp_path / "demo")
    command = stock(replace(made, port=port or made.port), "mitmdump", *more)
    done = subprocess.run(
        command, cwd=made.folder, env=environment(), capture_output=True, timeout=60, stdin=subprocess.DEVNULL
    )
    said = done.stderr.decode()
    assert done.returncode == 1
    assert [line for line in said.splitlines() if line.startswith("glassgate:") and named in line]
    assert "Traceback" not in said


def test_mitmweb_in_our_own_process_shows_annotated_flows(tmp_path):
    with running(tmp_path / "web", command=[sys.executable, "-m", "glassgate", "web"]) as made:
        visitor = Visitor(made.ca)
        visitor.sign_in(made.url("wiki"), "alice")
        visitor.open(made.url("payroll"))
        address = next(word for word in made.output.split() if "?token=" in word)
        host, _, rest = address.partition("//")[2].partition("/")
        connection = http.client.HTTPConnection(host, timeout=20)
        connection.request("GET", "/flows", headers={"Authorization": f"Bearer {rest.partition('token=')[2]}"})
        flows = json.loads(connection.getresponse().read())
        connection.close()
        comments = "\n".join(flow["comment"] for flow in flows)
        assert "allowed: app wiki, user alice@contoso.example, policy staff" in comments
        assert "denied: app payroll" in comments
        assert {flow["request"]["host"] for flow in flows}
        stranger = http.client.HTTPConnection(host, timeout=20)
        stranger.request("GET", "/flows")
        assert stranger.getresponse().status == 403
        stranger.close()
