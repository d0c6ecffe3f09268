"""The commands that run the gate: `up` and `web` with the lab, `serve` without."""

import asyncio
import os
import socket
import time
from pathlib import Path

import click

from glassgate.cli.compose import Composed, compose
from glassgate.cli.lab_switched import switched
from glassgate.cli.options import config_option
from glassgate.cli.welcome import welcome
from glassgate.config.load import load
from glassgate.config.settings import Endpoint, Settings
from glassgate.errors import StartError
from glassgate.mitm import masters

WEB_PORTS = range(8081, 8101)


@click.command()
@config_option
def up(path: Path) -> None:
    """Start the gate, with the lab where the configuration enables it."""
    composed = compose(_load(path))
    asyncio.run(masters.run_lean(composed, lambda: click.echo(_welcome(composed))))


@click.command()
@config_option
def web(path: Path) -> None:
    """The same as `up`, under mitmweb: every request can be looked at."""
    settings = _load(path)
    port = next((port for port in WEB_PORTS if _free(Endpoint("127.0.0.1", port)) is None), 0)
    if not port:
        raise StartError(
            f"no port for mitmweb is free from {WEB_PORTS[0]} to {WEB_PORTS[-1]}", mend="end what listens there"
        )
    composed = compose(settings)
    asyncio.run(masters.run_web(composed, lambda url: click.echo(_welcome(composed, url)), port))


@click.command()
@config_option
def serve(path: Path) -> None:
    """Run the gate in front of real origins: no lab, no screen."""
    settings = load(path, os.environ)
    if settings.lab:
        raise StartError(
            "`serve` runs no lab", where=str(path), mend="set `lab.enabled` to false, or use `up` on your own machine"
        )
    _listenable(settings)
    said = f"glassgate: {settings.origin_of(settings.team.host)} answers."
    asyncio.run(masters.run_lean(compose(settings), lambda: click.echo(said)))


def _load(path: Path) -> Settings:
    settings = load(path, os.environ)
    _listenable(settings)
    return settings


def _listenable(settings: Settings) -> None:
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
