"""Several processes behind one port: who is started anew, who is not, and how all of it ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from journeys.demo import environment

# What a worker does in these tests: it says who it is to whoever connects, and ends by SIGTERM.
PROGRAM = """
import os, signal, socket, sys, time
from glassgate.cli.workers import start_workers
listening = [[socket.socket(fileno=int(number))] for number in sys.argv[3:]]
first = os.getpid()
worker = start_workers(listening, lambda: print("all answer", flush=True), float(sys.argv[2]))
def end(*_):
    if "ends late" in sys.argv[1] or ("one stays" in sys.argv[1] and worker.number):
        return
    if "ends badly" in sys.argv[1]:
        os._exit(3)
    if "answers first" in sys.argv[1]:
        time.sleep(0.3)
        os.write(1, f"worker {worker.number} is done\\n".encode())  # in one piece: the other says so, too
    os._exit(0)
signal.signal(signal.SIGTERM, end)
if "cannot start" in sys.argv[1] and worker.number == int(sys.argv[1][-1]):
    print("no room", file=sys.stderr)
    sys.exit(1)
if "slow start" in sys.argv[1] and not worker.number:
    time.sleep(0.3)
os.write(1, f"worker {worker.number} starts\\n".encode())
(one,) = worker.listening
one.listen()
worker.ready()
while True:
    client, _ = one.accept()
    client.sendall(f"{worker.number} {os.getpid()}".encode())
    if client.recv(9) == b"die":
        os._exit(7)
    client.close()
"""


class Family:
    """The first process, and what it and its workers say."""

    def __init__(self, folder, how="", count=2, patience=20.0):
        self.output, self.errors = folder / "output.txt", folder / "errors.txt"
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        self.ports = [one.getsockname()[1] for one in self.sockets]
        numbers = [one.fileno() for one in self.sockets]
        with self.output.open("w") as output, self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, how, str(patience), *map(str, numbers)],
                env=environment(), pass_fds=numbers, stdout=output, stderr=errors,
            )  # fmt: skip
        for one in self.sockets:
            one.close()

    @property
    def said(self):
        return self.output.read_text().splitlines()

    @property
    def told(self):
        return self.errors.read_text().splitlines()

    def up(self):
        until(lambda: "all answer" in self.said)
        return self

    def ask(self, number, say=b"bye"):
        """The (number, process) of the worker that answers there."""
        with socket.create_connection(("127.0.0.1", self.ports[number]), 20) as client:
            found = client.recv(100)
            client.sendall(say)
            return tuple(map(int, found.split()))

    def ended(self):
        return self.process.wait(20)


@pytest.fixture
def family(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(*args, **more):
            made = Family(tmp_path, *args, **more)
            stack.callback(made.process.kill)
            return made

        yield start


def until(holds, patience=20):
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_each_has_its_own_number_socket_and_process(family):
    made = family(count=3).up()
    found = [made.ask(number) for number in range(3)]
    assert [number for number, _ in found] == [0, 1, 2]
    assert len({pid for _, pid in found} | {made.process.pid}) == 4


def test_one_goes_ahead_and_all_are_told_of_once(family):
    made = family("slow start", count=3).up()
    assert made.said[0] == "worker 0 starts"
    assert made.said[-1] == "all answer"
    assert made.said.count("all answer") == 1


@pytest.mark.parametrize("which", [0, 1])
def test_what_keeps_one_from_starting_is_the_end_and_said_once(family, which):
    made = family(f"cannot start {which}", count=3)
    assert made.ended() == 1
    assert made.errors.read_text() == "no room\n"
    assert "all answer" not in made.said


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_all_end_together_once_what_is_under_way_is_done(family, end):
    made = family("answers first").up()
    pids = [made.ask(number)[1] for number in range(2)]
    made.process.send_signal(end)
    assert made.ended() == 0
    assert sorted(made.said[-2:]) == ["worker 0 is done", "worker 1 is done"]
    assert all(map(is_gone, pids))
    assert all(map(refuses, made.ports))


def test_who_does_not_end_is_ended(family):
    made = family("ends late", patience=0.3).up()
    pids = [made.ask(number)[1] for number in range(2)]
    made.process.terminate()
    assert made.ended() == 1
    assert all(map(is_gone, pids))


def test_a_worker_that_has_ended_leaves_nobody_waiting(family):
    """Its socket is nobody else's, or who connects would wait for an answer till the last one has ended."""
    made = family("one stays", patience=5.0).up()
    stays = made.ask(1)[1]
    made.process.terminate()
    until(lambda: refuses(made.ports[0]))
    assert not is_gone(stays)
    assert made.ended() == 1


def refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_who_ends_badly_is_told_of_by_the_exit_code(family):
    made = family("ends badly").up()
    made.process.terminate()
    assert made.ended() == 1


def test_a_worker_that_dies_is_started_anew_and_nobody_is_turned_away(family):
    made = family().up()
    before, other = made.ask(0)[1], made.ask(1)
    os.kill(before, signal.SIGKILL)
    until(lambda: is_gone(before))
    after = made.ask(0)  # its socket waits for the next one
    assert after[0] == 0
    assert after[1] != before
    assert made.ask(1) == other
    assert made.errors.read_text() == "glassgate: worker 0 was ended by signal 9 (Killed); another takes its place\n"
    made.process.terminate()
    assert made.ended() == 0


def test_a_signal_without_a_name_is_a_death_like_any_other(family):
    made = family().up()
    before = made.ask(1)[1]
    os.kill(before, signal.SIGRTMIN + 3)
    until(lambda: is_gone(before))
    assert made.ask(1)[0] == 1
    assert f"worker 1 was ended by signal {signal.SIGRTMIN + 3} (" in made.errors.read_text()


def test_one_that_ends_by_itself_is_missed_too(family):
    made = family().up()
    made.ask(1, b"die")
    assert made.ask(1)[0] == 1
    assert made.errors.read_text() == "glassgate: worker 1 ended with 7; another takes its place\n"


def test_workers_that_die_again_and_again_are_the_end(family):
    made = family().up()
    for turn in range(5):
        made.ask(turn % 2, b"die")
        until(lambda turn=turn: len(made.told) == turn + 1)  # two that end at once are told of in any order
    assert made.ended() == 1
    assert made.told[-1] == "glassgate: worker 0 ended with 7: 5 in 60 seconds are too many"


def test_when_the_first_process_is_killed_the_others_end(family):
    made = family().up()
    pids = [made.ask(number)[1] for number in range(2)]
    made.process.kill()
    until(lambda: all(map(is_gone, pids)))
