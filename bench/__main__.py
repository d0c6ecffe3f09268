"""`bench/run`: measures, prints the tables, and keeps what it found."""

import resource
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import chart, machine, options, publish, report
from bench.options import Plan
from bench.process import StartError
from bench.results import Named, Results
from bench.rounds import measure_all
from bench.stage import stage
from bench.tools.resumption import resumes

ENOUGH = 2  # rounds of each load, for what is published
LATEST = publish.FOLDER / "latest.json"


def main() -> int:
    """Exit codes: 0 all was measured, 1 something failed (it is named), 2 the call is wrong."""
    asked = options.read(sys.argv[1:])
    # Whoever ends the bench ends what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = Results.read(asked.given) if asked.given else measured(asked.plan)
    except (StartError, OSError, ValueError) as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: ended early; nothing is kept", file=sys.stderr)
        return 1
    if not asked.given:
        results.write(publish.FOLDER / f"{results.at.replace(':', '')}.json")
    print(report.markdown(results))
    if asked.publish and not results.whole:
        print("bench: not published, since it is a part of the bench", file=sys.stderr)
        return 1
    if asked.publish:
        write(results)
    return 1 if any(row.failed for row in results.rows) else 0


def measured(plan: Plan) -> Results:
    """Run it. Raises StartError where a candidate does not start."""
    began, before, own = time.monotonic(), machine.Busy.now(), _used()
    head = machine.head(publish.ROOT)
    with (
        tempfile.TemporaryDirectory(prefix="glassgate-bench-") as folder,
        stage(plan.candidates, Path(folder), _told) as standing,
    ):
        head["resumption"] = ", ".join(one.candidate.name for one in standing if resumes(one.target)) or "nobody"
        rows = measure_all(plan, standing, _told, began)
    # The programs have ended and were waited for: their CPU is among our children's.
    took = time.monotonic() - began
    head["run"] = f"{took:.0f} s; {machine.quiet(before, machine.Busy.now(), _used() - own, took)}"
    return Results(
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        head,
        [Named(one.name, one.says, one.unit) for one in plan.loads],
        [Named(one.name, one.says) for one in plan.candidates],
        rows,
        plan.whole and all(len(row.samples) >= ENOUGH for row in rows if not row.failed),
    )


def write(results: Results) -> None:
    """Put the results into the documents, and beside the bench as the latest."""
    results.write(LATEST)
    publish.CHART.write_text(chart.draw(results), "utf-8")
    picture = f"![How many times bare mitmdump, by load]({publish.CHART.name})"
    publish.write_part("results", f"{picture}\n\n{report.markdown(results)}")


def _used() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _told(said: str) -> None:
    print(f"bench: {said}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
