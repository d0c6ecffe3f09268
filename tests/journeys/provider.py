"""OpenID providers that nobody here wrote, each in a process of its own, and clients of the same kind."""

import contextlib
import subprocess
import time
from pathlib import Path

NPM = Path(__file__).resolve().parents[1] / "npm"


@contextlib.contextmanager
def npm_provider(script, log, *arguments):
    """Run a provider of tests/npm till the end; `log` is the file of its output."""
    with log.open("w") as output:
        process = subprocess.Popen(
            ["node", script, *map(str, arguments)], cwd=NPM, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + 30
            while "provider is up" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait(10)
