"""The family of errors that people read: what is wrong, where, and how to mend it."""

import difflib
from collections.abc import Iterable


class GlassgateError(Exception):
    """Something is wrong that a person can mend. Carries no secret: it is printed and logged as it is.

    `what` is one sentence; `where` a place ("config.yaml:12", a URL, a path) or ""; `mend` what to do, or "".
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f" ({self.mend})" if self.mend else "")


class ConfigError(GlassgateError):
    """The configuration cannot be used. `problems` holds every one of them, in the order of the file."""

    def __init__(self, problems: Iterable[GlassgateError]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StartError(GlassgateError):
    """The gate cannot start here: a port is taken, a file is not writable, a Python is too old."""


class StoreError(GlassgateError):
    """The store did not answer, or answered what cannot be read. The gate answers 503: it never guesses."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The mend for a name that is not known: the nearest one that is, else all of them, else ""."""
    names = tuple(known)
    near = difflib.get_close_matches(word[:64], names, 1)
    if near:
        return f"did you mean `{near[0]}`?"
    return "known: " + ", ".join(names) if names else ""
