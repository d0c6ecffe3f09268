"""What the tests of this room share: other processes, to be raced against and to be killed; and a folder's names."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import glassgate

SOURCE = str(Path(glassgate.__file__).parents[1])


@contextlib.contextmanager
def child(code, *arguments):
    """Run Python code in a process of its own; it is killed at the end of the block, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": SOURCE},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def names(folder):
    """What stands in a folder, in order."""
    return sorted(entry.name for entry in folder.iterdir())
