"""Reads the lists that rules name: files of one entry a line, with `#` before what is only for people."""

from pathlib import Path

from glassgate.access.rule_values import Listed, refuse

MAX_BYTES = 32 << 20  # a million e-mail addresses


def read_list(base: Path, name: str) -> Listed:
    """The entries of the file `name`, relative to `base`. Raises GlassgateError, without a place, where it cannot
    be read."""
    try:
        with (base / name).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise refuse(
            f"the list `{name}` cannot be read: {reason}", "write the path of a file, one entry a line"
        ) from None
    if len(raw) > MAX_BYTES:
        raise refuse(f"the list `{name}` is larger than 32 MiB", "is it a list of addresses?")
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refuse(f"{name}:{line}: the list is not UTF-8", "save it as UTF-8") from None
    entries = ((number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1))
    return Listed(name, tuple((number, entry) for number, entry in entries if entry))
