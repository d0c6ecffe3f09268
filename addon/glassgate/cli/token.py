"""`glassgate token inspect`: what a token says, and which check of it fails."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click
import jwt

from glassgate.access.token import TokenError, verify
from glassgate.cli.options import config_option, json_option
from glassgate.config.load import load
from glassgate.state.keyring import KeyRing


@click.group()
def token() -> None:
    """Look at application tokens."""


@token.command()
@config_option
@json_option
@click.option("--app", "name", help="The app that the token should be for; else the one that it names.")
def inspect(path: Path, as_json: bool, name: str | None) -> None:
    """Read a token from standard input, decode it, and check it as the gate does."""
    settings = load(path, os.environ)
    text = click.get_text_stream("stdin").read(8192).strip()
    text = text.removeprefix("CF_Authorization=").removeprefix("Bearer ").strip()
    header, claims = _decoded(text)
    audiences = claims.get("aud") if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    app = next((app for app in settings.apps if (app.name == name if name else app.aud in audiences)), None)
    keys = KeyRing.open(settings.state / "keys", time.time()).verifying
    issuer = settings.origin_of(settings.team.host)
    fails = None
    try:
        verify(text, keys, issuer=issuer, audience=app.aud if app else "", now=time.time())
    except TokenError as fault:
        fails = {"check": str(fault.reason), "said": str(fault)}
    if as_json:
        told = {"good": fails is None, "app": app.name if app else None, "fails": fails}
        click.echo(json.dumps({**told, "header": header, "claims": claims}, indent=2, default=str))
    else:
        click.echo(_as_text(header, claims, app.name if app else None, fails))
    sys.exit(1 if fails else 0)


def _decoded(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, believed by nobody yet; empty where it is no JWT."""
    try:
        parts = jwt.decode_complete(text, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}, {}
    return parts["header"], parts["payload"]


def _as_text(header: dict[str, Any], claims: dict[str, Any], app: str | None, fails: dict[str, str] | None) -> str:
    lines = [f"  {name:<15} {value}" for name, value in {**header, **claims}.items()]
    for name in ("iat", "nbf", "exp"):
        if isinstance(claims.get(name), int):
            when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(claims[name]))
            lines = [f"{line}  ({when})" if line.startswith(f"  {name} ") else line for line in lines]
    verdict = f"It fails the check “{fails['check']}”: {fails['said']}." if fails else f"It is good, for the app {app}."
    return "\n".join([*lines, "", verdict] if lines else ["This is not a JWT.", verdict])
