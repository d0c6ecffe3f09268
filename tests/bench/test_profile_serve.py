"""The profile: whose code a call counts to, and that a signed-in request makes not many more of them than it did."""

import subprocess
import sys

import pytest
from bench.profile_serve import OURS, THEIRS, rooms

from bench import profile_serve

PROFILE = """
import os, sys, tempfile
from pathlib import Path
from bench.profile_serve import Profiled, rooms
from bench.signed_in import ENVIRONMENT
os.environ.update(ENVIRONMENT)
with tempfile.TemporaryDirectory() as folder:
    profiled = Profiled(Path(folder), requests=1000)
    print(rooms(profiled.run().stats, profiled.answers)[-1][1].replace(",", ""))
"""

PLACES = [
    (OURS + "mitm/driver/sides.py", "the driver"),
    (OURS + "mitm/layers/http1.py", "our layers"),
    (OURS + "mitm/addon.py", "the addon"),
    (OURS + "gate/journey.py", "the gate's core"),
    (THEIRS + "proxy/layer.py", "mitmproxy"),
    ("/usr/lib/python3.13/asyncio/events.py", "libraries and Python"),
]


@pytest.mark.parametrize(("file", "name"), PLACES, ids=[row[1] for row in PLACES])
def test_whose_code_a_file_is(file, name):
    assert profile_serve.room(file) == name


def test_what_python_does_counts_to_its_caller_and_waiting_to_nobody():
    journey, sides = (OURS + "gate/journey.py", 1, "journey"), (OURS + "mitm/driver/sides.py", 2, "say")
    stats = {
        journey: (4, 4, 1.0, 2.0, {}),
        ("~", 0, "<built-in method builtins.len>"): (
            6,
            6,
            2.0,
            2.0,
            {journey: (4, 4, 1.0, 1.0), sides: (2, 2, 1.0, 1.0)},
        ),
        ("~", 0, "<method 'send' of '_socket.socket' objects>"): (2, 2, 1.0, 1.0, {sides: (2, 2, 1.0, 1.0)}),
        **{("~", 0, name): (9, 9, 99.0, 99.0, {sides: (9, 9, 99.0, 99.0)}) for name in profile_serve.WAITING},
        ("/lib/python3.13/concurrent/futures/thread.py", 3, "_worker"): (1, 1, 99.0, 99.0, {}),
    }
    assert rooms(stats, 2) == [
        ["in", "calls", "time"],
        ["the gate's core", "4", "50%"],
        ["the driver", "1", "25%"],
        ["sockets", "1", "25%"],
        ["all", "6", ""],
    ]


def test_a_signed_in_request_makes_no_more_calls_than_it_did():
    """Some 1,500, and half of what it was once: a count, so that it says the same on every machine."""
    done = subprocess.run([sys.executable, "-O", "-c", PROFILE], capture_output=True, text=True, check=True, timeout=60)
    assert 500 < int(done.stdout.split()[-1]) < 1700
