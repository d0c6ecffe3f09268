"""`up`, `web` and `serve`: how they start, what they say when they cannot, and how they end."""

import contextlib
import re
import signal
import socket
from pathlib import Path

import pytest

from cli.program import SECRET, demo, deployed, glassgate
from journeys.demo import PROGRAM, free_ports, is_free
from journeys.demo import prepare as demo_in


@contextlib.contextmanager
def taken(port):
    """Somebody else listens there."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen(1)
        yield


@pytest.mark.parametrize("command", ["up", "web", "serve"])
def test_a_port_that_is_taken_is_one_line(tmp_path, command):
    port = deployed(tmp_path)
    with taken(port):
        done = glassgate(tmp_path, command)
    assert (done.code, done.out) == (1, "")
    assert done.lines == [
        f"glassgate: nothing can listen at 127.0.0.1:{port}: address already in use"
        " (end what listens there, or change `listen`)"
    ]


@pytest.mark.parametrize("which", [1, 2, 3], ids=["wiki", "payroll", "metrics"])
def test_a_port_beside_the_gates_that_is_taken_is_one_line(tmp_path, which):
    ports = demo(tmp_path)
    with taken(ports[which]):
        done = glassgate(tmp_path, "up")
    assert (done.code, done.out, len(done.lines)) == (1, "", 1)
    assert f"127.0.0.1:{ports[which]}" in done.err


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", "state: a-file/state"),
        ("store", "store: sqlite:a-file/glassgate.db"),
        ("audit", "audit: {file: a-file/audit.jsonl}"),
        ("tls", "tls: {certificate: a-file/edge.pem}"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path, key, value):
    def edit(text):
        kept = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
        return "\n".join([*kept, value])

    deployed(tmp_path, edit)
    (tmp_path / "a-file").write_text("in the way")
    done = glassgate(tmp_path, "serve")
    assert (done.code, done.out, len(done.lines)) == (1, "", 1)
    assert done.err.startswith("config.yaml:")
    assert f"{tmp_path}/a-file" in done.err
    assert "(" in done.err, "no mend"


def test_a_folder_of_state_that_others_may_read_is_one_line(tmp_path):
    deployed(tmp_path)
    glassgate(tmp_path, "check")
    keys = tmp_path / "state" / "keys"
    keys.mkdir(mode=0o700, parents=True)
    (keys / "keyring.json").write_text("{}")
    (keys / "keyring.json").chmod(0o644)
    done = glassgate(tmp_path, "serve")
    assert (done.code, len(done.lines)) == (1, 1)
    assert "keyring.json" in done.err


def test_serve_refuses_a_lab_whatever_else_is_wrong(tmp_path):
    port = demo(tmp_path)[0]
    with taken(port):
        done = glassgate(tmp_path, "serve")
    assert (done.code, done.out) == (1, "")
    assert done.lines == [
        "glassgate: config.yaml: `serve` runs no lab (set `lab.enabled` to false, or use `up` on your own machine)"
    ]


CANNOT = [
    (
        "the store is in memory",
        'store: "memory:"',
        "workers share no memory, and the store is in memory",
        "`store: sqlite:",
    ),
    ("too few ports", "metrics: {listen: 127.0.0.1:65534}", "3 workers have 3 ports for their metrics", "lower one"),
]


@pytest.mark.parametrize(("line", "what", "mend"), [row[1:] for row in CANNOT], ids=[row[0] for row in CANNOT])
def test_what_workers_cannot_share_is_one_line(tmp_path, line, what, mend):
    deployed(tmp_path, lambda text: f"{text}{line}\n")
    done = glassgate(tmp_path, "serve", "--workers", "3")
    assert (done.code, done.out, len(done.lines)) == (1, "", 1)
    assert done.err.startswith("glassgate: config.yaml:")
    assert what in done.err
    assert mend in done.err


def test_what_keeps_all_workers_from_starting_is_one_line(tmp_path):
    deployed(tmp_path)
    (tmp_path / "state").mkdir(mode=0o755)
    (tmp_path / "state" / "glassgate.db").write_text("no database")
    (tmp_path / "state" / "glassgate.db").chmod(0o600)
    done = glassgate(tmp_path, "serve", "--workers", "3")
    assert (done.code, done.out, len(done.lines)) == (1, "", 1)


def test_a_port_of_the_second_workers_metrics_that_is_taken_is_one_line(tmp_path):
    first = next(port for [port] in iter(lambda: free_ports(1), []) if is_free(port + 1))
    deployed(tmp_path, lambda text: f"{text}metrics: {{listen: 127.0.0.1:{first}}}\n")
    with taken(first + 1):
        done = glassgate(tmp_path, "serve", "--workers", "2")
    assert (done.code, done.out, len(done.lines)) == (1, "", 1)
    assert f"127.0.0.1:{first + 1}" in done.err


@pytest.mark.parametrize("count", ["0", "-1", "257", "many"])
def test_a_strange_number_of_workers_is_a_wrong_call(tmp_path, count):
    deployed(tmp_path)
    assert glassgate(tmp_path, "serve", "--workers", count).code == 2


def test_a_port_that_is_taken_is_said_of_workers_too(tmp_path):
    port = deployed(tmp_path)
    with taken(port):
        done = glassgate(tmp_path, "serve", "--workers", "2")
    assert (done.code, len(done.lines)) == (1, 1)
    assert f"nothing can listen at 127.0.0.1:{port}: address already in use" in done.err


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_serve_says_one_line_when_it_answers_and_ends_well(tmp_path, end):
    def edit(config):
        config["lab"]["enabled"] = False

    gate = demo_in(tmp_path, edit, command=[*PROGRAM, "serve"], ready=" answers.")
    try:
        gate.start()
        assert gate.output == f"glassgate: https://team.localhost:{gate.port} answers.\n"
        # However it was called: without mitmproxy's own checks, half a request's time.
        assert "-O" in Path(f"/proc/{gate.process.pid}/cmdline").read_text().split("\0")
        gate.process.send_signal(end)
        assert gate.process.wait(20) == 0
        assert "Traceback" not in gate.output
    finally:
        gate.stop()


def test_what_it_warns_of_can_be_read(tmp_path):
    def edit(config):
        config["lab"]["enabled"] = False

    few = ["bash", "-c", 'ulimit -n 512; exec "$@"', "bash", *PROGRAM, "serve"]
    gate = demo_in(tmp_path, edit, command=few, ready=" answers.")
    try:
        gate.start()
        assert (
            "glassgate: Only 512 files may be open; `connections`, `to_origin` and 256 others need 8960" in gate.output
        )
    finally:
        gate.stop()


def test_without_a_command_it_is_up(tmp_path):
    gate = demo_in(tmp_path, command=[*PROGRAM])
    try:
        gate.start()
        assert f"https://wiki.localhost:{gate.port}" in gate.output
        gate.process.send_signal(signal.SIGINT)
        assert gate.process.wait(20) == 0
        assert "Traceback" not in gate.output
    finally:
        gate.stop()


def test_web_says_where_mitmweb_is(tmp_path):
    gate = demo_in(tmp_path, command=[*PROGRAM, "web"])
    try:
        gate.start()
        address = re.search(r"mitmweb +http://127\.0\.0\.1:(80[89]\d|8100)/\?token=[0-9a-f]+", gate.output)
        assert address, gate.output
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(address[1]))) == 0
    finally:
        gate.stop()


def test_no_secret_is_said(tmp_path):
    port = deployed(tmp_path)
    with taken(port):
        done = glassgate(tmp_path, "serve")
    assert SECRET["CLIENT_SECRET"] not in done.out + done.err
