"""The script of `mitmdump -s`: however often it is loaded, and whatever becomes of its file, the gate stays."""

import os
import subprocess
import time

import pytest

from journeys.demo import SCRIPT, STOCK_READY, environment, prepare, stock
from journeys.visitor import Visitor

PATIENCE = 20  # seconds that a reload may take; mitmproxy looks every second


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Stock mitmdump with a copy of the script, which a test may touch, break and remove."""
    made = prepare(tmp_path_factory.mktemp("script") / "demo", ready=STOCK_READY)
    made.script = made.folder / "gate.py"
    made.script.write_text(SCRIPT.read_text())
    made.written = time.time()
    made.command = stock(made, script=made.script)
    try:
        made.start()
        made.visitor = Visitor(made.ca)
        assert made.visitor.sign_in(made.url("wiki"), "alice").status == 200
        yield made
    finally:
        made.stop()


def write(demo, text):
    """Change the script as an editor would, and wait till mitmproxy has noticed."""
    before = len(demo.output)
    demo.script.write_text(text)
    # Its time tells mitmproxy of a change, and two within one tick of the disk's clock would look alike.
    demo.written += 10
    os.utime(demo.script, (demo.written, demo.written))
    return wait(demo, before, ("Loading script", "error in script", "SyntaxError", "ModuleNotFoundError"))


def wait(demo, before, words):
    until = time.monotonic() + PATIENCE
    while not any(word in demo.output[before:] for word in words):
        assert time.monotonic() < until, demo.output[before:]
        time.sleep(0.02)
    return demo.output[before:]


def stands(demo, name):
    """The gate still is what it was: strangers out, the session in."""
    path = f"/{name}"
    assert Visitor(demo.ca).ask(demo.url("wiki", path), headers={"Accept": "*/*"}).status == 401
    assert not [line for line in demo.origin_log("wiki") if path in line]
    assert demo.visitor.ask(demo.url("wiki")).status == 200


CHANGES = [
    ("loaded again", lambda text: text + "\n"),
    ("broken", lambda text: "this is no Python\n"),
    ("mended", lambda text: text),
    ("emptied", lambda text: "\n"),
    ("gone wrong", lambda text: "import no_such_module\n"),
    ("one that lets all pass", lambda text: "def requestheaders(flow):\n    pass\n"),
]


def test_whatever_becomes_of_the_file_the_gate_stands(demo):
    text = SCRIPT.read_text()
    stands(demo, "before")
    for name, change in CHANGES:
        write(demo, change(text))
        stands(demo, name.replace(" ", "-"))
    assert demo.output.count(STOCK_READY) == 1


def test_another_script_beside_it_is_refused_in_a_line(tmp_path):
    made = prepare(tmp_path / "demo")
    other = tmp_path / "other.py"
    other.write_text("def request(flow): flow.response = None\n")
    command = stock(made, "mitmdump", "-s", str(other))
    done = subprocess.run(
        command, cwd=made.folder, env=environment(), capture_output=True, timeout=60, stdin=subprocess.DEVNULL
    )
    [line] = [line for line in done.stderr.decode().splitlines() if line.startswith("glassgate:")]
    assert done.returncode == 1
    assert "Another script" in line
