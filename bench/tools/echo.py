"""WebSocket messages there and back, by bench/echo_client.py."""

import json
import sys
from pathlib import Path

from bench.asked import ECHO_PATH, SMALL
from bench.count import Count
from bench.target import Target, WrongAnswer

CLIENT = Path(__file__).parents[1] / "echo_client.py"


def messages(target: Target) -> Count:
    """Messages that came back as they were sent, a second. Raises WrongAnswer."""
    headers = dict(header.split(": ", 1) for header in target.headers(SMALL))
    headers["origin"] = target.url("")
    url = target.url(ECHO_PATH, "wss")
    said = target.run([sys.executable, str(CLIENT), url, str(target.port), str(target.ca)], json.dumps(headers))
    return parse(said)


def parse(said: str) -> Count:
    """What the client printed. Raises WrongAnswer where a message came back as another."""
    told = json.loads(said)
    if told["wrong"] or not told["counted"]:
        raise WrongAnswer(f"{told['wrong']} of {told['all']} messages came back as others")
    return Count(told["all"], told["counted"] / told["seconds"])
