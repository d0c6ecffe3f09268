"""The trial by programs that others wrote: every answer is right, and h2spec has nothing to say."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bench.asked import KB, MB, Ask
from bench.target import Target, WrongAnswer, flags
from bench.tools import curl, h2load, wrk
from bench.trials.attempts import Watch
from bench.trials.findings import Finding
from bench.trials.ground import ROOT, WIKI, Ground
from bench.trials.marks import pattern

AUTOCANNON = ROOT / "bench" / "npm" / "node_modules" / "autocannon" / "autocannon.js"
SPEC = re.compile(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed")
MARK = "program"

type Run = Callable[[Target], str]


def page(length: int, sends: int = 0, *, http2: bool = False) -> Ask:
    """A request for a page of so many bytes, which sends so many."""
    return Ask(f"/{MARK}/{length}", body=pattern(MARK, length), sends=sends, http2=http2)


def by_curl(ask: Ask, times: int, target: Target) -> str:
    """One after the other, the first of them looked at to its last byte."""
    curl.check(target, ask)
    return _right(curl.repeated(target, ask, times).answers)


def by_curl_at_once(ask: Ask, times: int, target: Target) -> str:
    """All of them on one HTTP/2 connection, each looked at to its last byte."""
    answers = target.folder / "at-once"
    answers.mkdir()
    said = target.run([
        "curl", "--silent", "--show-error", "--http2", "--parallel", "--parallel-max", "50", "--cacert", str(target.ca),
        "--resolve", target.resolved, *flags(target.headers(ask)), "-o", f"{answers}/#1", "-w", "%{http_code}\n",
        target.url(f"{ask.path}?[1-{times}]"),
    ])  # fmt: skip
    right = sum(one.read_bytes() == ask.body for one in answers.iterdir())
    if right != times or said.split() != [str(ask.status)] * times:
        raise WrongAnswer(f"{right} of {times} answers were right")
    return _right(times)


def by_wrk(connections: int, target: Target, *, close: bool = False) -> str:
    """HTTP/1.1 on so many connections; `close`: a new one for each request."""
    ask = page(1 * KB)
    return _right(wrk.load(target, ask, 1 * KB, connections=connections, seconds=3, warm_up=0.5, close=close).answers)


def by_h2load(target: Target) -> str:
    """64 streams of one HTTP/2 connection."""
    return _right(h2load.streams(target, page(1 * KB, http2=True), 1 * KB, at_once=64, seconds=3).answers)


def by_h2load_anew(target: Target) -> str:
    """A connection for each request."""
    return _right(h2load.new_connections(target, page(1 * KB), 1 * KB, at_once=64, seconds=2).answers)


def by_autocannon(target: Target) -> str:
    """HTTP/1.1 on 32 connections, four requests ahead of their answers on each."""
    ask = page(1 * KB)
    said = json.loads(target.run([
        "node", str(AUTOCANNON), "--json", "--connections", "32", "--pipelining", "4", "--duration", "3",
        "--servername", f"{WIKI}.localhost", "--expectBody", (ask.body or b"").decode(),
        *flags([*target.headers(ask), f"host: {WIKI}.localhost:{target.port}"]),
        f"https://127.0.0.1:{target.port}{ask.path}",
    ]))  # fmt: skip
    wrong = {name: said[name] for name in ("non2xx", "errors", "timeouts", "mismatches") if said[name]}
    if wrong or not said["2xx"]:
        raise WrongAnswer(f"{said['2xx']} were right, {wrong} not")
    return _right(said["2xx"])


def by_h2spec(target: Target) -> str:
    """Every test of HTTP/2 and HPACK that it has."""
    # By a name that every resolver knows: what is answered to it is no matter. For a fault it ends with 1.
    said = target.run(["sh", "-c", f"h2spec --host localhost --port {target.port} -t -k -o 2 || true"])
    found = SPEC.search(said)
    if not found:
        raise WrongAnswer("it did not say what it found")
    if found[4] != "0":
        raise WrongAnswer(found[0])
    return found[0]


def _right(count: int) -> str:
    return f"{count:,} right"


@dataclass(frozen=True, slots=True)
class Use:
    """A program, and what is done with it."""

    what: str
    program: str  # that must be there
    run: Run
    wanted: str = "all right"


USES = (
    Use("curl, HTTP/1.1: 1 KB down", "curl", partial(by_curl, page(1 * KB), 100)),
    Use("curl, HTTP/1.1: 10 MB down", "curl", partial(by_curl, page(10 * MB), 4)),
    Use("curl, HTTP/1.1: 10 MB up", "curl", partial(by_curl, page(10, 10 * MB), 4)),
    Use("curl, HTTP/2: 1 KB down", "curl", partial(by_curl, page(1 * KB, http2=True), 100)),
    Use("curl, HTTP/2: 10 MB down", "curl", partial(by_curl, page(10 * MB, http2=True), 4)),
    Use("curl, HTTP/2: 10 MB up", "curl", partial(by_curl, page(10, 10 * MB, http2=True), 4)),
    Use("curl, HTTP/2: 50 at once, 100 KB down", "curl", partial(by_curl_at_once, page(100 * KB), 500)),
    Use("h2load: 64 streams", "h2load", by_h2load),
    Use("h2load: new connections", "h2load", by_h2load_anew),
    Use("wrk: 64 connections", "wrk", partial(by_wrk, 64)),
    Use("wrk: new connections", "wrk", partial(by_wrk, 16, close=True)),
    Use("autocannon: four requests ahead", "node", by_autocannon),
    Use("h2spec: HTTP/2 and HPACK", "h2spec", by_h2spec, "0 failed"),
)


def trial(ground: Ground) -> Iterator[Finding]:
    """Every program."""
    folder = ground.folder / "client"
    folder.mkdir()
    target = Target(ground.client.port, ground.cookies[WIKI], ground.client.ca, folder, ground.load)
    for use in USES:
        ground.told(f"programs: {use.what}")
        if shutil.which(use.program):
            yield _used(use, target, ground)
        else:
            yield Finding("programs", use.what, "", f"{use.program} is not installed", use.wanted, 0.0, tried=False)


def _used(use: Use, target: Target, ground: Ground) -> Finding:
    watch, begin, amiss = Watch(ground.serve), time.monotonic(), ""
    try:
        said = use.run(target)
    except WrongAnswer as fault:
        said = amiss = str(fault)
    return Finding("programs", use.what, "", said, use.wanted, time.monotonic() - begin, watch.used(), amiss)
