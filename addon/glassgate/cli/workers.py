"""Several processes that run the same gate behind one port: started, started anew where one dies, ended together.

The first process forks the others and does nothing else: it has no threads, and waits for signals. It keeps every
socket open, so that whoever connects while a worker is started anew waits for that one.
"""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from socket import socket

import click

MOST_DEATHS = 5  # within SPAN: so many are a fault that starting anew does not mend
SPAN = 60.0  # seconds
AGAIN = 1.0  # seconds till the place of a worker that did not come up is filled once more
GLANCE = 0.05  # seconds between two looks whether a worker answers by now
ENDS = {signal.SIGTERM, signal.SIGINT}
HEARD = ENDS | {signal.SIGCHLD}


@dataclass(frozen=True, slots=True)
class Worker:
    """What one of the workers is given. It calls `ready` once it answers."""

    number: int  # from 0
    listening: Sequence[socket]
    ready: Callable[[], None]


def start_workers(listening: Sequence[Sequence[socket]], ready: Callable[[], None], patience: float) -> Worker:
    """Fork a worker for each entry of `listening`, and return in these alone: the first process stays in here.

    `ready` is called in the first process once all answer. Told to end, by SIGTERM or SIGINT, it tells the workers, and
    kills those that have not ended after `patience` seconds. It exits by 0 where all ended well, and by 1 where one did
    not come up at the start, or where they die again and again.
    """
    gc.freeze()  # else a worker's first collection would copy what it shares with the others
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    places = [_Place(number, sockets) for number, sockets in enumerate(listening)]
    worker = _Family(places, *os.pipe(), patience).run(ready)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return worker


@dataclass(slots=True)
class _Place:
    """One worker's place, and the process that has it."""

    number: int
    listening: Sequence[socket]
    pid: int = 0  # 0: nobody's just now
    said: int = -1  # a pipe in which the process says that it answers
    is_well: bool = False  # it has said so
    due: float = 0.0  # when it is to be filled


@dataclass(slots=True)
class _Family:
    """All workers, as the first process knows them."""

    places: list[_Place]
    life: int  # the ends of a pipe in which nothing is ever written: the first process holds it open by living
    living: int
    patience: float
    is_up: bool = False  # all have answered
    ends_at: float | None = None  # when those that are left are killed
    code: int = 0
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_DEATHS))

    def run(self, ready: Callable[[], None]) -> Worker:
        """Watch over the workers till they have ended. Returns in a new worker; in the first process never."""
        while self.ends_at is None or any(place.pid for place in self.places):
            for place in self._due():
                if worker := self._fork(place):
                    return worker
            self._look(ready)
            self._heed(self._signal())
        sys.exit(self.code)

    def _due(self) -> list[_Place]:
        if self.ends_at is not None:
            return []
        # One goes ahead: what keeps it from starting keeps all of them, and is said once.
        places = self.places if self.is_up or self.places[0].is_well else self.places[:1]
        return [place for place in places if not place.pid and time.monotonic() >= place.due]

    def _fork(self, place: _Place) -> Worker | None:
        said, saying = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        place.pid = os.fork()
        if place.pid:
            os.close(saying)
            os.set_blocking(said, False)
            place.said = said
            return None
        for one in (said, self.living, *(other.said for other in self.places if other.said >= 0)):
            os.close(one)
        self._close_sockets(but=place.listening)
        _end_after(self.life)
        return Worker(place.number, place.listening, lambda: _say(saying))

    def _look(self, ready: Callable[[], None]) -> None:
        for place in self.places:
            if place.pid and not place.is_well:
                with contextlib.suppress(BlockingIOError):
                    place.is_well = bool(os.read(place.said, 1))
        if not self.is_up and all(place.is_well for place in self.places):
            self.is_up = True
            ready()

    def _signal(self) -> int | None:
        """The next signal; None where it is time to look at something else."""
        if self.ends_at is None and all(place.is_well for place in self.places):
            return signal.sigwaitinfo(HEARD).si_signo
        told = signal.sigtimedwait(HEARD, GLANCE)
        return told.si_signo if told else None

    def _heed(self, told: int | None) -> None:
        if told in ENDS:
            self._end(0)
        for pid, code in _reaped():
            self._died(next(place for place in self.places if place.pid == pid), code)
        if self.ends_at is not None and time.monotonic() > self.ends_at:
            self._tell(signal.SIGKILL)

    def _died(self, place: _Place, code: int) -> None:
        was_well, now = place.is_well, time.monotonic()
        os.close(place.said)
        place.pid, place.said, place.is_well = 0, -1, False
        if self.ends_at is not None:
            self.code = self.code or int(code not in (0, -signal.SIGTERM))
        elif not (was_well or self.is_up):
            self._end(1)  # it has said why
        else:
            self._replace(place, code, now if was_well else now + AGAIN)

    def _replace(self, place: _Place, code: int, due: float) -> None:
        self.deaths.append(time.monotonic())
        how = f"was ended by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with {code}"
        if len(self.deaths) == MOST_DEATHS and self.deaths[-1] - self.deaths[0] < SPAN:
            _tell_operator(f"worker {place.number} {how}: {MOST_DEATHS} in {SPAN:g} seconds are too many")
            self._end(1)
        else:
            _tell_operator(f"worker {place.number} {how}; another takes its place")
            place.due = due

    def _end(self, code: int) -> None:
        if self.ends_at is None:
            self.code, self.ends_at = code, time.monotonic() + self.patience
            self._close_sockets()
        self._tell(signal.SIGTERM)

    def _tell(self, told: signal.Signals) -> None:
        for place in self.places:
            if place.pid:
                os.kill(place.pid, told)

    def _close_sockets(self, but: Sequence[socket] = ()) -> None:
        for one in {one for place in self.places for one in place.listening} - set(but):
            one.close()


def _reaped() -> Iterator[tuple[int, int]]:
    """The processes that have ended, with their exit codes."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found[0], os.waitstatus_to_exitcode(found[1])


def _end_after(life: int) -> None:
    """End this process, as by SIGTERM, once the first one is gone, however it went."""

    def wait() -> None:
        os.read(life, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="glassgate-life", daemon=True).start()


def _say(pipe: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # then it ends anyway
        os.write(pipe, b".")


def _tell_operator(text: str) -> None:
    click.echo(f"glassgate: {text}", err=True)
