"""Sends WebSocket messages and takes them back: python echo_client.py URL PORT CA, the headers as JSON on stdin.

Prints one line of JSON: how many came back in the measured time, the seconds, and how many were not what was sent.
"""

import asyncio
import json
import ssl
import sys
import time
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

CONNECTIONS = 16
LENGTH = 100  # bytes of a message
WARM_UP, MEASURED = 0.3, 1.5  # seconds


@dataclass
class Count:
    """What came back."""

    all: int = 0
    counted: int = 0
    wrong: int = 0


async def talk(connection: ClientConnection, count: Count, begin: float, end: float) -> None:
    """One message at a time, as fast as they come back."""
    number = 0
    while (now := time.perf_counter()) < end:
        number += 1
        message = f"{number}".ljust(LENGTH, ".")
        await connection.send(message)
        count.wrong += await connection.recv() != message
        count.all += 1
        count.counted += now >= begin


async def main(url: str, port: int, ca: str, headers: dict[str, str]) -> None:
    """Open all connections first, then talk on all of them at once."""
    context = ssl.create_default_context(cafile=ca)
    # The user agent is among the headers already.
    given: dict[str, Any] = {"additional_headers": headers, "user_agent_header": None, "compression": None}
    connections = [
        await connect(url, host="127.0.0.1", port=port, ssl=context, proxy=None, **given) for _ in range(CONNECTIONS)
    ]
    count, begin = Count(), time.perf_counter() + WARM_UP
    async with asyncio.timeout(10):
        await asyncio.gather(*(talk(one, count, begin, begin + MEASURED) for one in connections))
    seconds = time.perf_counter() - begin
    await asyncio.gather(*(one.close() for one in connections))
    print(json.dumps({"all": count.all, "counted": count.counted, "seconds": seconds, "wrong": count.wrong}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], json.load(sys.stdin)))
