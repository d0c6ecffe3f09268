"""Access logs of what the lab serves: what came, for whom."""

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

from glassgate.errors import StartError

LOG_SIZE = 5 << 20  # bytes of an access log before it is set aside; one older one is kept


def access_log(path: Path) -> logging.Logger:
    """A log in a file of its own, private to its owner. Raises StartError where it cannot be written."""
    # A logger that nobody else finds: it writes to this file, at once, and to nothing else.
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
        handler = RotatingFileHandler(
            path, maxBytes=LOG_SIZE, backupCount=1, encoding="utf-8", errors="backslashreplace"
        )
    except OSError as fault:
        raise StartError(f"is not writable: {fault.strerror}", where=str(path), mend="delete it") from fault
    log = logging.Logger(path.stem, logging.INFO)
    log.addHandler(handler)
    return log
