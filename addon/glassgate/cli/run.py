"""The commands that run the gate: `up` and `web` with the lab, `serve` without."""

import asyncio
import logging
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from glassgate.cli.compose import Composed, compose
from glassgate.cli.lab_switched import switched
from glassgate.cli.options import config_option
from glassgate.cli.welcome import welcome
from glassgate.cli.workers import start_workers
from glassgate.config.load import load
from glassgate.config.settings import Endpoint, Settings
from glassgate.errors import StartError
from glassgate.mitm import masters
from glassgate.mitm.driver.listening import is_handed_in, sockets_each
from glassgate.record.redact import RedactFilter

WEB_PORTS = range(8081, 8101)
LAST_PORT = 65535
LONGER = 10.0  # seconds that a worker has for its end, beyond what is under way


@click.command(short_help="Start the gate, with the lab where that is enabled.")
@config_option
def up(path: Path) -> None:
    """Start the gate, with the lab where the configuration enables it."""
    _tell_of_warnings()
    composed = compose(_load(path))
    asyncio.run(masters.run_lean(composed, lambda: click.echo(_welcome(composed))))


@click.command(short_help="`up` under mitmweb: every request can be looked at.")
@config_option
def web(path: Path) -> None:
    """The same as `up`, under mitmweb: every request can be looked at."""
    settings = _load(path)
    port = next((port for port in WEB_PORTS if _free(Endpoint("127.0.0.1", port)) is None), 0)
    if not port:
        raise StartError(
            f"no port for mitmweb is free from {WEB_PORTS[0]} to {WEB_PORTS[-1]}", mend="end what listens there"
        )
    _tell_of_warnings()
    composed = compose(settings)
    asyncio.run(masters.run_web(composed, lambda url: click.echo(_welcome(composed, url)), port))


@click.command()
@config_option
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N",
              help="Processes behind the one port; about one for each core.")  # fmt: skip
def serve(path: Path, workers: int) -> None:
    """Run the gate in front of real origins: no lab, no screen."""
    settings = load(path, os.environ)
    if settings.lab:
        raise StartError(
            "`serve` runs no lab", where=str(path), mend="set `lab.enabled` to false, or use `up` on your own machine"
        )
    _listenable(settings)
    _tell_of_warnings()
    said = f"glassgate: {settings.origin_of(settings.team.host)} answers."
    if workers == 1:
        asyncio.run(masters.run_lean(compose(settings), lambda: click.echo(said)))
    else:
        _serve_by(workers, settings, f"{said} {workers} workers.")


def _tell_of_warnings() -> None:
    """Have what the gate warns of on standard error: mitmproxy's handlers take Python's last resort away."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("glassgate: %(message)s"))
    handler.addFilter(RedactFilter())
    logging.getLogger("glassgate").addHandler(handler)


def _serve_by(workers: int, settings: Settings, said: str) -> None:
    if sys.platform != "linux":  # elsewhere a port that is shared leads to one of its processes alone
        raise StartError("`--workers` needs Linux", mend="run one process")
    if settings.store == "memory:":
        where = settings.places.get(("store",), str(settings.path))
        mend = "write `store: sqlite:state/glassgate.db`"
        raise StartError("workers share no memory, and the store is in memory", where=where, mend=mend)
    if settings.metrics and settings.metrics.port + workers - 1 > LAST_PORT:
        where = settings.places.get(("metrics",), str(settings.path))
        raise StartError(
            f"{workers} workers have {workers} ports for their metrics", where=where, mend="begin with a lower one"
        )
    listening = sockets_each(workers, settings.listen, os.environ, os.getpid())
    worker = start_workers(listening, lambda: click.echo(said), settings.limits.drain_time + LONGER)
    # From here on this is one of the workers.
    settings = replace(settings, worker=worker.number)
    asyncio.run(masters.run_lean(compose(settings), worker.ready, worker.listening))


def _load(path: Path) -> Settings:
    settings = load(path, os.environ)
    _listenable(settings)
    return settings


def _listenable(settings: Settings) -> None:
    if is_handed_in(os.environ, os.getpid()):
        return
    taken = _free(settings.listen)
    if taken:
        raise StartError(
            f"nothing can listen at {settings.listen}: {taken}", mend="end what listens there, or change `listen`"
        )


def _welcome(composed: Composed, web_url: str | None = None) -> str:
    lab, settings = composed.lab, composed.settings
    people = [person for tenant in lab.tenants for person in tenant.people.values()] if lab else []
    found = switched(lab.switchboard, people, settings.path, time.time()) if lab else ()
    return welcome(settings, web_url, found)


def _free(endpoint: Endpoint) -> str | None:
    """None where one can listen, else why not."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
            probe.listen(1)
        except OSError as fault:
            return (fault.strerror or str(fault)).lower()
    return None
