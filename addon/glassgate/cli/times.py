"""Times as commands print them, in UTC: for people, and for programs."""

import time


def for_people(at: float) -> str:
    """To the minute: "2026-11-25 22:01"."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))


def for_programs(at: float | None) -> str | None:
    """As RFC 3339 has it: "2026-11-25T22:01:00Z"; None for None."""
    return None if at is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
