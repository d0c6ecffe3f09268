"""mitmproxy's own programs with the script, and mitmweb in our own process: the same gate, the same sign-in."""

import http.client
import json
import subprocess
import sys
from pathlib import Path

import pytest

from journeys.demo import ROOT, environment, free_ports, prepare, running
from journeys.visitor import Visitor

SCRIPT = str(ROOT / "addon" / "glassgate" / "mitm" / "script.py")
BIN = Path(sys.executable).parent


def stock(demo, program, *more):
    """The command line of a stock program, as the docs give it."""
    return [
        str(BIN / program), "-s", SCRIPT, "--mode", f"reverse:http://127.0.0.1:{demo.wiki_port}@127.0.0.1:{demo.port}",
        "--set", "glassgate_config=config.yaml", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module", params=["mitmdump", "mitmweb"])
def demo(request, tmp_path_factory):
    made = prepare(tmp_path_factory.mktemp(request.param), ready="gate.invalid:1 listening")
    more = [] if request.param == "mitmdump" else ["--no-web-open-browser", "--web-port", str(free_ports(1)[0])]
    made.command = stock(made, request.param, *more)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_the_sign_in(demo):
    visitor = Visitor(demo.ca)
    page = visitor.sign_in(demo.url("wiki", "/search?q=stock"), "alice")
    assert (page.url, page.status) == (demo.url("wiki", "/search?q=stock"), 200)
    assert visitor.open(demo.url("payroll")).status == 403
    assert [line for line in demo.origin_log("wiki") if "alice@contoso.example" in line]
    assert Visitor(demo.ca).ask(demo.url("wiki", "/nobody"), headers={"Accept": "*/*"}).status == 401
    assert not [line for line in demo.origin_log("wiki") if "/nobody" in line]


def test_it_says_no_secret_and_shows_no_traceback(demo):
    visitor = Visitor(demo.ca)
    visitor.sign_in(demo.url("wiki"), "alice")
    secrets = [value for jar in visitor.jars.values() for value in jar.values()]
    secrets += [url.partition("code=")[2].partition("&")[0] for url in visitor.trail if "callback?code=" in url]
    assert not [secret for secret in secrets if secret in demo.output]
    assert "Traceback" not in demo.output


REFUSED = [
    ("another port", ["--mode", "reverse:http://127.0.0.1:9000@127.0.0.1:1"], "listener"),
    ("map_remote", ["--set", "map_remote=|wiki|evil"], "map_remote"),
    ("modify_headers", ["--set", "modify_headers=/~q/X/y"], "modify_headers"),
    ("ssl_insecure", ["--set", "ssl_insecure=true"], "ssl_insecure"),
    ("saved flows", ["-w", "flows.mitm"], "save_stream_file"),
    ("no validation", ["--set", "validate_inbound_headers=false"], "validate_inbound_headers"),
]


@pytest.mark.parametrize(("more", "named"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_start_that_would_undo_the_gate_is_refused_in_a_line(tmp_path, more, named):
    made = prepare(tmp_path / "demo")
    command = [str(BIN / "mitmdump"), "-s", SCRIPT, "--set", "glassgate_config=config.yaml"]
    if "--mode" not in more:
        command += ["--mode", f"reverse:http://127.0.0.1:{made.wiki_port}@127.0.0.1:{made.port}"]
    done = subprocess.run(
        [*command, *more], cwd=made.folder, env=environment(), capture_output=True, timeout=60, stdin=subprocess.DEVNULL
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
