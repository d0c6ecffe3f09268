"""`glassgate entra`: what to create in Entra, and whether it works, link by link."""

import functools
import json
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from glassgate.cli import entra_report, wire
from glassgate.cli.compose import PROVIDER_TIMEOUT, outside
from glassgate.cli.entra_application import OPEN, Application, addresses, application
from glassgate.cli.entra_az import commands
from glassgate.cli.entra_clicks import clicks
from glassgate.cli.entra_graph import calls, federated, manifest
from glassgate.cli.entra_sessions import Lender
from glassgate.cli.options import config_option, json_option
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.errors import did_you_mean
from glassgate.oidc.doctor.case import Case, World
from glassgate.oidc.doctor.chain import walk
from glassgate.oidc.provider import Provider

IN_LAB = (
    "`authority` is the lab's tenant, where nothing has to be registered: it knows this gate by its configuration.\n"
    "In a real tenant it would be this:"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One way to register."""

    title: str
    make: Callable[[Application], str]


class LeftOpen(dict[str, str]):
    """An environment in which whatever is not set has a value all the same; `unset` tells what was asked for so.

    Whoever registers the gate has no secret and no id for it yet. OPEN fits wherever one is wanted.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.unset: dict[str, None] = {}

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        self.unset[name] = None
        return OPEN


PARTS = {
    "clicks": Part("By clicks", clicks),
    "az": Part("By the Azure CLI", lambda app: commands(app, federated(app, Path.read_bytes))),
    "graph": Part("By Microsoft Graph", lambda app: calls(app, Path.read_bytes)),
    "manifest": Part("By the manifest", manifest),
}


@click.group()
def entra() -> None:
    """Register the gate in Entra ID, and find out what is wrong."""


@entra.command(short_help="Try the whole way to each provider, and name the first broken link.")
@config_option
@json_option
@click.option("--provider", "name", metavar="ID", help="Just this provider. Default: all.")
def doctor(path: Path, as_json: bool, name: str | None) -> None:
    """Walk the chain of each provider, Entra's or another, link by link to the first that is broken.

    It signs nobody in and ends no session; no secret, token or code is shown.
    """
    settings = load(path, os.environ)
    providers = _chosen(settings, name)
    with closing(Lender(settings, time.time)) as lender:
        told = list(_examined(settings, providers, lender, quiet=as_json))
    good = all(one["good"] for one in told)
    if as_json:
        click.echo(json.dumps({"good": good, "providers": told}, indent=2))
    sys.exit(0 if good else 1)


@entra.command(short_help="Print what has to be registered in Entra: as clicks and as calls.")
@config_option
@click.option("--provider", "name", metavar="ID", help="Just this provider. Default: every one of type entra.")
@click.option("--only", type=click.Choice(list(PARTS)), help="Just this part, fit for a file.")
def register(path: Path, name: str | None, only: str | None) -> None:
    """Print what has to be registered for exactly this configuration.

    As clicks in the admin center, as commands of the Azure CLI, as calls of Microsoft Graph, and as a fragment of the
    manifest. Nothing is sent anywhere. The client id and the secret come out of this: write ${ENTRA_CLIENT_ID} and
    ${ENTRA_CLIENT_SECRET} in their places, and they need not be set yet.
    """
    environ = LeftOpen(os.environ)
    settings = load(path, environ)
    providers = [one for one in _chosen(settings, name) if one.type == "entra"]
    if not providers:
        which = f"The provider `{name}` is not" if name else f"{settings.path} has no provider"
        raise click.UsageError(f"{which} of type entra: there is nothing to register in Entra.")
    if environ.unset:
        click.echo(f"Not set in the environment, so left open: {', '.join(environ.unset)}\n", err=True)
    for provider in providers:
        _print(application(settings, provider), only)


def _examined(
    settings: Settings, providers: Iterable[Provider], lender: Lender, *, quiet: bool
) -> Iterator[dict[str, object]]:
    """Each provider's chain as JSON has it, told as it is walked."""
    say = (lambda text: None) if quiet else click.echo
    for provider in providers:
        say(entra_report.head(provider))
        links = []
        for link in walk(Case(provider, addresses(settings, provider), _world(provider, lender))):
            links.append(link)
            for line in entra_report.lines(link):
                say(line)
        say(f"\n  {entra_report.verdict(links)}\n")
        yield entra_report.as_json(provider, links)


def _world(provider: Provider, lender: Lender) -> World:
    return World(
        resolve=functools.partial(wire.resolve, seconds=PROVIDER_TIMEOUT),
        connect=functools.partial(wire.connect, seconds=PROVIDER_TIMEOUT),
        handshake=functools.partial(wire.handshake, ca=provider.ca, seconds=PROVIDER_TIMEOUT),
        outside=outside(provider),
        clock=time.time,
        borrow=lender.borrow,
    )


def _chosen(settings: Settings, name: str | None) -> tuple[Provider, ...]:
    """The providers that are meant: the one that is named, else all."""
    if name is None:
        return settings.providers
    known = {provider.id: provider for provider in settings.providers}
    if name not in known:
        raise click.UsageError(f"There is no provider `{name}` in {settings.path}: {did_you_mean(name, known)}")
    return (known[name],)


def _print(app: Application, only: str | None) -> None:
    mark = "# " if only == "az" else ""
    if app.in_lab:
        # A manifest is JSON to its last line.
        click.echo(textwrap.indent(IN_LAB, mark) + "\n", err=only == "manifest")
    if only:
        click.echo(PARTS[only].make(app))
        return
    click.echo(click.style(f"{app.provider.id}: what has to be registered in Entra", bold=True))
    click.echo("Four ways to say the same: take one.")
    for part in PARTS.values():
        click.echo(f"\n{click.style(part.title, bold=True)}\n\n{part.make(app)}")
