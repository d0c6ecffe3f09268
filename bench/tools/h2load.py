"""h2load: HTTP/2 with many streams, connections that are made anew for one request each, and a number of requests."""

import re
import time

from bench.asked import Ask
from bench.count import Count
from bench.target import Target, WrongAnswer, flags

FINISHED = re.compile(r"^finished in ([\d.]+)(us|ms|s),", re.MULTILINE)
REQUESTS = re.compile(
    r"^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", re.MULTILINE
)
DATA = re.compile(r"\((\d+)\) data$", re.MULTILINE)
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def streams(target: Target, ask: Ask, length: int, *, at_once: int, seconds: float) -> Count:
    """Keep so many streams of one HTTP/2 connection busy; answers a second. Raises WrongAnswer."""
    said, statuses = _run(target, ask, ["-c1", f"-m{at_once}", "-D", f"{seconds * 1000:.0f}ms"])
    if "Application protocol: h2" not in said:
        raise WrongAnswer("HTTP/2 was not spoken")
    answers, spent = parse(said, statuses, ask, length, cut=at_once)
    return Count(answers, answers / spent)


def new_connections(target: Target, ask: Ask, length: int, *, at_once: int, seconds: float) -> Count:
    """Open so many connections at once, each with a handshake of its own and one request, and again till the time is
    over; connections a second. Raises WrongAnswer."""
    until, answers, took = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < until:
        said, statuses = _run(target, ask, ["--h1", f"-c{at_once}", f"-n{at_once}"])
        came, spent = parse(said, statuses, ask, length)
        if came != at_once:
            raise WrongAnswer(f"{came} answers on {at_once} connections")
        answers, took = answers + came, took + spent
    return Count(answers, answers / took)


def kept(target: Target, ask: Ask, length: int, *, connections: int, requests: int) -> Count:
    """Ask so often, by HTTP/1.1 on connections that stay; answers a second. Raises WrongAnswer."""
    said, statuses = _run(target, ask, ["--h1", f"-c{connections}", f"-n{requests}"])
    answers, spent = parse(said, statuses, ask, length)
    if answers != requests:
        raise WrongAnswer(f"{answers} answers to {requests} requests")
    return Count(answers, answers / spent)


def parse(said: str, statuses: str, ask: Ask, length: int, *, cut: int = 0) -> tuple[int, float]:
    """How many answers came, and in how many seconds. Raises WrongAnswer where one of them was not right.

    `said` is what h2load printed, `statuses` its log file: a line an answer, the status second. Of lengths it tells
    only the sum: that of right answers, and of at most `cut` more that the end of the time cut off.
    """
    finished, requests, data = FINISHED.search(said), REQUESTS.search(said), DATA.search(said)
    if not finished or not requests or not data:
        raise WrongAnswer("h2load did not say what it counted")
    done, succeeded, *amiss = map(int, requests.groups())
    wrong = {line.split("\t")[1] for line in statuses.splitlines()} - {str(ask.status)}
    if wrong or any(amiss) or done != succeeded or not done:
        raise WrongAnswer(f"{succeeded} of {done} succeeded; {sum(amiss)} failed; wrong statuses: {sorted(wrong)}")
    if not done * length <= int(data[1]) <= (done + cut) * length:
        raise WrongAnswer(f"{data[1]} bytes of bodies for {done} answers of {length}")
    return done, float(finished[1]) * SECONDS[finished[2]]


def _run(target: Target, ask: Ask, how: list[str]) -> tuple[str, str]:
    log = target.folder / "h2load.log"
    log.unlink(missing_ok=True)
    to = f"--connect-to=127.0.0.1:{target.port}"
    said = target.run(["h2load", *how, to, f"--log-file={log}", *flags(target.headers(ask)), target.url(ask.path)])
    return said, log.read_text() if log.exists() else ""
