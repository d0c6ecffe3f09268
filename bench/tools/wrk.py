"""wrk: HTTP/1.1 on so many connections, every answer looked at by check.lua."""

import json
from pathlib import Path

from bench.asked import Ask
from bench.count import Count
from bench.target import Target, WrongAnswer, flags

CHECK = Path(__file__).parents[1] / "check.lua"
ERRORS = ("connect", "read", "write", "timeout")


def load(
    target: Target, ask: Ask, length: int, *, connections: int, seconds: int, warm_up: float, close: bool = False
) -> Count:
    """Ask for `seconds`, the first `warm_up` of them uncounted; answers a second. Raises WrongAnswer.

    `close`: a new connection for each request. wrk resumes its TLS sessions then, where it may.
    """
    # With a capital: of another Host wrk would not know, and add its own.
    headers = [*target.headers(ask), f"Host: {target.url('').removeprefix('https://')}"]
    if close:
        headers.append("connection: close")
    body = [ask.method, str(ask.sends)] if ask.sends else []
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(CHECK), *flags(headers),
        # By a name: wrk has no other way to say one in the handshake.
        target.url(ask.path, host="localhost"), "--", str(ask.status), str(length), str(warm_up), str(seconds),
        *body,
    ]  # fmt: skip
    return parse(target.run(command))


def parse(said: str) -> Count:
    """What check.lua printed last. Raises WrongAnswer where an answer was wrong, or the tool had errors."""
    told = json.loads(said.strip().splitlines()[-1])
    if told["wrong"]:
        raise WrongAnswer(
            f"{told['wrong']} of {told['all']} answers were wrong,"
            f" the last with status {told['wrong_status']} and {told['wrong_length']} bytes"
        )
    errors = [f"{told[name]} {name}" for name in ERRORS if told[name]]
    if errors:
        raise WrongAnswer(f"errors of wrk: {', '.join(errors)}")
    if told["counted"] < 1:
        raise WrongAnswer("no answer in the measured time")
    return Count(told["all"], told["counted"] / told["seconds"])
