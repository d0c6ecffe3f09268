"""The event loop: uvloop's where it can be had, asyncio's own elsewhere, and mitmproxy runs in both."""

import subprocess
import sys

import pytest

from journeys.demo import environment

# mitmproxy has its tasks begin at once; whatever the loop, they run and their results come.
PROGRAM = """
import asyncio, sys
if "without" in sys.argv:
    sys.modules["uvloop"] = None
from glassgate.cli import loop
from mitmproxy.utils import asyncio_utils
async def two():
    await asyncio.sleep(0)
    return 2
async def main():
    with asyncio_utils.set_eager_task_factory():
        kind = type(asyncio.get_running_loop()).__mro__[1].__module__.partition(".")[0]
        print(kind, await asyncio.create_task(two()))
loop.run(main())
"""


@pytest.mark.parametrize(("installed", "said"), [("with", "uvloop 2\n"), ("without", "asyncio 2\n")])
def test_mitmproxy_runs_in_the_loop_that_there_is(installed, said):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, installed], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == (said, "")
