"""The event loop that the gate runs in: uvloop where it is installed, which leaves more of each request to the gate."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

type Factory = Callable[[], asyncio.AbstractEventLoop]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end, as asyncio.run does."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        runner.run(main)


def _factory() -> Factory | None:
    """None is asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None

    class Loop(uvloop.Loop):
        """uvloop's, for mitmproxy: it has tasks begin at once, by a factory that uvloop does not know how to call."""

        def set_task_factory(self, factory: Any) -> None:
            super().set_task_factory(None if factory is asyncio.eager_task_factory else factory)

    return Loop
