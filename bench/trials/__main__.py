"""`bench/strain`: tries the gate from outside under strain, prints what was found, and keeps it."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, publish
from bench.process import StartError
from bench.trials import findings, options
from bench.trials.findings import Finding, Findings
from bench.trials.ground import ground
from bench.trials.options import Trial


def main() -> int:
    """Exit codes: 0 all is as it is to be, 1 something is not (it is named), 2 the call is wrong."""
    trials = options.read(sys.argv[1:])
    # Whoever ends the trials ends what they started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = Findings(
            datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            machine.head(publish.ROOT),
            [one for trial in trials for one in tried(trial)],
        )
    except KeyboardInterrupt:
        print("strain: ended early; nothing is kept", file=sys.stderr)
        return 1
    kept = publish.FOLDER / f"strain-{found.at.replace(':', '')}.json"
    found.write(kept)
    print(findings.text(found))
    print(f"Kept as {kept.relative_to(publish.ROOT)}.")
    return 1 if found.amiss else 0


def tried(trial: Trial) -> Iterator[Finding]:
    """One trial, on a gate of its own. A gate or clients that do not start, or that end, are what was found."""
    with tempfile.TemporaryDirectory(prefix="glassgate-strain-") as folder:
        try:
            with ground(trial.limits, Path(folder), _told) as made:
                yield from trial.run(made)
        except (StartError, OSError, ValueError) as fault:
            yield Finding(trial.name, "the gate", "", "", "it runs", 0.0, amiss=f"{type(fault).__name__}: {fault}")


def _told(said: str) -> None:
    print(f"strain: {said}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
