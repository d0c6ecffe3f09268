"""A program under measurement: what it used, and that it ends."""

import sys
import time

import pytest

from bench import process as bench_process

WORKS = "import time, subprocess, sys\nuntil = time.process_time() + 0.1\nwhile time.process_time() < until: pass\n"
CHILD = f"child = subprocess.Popen([sys.executable, '-c', {WORKS + 'time.sleep(60)'!r}])\n"
MEMORY = "held = b'x' * (64 << 20)\ndel held\n"
READY = "print('ready', flush=True)\ntime.sleep(60)\n"


@pytest.fixture
def started(tmp_path):
    """A Python program that has printed "ready"."""
    running = []

    def start(code):
        process = bench_process.Process((sys.executable, "-c", code + READY), tmp_path, cores=(), env={})
        running.append(process)
        until = time.monotonic() + 30
        while b"ready" not in (tmp_path / "output.txt").read_bytes() and time.monotonic() < until:
            process.check()
            time.sleep(0.01)
        return process

    yield start
    for process in running:
        process.end()


def test_its_childrens_work_counts(started):
    process = started(WORKS + CHILD)
    until = time.monotonic() + 30
    while process.cpu() < 0.2 and time.monotonic() < until:
        time.sleep(0.01)
    process.settle()
    assert 0.2 <= process.cpu() < 2


def test_the_peak_is_that_since_it_was_forgotten(started):
    process = started(WORKS + MEMORY)
    before = process.peak()
    process.forget_peak()
    assert before > 64 << 20
    assert process.peak() < before - (32 << 20)


def test_it_ends_and_so_do_its_children(started):
    process = started(WORKS + CHILD)
    process.end()
    assert process.cpu() == 0
    with pytest.raises(bench_process.StartError, match="it ended with -15"):
        process.check()


def test_who_ended_by_itself_is_told_with_its_last_words(tmp_path):
    process = bench_process.Process((sys.executable, "-c", "raise SystemExit('no port')"), tmp_path, cores=(), env={})
    until = time.monotonic() + 30
    with pytest.raises(bench_process.StartError, match="it ended with 1: no port"):
        wait_for_the_end(process, until)


def wait_for_the_end(process, until):
    while time.monotonic() < until:
        process.check()
        time.sleep(0.01)
