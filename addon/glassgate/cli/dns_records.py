"""`glassgate dns`: the records that the hosts of a configuration need, and whether each name leads here."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

import click
from dns import rdatatype, rrset

from glassgate.cli.dns_names import Found, examine, look
from glassgate.cli.options import config_option, ip, json_option
from glassgate.cli.protection import Address
from glassgate.config.load import load
from glassgate.config.settings import Endpoint, Settings
from glassgate.oidc.http import is_loopback_name

TTL = 300  # seconds: short, since an edge may move
SECONDS = 5.0  # for one question, and for one connection


def resolver_at(text: str) -> Endpoint:
    """The value of --resolver: an address, with a port or without one."""
    host, colon, port = text.rpartition(":") if text.count(":") == 1 or text.startswith("[") else (text, "", "")
    try:
        return Endpoint(str(ip_address(host.strip("[]"))), int(port) if colon else 53)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no address of a resolver: write it as 9.9.9.9 or 127.0.0.1:5353."
        ) from None


@click.command(short_help="Write the DNS records of the hosts, and check each name.")
@config_option
@json_option
@click.option(
    "--address", "addresses", type=ip, multiple=True, metavar="ADDRESS",
    help="Where the edge is reached, IPv4 or IPv6; as often as there are.",
)  # fmt: skip
@click.option("--resolver", type=resolver_at, metavar="HOST[:PORT]", help="Whom to ask. Default: the system's.")
def dns(path: Path, as_json: bool, addresses: tuple[Address, ...], resolver: Endpoint | None) -> None:
    """Write the records that the hosts of the configuration need, as lines of a zone file, and check each name.

    A name is good when each of its addresses reaches this edge, which is known by its certificate or by the keys that
    it publishes, and none is an origin's, by which one would go past the gate. What was found stands in comments, so
    that all of it may go into a zone file. Names under .localhost need no records.
    """
    settings = load(path, os.environ)
    records = tuple(_records(settings.public_hosts, addresses))
    found = examine(settings, look(settings, resolver, SECONDS))
    good = all(one.good for one in found)
    if as_json:
        told = {"good": good, "records": records, "names": [one.told() for one in found]}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join(_as_text(settings, records, found, resolver)))
    sys.exit(0 if good else 1)


def _records(hosts: Iterable[str], addresses: Iterable[Address]) -> Iterator[str]:
    for host in hosts:
        for address in addresses if not is_loopback_name(host) else ():
            kind = rdatatype.A if address.version == 4 else rdatatype.AAAA
            yield rrset.from_text(f"{host}.", TTL, "IN", kind, str(address)).to_text()


def _as_text(
    settings: Settings, records: tuple[str, ...], found: tuple[Found, ...], resolver: Endpoint | None
) -> Iterator[str]:
    if records:
        yield f"; The hosts of {settings.path}."
        yield from records
        yield ""
    yield f"; What {resolver or 'the resolver of this machine'} says of them:"
    for one in found:
        yield f";   {'good' if one.good else 'BAD '}  {one.host}: {one.said}"
    mends = dict.fromkeys(one.mend for one in found if not one.good)
    if mends:
        yield ";"
        yield from (f"; {mend}" for mend in mends)
