"""`glassgate origin`: an origin takes requests from the gate alone, and whether it does."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

import click

from glassgate.access.app import App
from glassgate.access.policy import Decision
from glassgate.cli.options import config_option, ip, json_option, named_app
from glassgate.cli.origin_doors import assertions, examine, knocker, shown
from glassgate.cli.protection import SERVERS, Address, Gate, authority_of, protection
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.errors import StartError
from glassgate.mitm.tls import address_of
from glassgate.state.client_certificate import client_certificate, ensure_client_certificate
from glassgate.state.files import not_writable
from glassgate.state.keyring import FILE, KeyRing

SECONDS = 5.0  # for one knock


@click.group()
def origin() -> None:
    """Close an origin to everybody but the gate."""


@origin.command(short_help="Write the configuration by which an origin takes the gate alone.")
@click.argument("name", metavar="APP")
@config_option
@click.option("--for", "kind", type=click.Choice(list(SERVERS)), required=True, help="The server of the origin.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it, and what it names, here."
)
@click.option(
    "--at", "folder", metavar="FOLDER", help="Where the files will lie on the origin. Default: by the server."
)
@click.option(
    "--gate", "gates", type=ip, multiple=True, metavar="ADDRESS",
    help="For nftables: from where the gate comes. Default: as this machine reaches the origin.",
)  # fmt: skip
def protect(
    name: str, path: Path, kind: str, output: Path | None, folder: str | None, gates: tuple[Address, ...]
) -> None:
    """Write the configuration by which the origin of APP takes requests from the gate alone.

    It asks for the gate's client certificate and, where the server can, checks the gate's assertion: signature, issuer
    and AUD tag. Without -o the configuration goes to standard output, and the files that it names are told.
    """
    settings = load(path, os.environ)
    app = named_app(settings, name)
    if folder is not None and (not folder or any(sign in folder for sign in "\"'\\\n{}; ")):
        raise click.BadParameter("a path without spaces, quotes and braces", param_hint="--at")
    if kind == "nftables" and not gates:
        gates = (_way_to(app),)
    files = protection(app, _gate(settings, app, gates), kind, folder)
    if SERVERS[kind].assertion and any(policy.decision is Decision.BYPASS for policy in app.policies):
        click.echo(f"`{name}` has a bypass policy: who comes by it brings no assertion, and is refused here.", err=True)
    if output:
        _write(output, files)
    else:
        _print(files)


@origin.command(short_help="Try the origin of an app from beside the gate: which doors stand open?")
@click.argument("name", metavar="APP")
@config_option
@json_option
def check(name: str, path: Path, as_json: bool) -> None:
    """Try the origin of APP as somebody would who goes past the gate, and say which doors stand open.

    Without an assertion, with a forged one, one that has expired, and another app's; in the clear and by TLS, without
    the gate's certificate. It asks for `/` each time, changes nothing, and ends with 1 where a door is open.
    """
    settings = load(path, os.environ)
    app = named_app(settings, name)
    keys = _keys(settings)
    _ensure_certificate(settings, app)
    knock = knocker(app, settings, SECONDS)
    finding = examine(app, knock, assertions(app, keys.signing, settings.origin_of(settings.team.host), time.time()))
    click.echo(json.dumps(finding.told(), indent=2) if as_json else shown(app, finding))
    sys.exit(0 if finding.good else 1)


def _gate(settings: Settings, app: App, addresses: tuple[Address, ...]) -> Gate:
    _ensure_certificate(settings, app)
    issuer = settings.origin_of(settings.team.host)
    return Gate(issuer, _keys(settings).verifying, authority_of(settings, app), addresses)


def _ensure_certificate(settings: Settings, app: App) -> None:
    """Have the gate's own certificate made, as its start does."""
    if app.origin.tls.client_certificate == client_certificate(settings.state):
        ensure_client_certificate(settings.state, time.time())


def _keys(settings: Settings) -> KeyRing:
    folder = settings.state / "keys"
    if not (folder / FILE).exists():
        raise StartError("there are no keys of assertions yet", where=str(folder), mend="start the gate once")
    return KeyRing.open(folder, time.time())


def _way_to(app: App) -> Address:
    """The address from which this machine reaches the origin. Nothing is sent."""
    try:
        family, kind, number, _, place = socket.getaddrinfo(*address_of(app.origin), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, number) as probe:
            probe.connect(place)
            return ip_address(probe.getsockname()[0])
    except OSError as fault:
        raise StartError(
            f"how this machine reaches {app.origin.host} cannot be found out: {fault.strerror or fault}",
            mend="say from where the gate comes: --gate ADDRESS",
        ) from fault


def _write(output: Path, files: dict[str, str]) -> None:
    first, *others = files.items()
    named = [(output, first[1]), *((output.parent / name, text) for name, text in others)]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for path, text in named:
            path.write_text(text)
    except OSError as fault:
        raise not_writable(output, fault) from fault
    click.echo(f"Written: {', '.join(str(path) for path, _ in named)}", err=True)
    click.echo("What to do with it stands in its first lines.", err=True)


def _print(files: dict[str, str]) -> None:
    first, *others = files.items()
    click.echo(first[1], nl=False)
    if others:
        click.echo(f"\nIt names {_list(name for name, _ in others)}: -o FILE writes these beside it.", err=True)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
