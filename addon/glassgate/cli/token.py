"""`glassgate token inspect`: what a token says, and which check of it fails."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click
import jwt

from glassgate.access import cookies
from glassgate.access.app import App
from glassgate.access.token import AppToken, Reason, TokenError, verify
from glassgate.cli.options import config_option, json_option, named_app
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.errors import StartError
from glassgate.gate.exchange import run
from glassgate.gate.sessions import Sessions
from glassgate.state.keyring import FILE, KeyRing, SigningKey
from glassgate.state.open import open_store

MOST = 8192  # characters that are read
HEADERS = ("Cf-Access-Jwt-Assertion: ", "Cf-Access-Token: ", "Authorization: ", "Set-Cookie: ", "Cookie: ")
ENDED = "session_ended"


@click.group()
def token() -> None:
    """Look at application tokens."""


@token.command(short_help="Decode a token, and say which check of it fails.")
@config_option
@json_option
@click.option("--app", "name", metavar="NAME", help="The app that it should be for. Default: the one that it names.")
def inspect(path: Path, as_json: bool, name: str | None) -> None:
    """Read a token from standard input, decode it, and check it as the gate does.

    Takes the token alone, or as it stands in a header or a cookie.
    """
    settings = load(path, os.environ)
    app = named_app(settings, name) if name is not None else None
    text = _read()
    header, claims = _decoded(text)
    app = app or next((app for app in settings.apps if app.aud in _audiences(claims)), None)
    fails = _check(settings, text, app, time.time())
    if as_json:
        told = {"good": fails is None, "app": app.name if app else None, "fails": fails}
        click.echo(json.dumps({**told, "header": header, "claims": claims}, indent=2, default=str))
    else:
        click.echo(_as_text(header, claims, app.name if app else "", fails))
    sys.exit(1 if fails else 0)


def _read() -> str:
    if sys.stdin.isatty():
        click.echo("Paste the token, then press Enter and Ctrl-D.", err=True)
    text = sys.stdin.buffer.read(MOST).decode("ascii", "replace").strip()
    if not text:
        raise click.UsageError("Nothing came on standard input: pipe a token in, or paste it.")
    for header in HEADERS:
        if text.lower().startswith(header.lower()):
            text = text[len(header) :].strip()
    inside = cookies.values((text.encode(),), cookies.APP_TOKEN)
    return inside[0] if inside else text.removeprefix("Bearer ").strip()


def _decoded(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, believed by nobody yet; empty where it is no JWT."""
    try:
        parts = jwt.decode_complete(text, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}, {}
    return parts["header"], parts["payload"]


def _audiences(claims: dict[str, Any]) -> list[Any]:
    named = claims.get("aud")
    return named if isinstance(named, list) else [named]


def _check(settings: Settings, text: str, app: App | None, now: float) -> dict[str, str] | None:
    """The check that fails, or None."""
    issuer = settings.origin_of(settings.team.host)
    try:
        known = verify(text, _keys(settings, now), issuer=issuer, audience=app.aud if app else "", now=now)
    except TokenError as fault:
        said = str(fault)
        if fault.reason is Reason.AUDIENCE and app is None:
            said = f"it is for no app of {settings.path}"
        return {"check": str(fault.reason), "said": said}
    if _ended(settings, known, now):
        return {"check": ENDED, "said": "the token is good, but its session has ended or is not in this store"}
    return None


def _keys(settings: Settings, now: float) -> tuple[SigningKey, ...]:
    folder = settings.state / "keys"
    if not (folder / FILE).exists():
        raise StartError("there are no keys to check it with", where=str(folder), mend="start the gate once")
    return KeyRing.open(folder, now).verifying


def _ended(settings: Settings, known: AppToken, now: float) -> bool:
    if settings.store == "memory:":
        return False  # only the gate itself could tell
    store = open_store(settings.store)
    try:
        return run(Sessions(store).granted(known.nonce, now)) is None
    finally:
        store.close()


def _as_text(header: dict[str, Any], claims: dict[str, Any], app: str, fails: dict[str, str] | None) -> str:
    if not header:
        return "This is no JWT. One has three parts of letters and digits, with dots between them."
    lines = [f"  {name:<15} {_shown(name, value)}" for name, value in {**header, **claims}.items()]
    verdict = f"It fails the check `{fails['check']}`: {fails['said']}." if fails else f"It is good, for the app {app}."
    return "\n".join([*lines, "", verdict])


def _shown(name: str, value: object) -> str:
    """A value as a person reads it, on one line: a stranger may have written it."""
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)
    if name in ("iat", "nbf", "exp") and isinstance(value, int) and 0 <= value < 1 << 37:
        text += time.strftime("  (%Y-%m-%d %H:%M:%S UTC)", time.gmtime(value))
    return text
