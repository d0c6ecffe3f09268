"""A program under measurement: what it used, and that it ends."""

import sys
import time

import pytest

from bench import process as bench_process

WORKS = "import time, subprocess, sys\nuntil = time.process_time() + 0.1\nwhile time.process_time() < until: pass\n"
CHILD = f"child = subprocess.Popen([sys.executable, '-c', {WORKS + 'time.sleep(60)'!r}])\n"
ENDED = f"subprocess.run([sys.executable, '-c', {WORKS!r}])\n"
MEMORY = "held = b'x' * (64 << 20)\ndel held\n"
READY = "print('ready', flush=True)\ntime.sleep(60)\n"


def wait(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def started(tmp_path):
    """A Python program that has printed "ready"."""
    running = []

    def start(code):
        process = bench_process.Process((sys.executable, "-c", code + READY), tmp_path, cores=(), env={})
        running.append(process)
        wait(lambda: process.check() or b"ready" in (tmp_path / "output.txt").read_bytes())
        return process

    yield start
    for process in running:
        process.end()


@pytest.mark.parametrize("child", [CHILD, ENDED], ids=["that lives", "that has ended"])
def test_a_childs_work_counts(started, child):
    process = started(WORKS + child)
    wait(lambda: process.cpu() >= 0.2)
    process.settle()
    assert 0.2 <= process.cpu() < 2


def test_the_peak_is_that_since_it_was_forgotten(started):
    process = started(WORKS + MEMORY)
    before = process.peak()
    process.forget_peak()
    assert before > 64 << 20
    assert process.peak() < before - (32 << 20)


IDLE = "import time\n"
OPENS = IDLE + "import socket\nkept = [socket.socket() for _ in range(3)]\n"


def test_what_is_open_is_counted(started):
    without, with_sockets = started(IDLE), started(OPENS)
    assert (without.sockets(), with_sockets.sockets()) == (0, 3)
    assert with_sockets.descriptors() == without.descriptors() + 3
    assert without.resident() > 1 << 20


def test_who_is_asked_to_end_is_waited_for(started):
    process = started(IDLE)
    assert process.ended(0) is None
    process.ask_to_end()
    assert process.ended(30) == -15


def test_it_ends_and_so_do_its_children(started):
    process = started(WORKS + CHILD)
    wait(lambda: process.cpu() >= 0.2)  # the child, too, is there and has worked
    process.end()
    wait(lambda: process.cpu() == 0)
    with pytest.raises(bench_process.StartError, match="it ended with -15"):
        process.check()


def test_who_ended_by_itself_is_told_with_its_last_words(tmp_path):
    process = bench_process.Process((sys.executable, "-c", "raise SystemExit('no port')"), tmp_path, cores=(), env={})
    with pytest.raises(bench_process.StartError, match="it ended with 1: no port"):
        wait(process.check)
