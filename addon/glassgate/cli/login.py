"""`glassgate login`: a token for an app, for a person's own programs, by way of their browser."""

import hmac
import http.server
import json
import os
import secrets
import time
import webbrowser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import click

from glassgate.cli.explained import readable
from glassgate.cli.options import config_option, json_option, named_app
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError
from glassgate.gate.program import PATH, TOKEN_PATH, compare
from glassgate.gate.sign_in import LOGIN_PATH
from glassgate.oidc.errors import ProviderUnavailable
from glassgate.oidc.http import Fetch, HttpRequest, HttpResponse, open_http
from glassgate.oidc.relying_party import code_challenge

PATIENCE = 300  # seconds that the person has
LOOPBACK = "127.0.0.1"
DONE = "Done. The program has its token; you can close this page."
DENIED = "Nothing was given to the program; you can close this page."
NOT_OURS = "This is not what the program waits for."
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>glassgate login</title><p style="font: 1.1rem system-ui; margin: 4rem auto; max-width: 30rem">{}</p></html>
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An app, and the team that gives out its tokens: `team` is an origin.

    `host` is the app's, without a port, and with the path at which it begins.
    """

    team: str
    host: str
    address: str


@dataclass(slots=True)
class Question:
    """What is asked of the person, and what must come back with the answer."""

    place: Place
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def url(self, port: int) -> str:
        """The page that asks."""
        query = {"app": self.place.host, "port": port, "challenge": code_challenge(self.verifier), "state": self.state}
        return f"{self.place.team}{PATH}?{urlencode(query)}"

    def code(self, target: str) -> str | None:
        """What the browser brought, where it is an answer to this question; "" for a no; None for anything else.

        The answer names who gave it and for which app: one that another team gave goes to nobody (RFC 9207).
        """
        said = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items() if len(values) == 1}
        if not hmac.compare_digest(said.get("state", "").encode(), self.state.encode()):
            return None
        if "error" in said:
            return ""
        meant = (said.get("iss"), said.get("app")) == (self.place.team, self.place.host)
        return said.get("code") if meant else None


@click.command(short_help="Get a token for an app by way of your browser.")
@config_option
@json_option
@click.argument("app")
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE",
              help="Trust for the gate (PEM). Default: the file's local CA, else the system's.")  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def login(path: Path, as_json: bool, app: str, ca: Path | None, no_browser: bool) -> None:
    """Sign in to APP in the browser, and print a token for it. APP is its name in the configuration, or its address.

    The token is what `Cf-Access-Token`, `Authorization: Bearer` or the cookie CF_Authorization take. It lives as long
    as a session at the app, and ends with yours.

    \b
    TOKEN=$(glassgate login wiki)
    curl -H "Cf-Access-Token: $TOKEN" https://wiki.localhost:8443/
    """
    by_address = app.startswith("https://")
    settings = None if by_address else load(path, os.environ)
    fetch = open_http(ca or (settings.ca if settings and settings.ca.exists() else None))
    place = _found(settings, app) if settings else discovered(fetch, app)
    question = Question(place)
    code = _asked(question, no_browser)
    told = _redeemed(fetch, question, code)
    click.echo(json.dumps({**told, "address": place.address}, indent=2) if as_json else told["token"])


def _found(settings: Settings, name: str) -> Place:
    host = named_app(settings, name).domains[0]
    return Place(settings.origin_of(settings.team.host), host, settings.address_of(host))


def discovered(fetch: Fetch, address: str) -> Place:
    """Where an app sends whoever is not signed in, as cloudflared finds it. Raises GlassgateError.

    It may send them to its own sign-in alone: the token is for whoever answers at the address.
    """
    parts = urlsplit(address)
    found = _fetched(fetch, HttpRequest("GET", address, (("Accept", "text/html"),)))
    way = urlsplit(found.headers.get("location", ""))
    app = way.path.removeprefix(LOGIN_PATH)
    if way.scheme != "https" or app == way.path:
        raise GlassgateError(f"{address} does not send anybody to a gate to sign in.", mend="is it behind glassgate?")
    if app.partition("/")[0] != parts.hostname:
        what = f"{address} asks for a token of another app, `{app[:256]}`, which would be shown to it."
        raise GlassgateError(readable(what), mend="is the address right?")
    return Place(f"{way.scheme}://{way.netloc}", app, f"https://{parts.netloc}")


class _Listener(http.server.HTTPServer):
    """Waits on loopback for the browser to come by with the answer."""

    def __init__(self, question: Question) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.question = question
        self.code: str | None = None


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Listener
    timeout = 10  # seconds; a browser may open connections that it then leaves alone

    def do_GET(self) -> None:
        """Take the answer; a page of any other site that asks here gets nothing, and changes nothing."""
        ours = self.headers.get_all("Host") == [f"{LOOPBACK}:{self.server.server_port}"]
        code = self.server.question.code(self.path) if ours else None
        self.server.code = code if code is not None else self.server.code
        body = PAGE.format(NOT_OURS if code is None else DONE if code else DENIED).encode()
        self.send_response(400 if code is None else 200)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("Connection", "close"),
        ):  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the code would stand in it."""


def _asked(question: Question, no_browser: bool) -> str:
    """Have the person say yes. What is told goes to standard error: the token alone is for the pipe."""
    with _Listener(question) as listener:
        url = question.url(listener.server_port)
        click.echo(
            f"Sign in, and say yes where you see the code {compare(code_challenge(question.verifier))}:", err=True
        )
        click.echo(f"  {url}", err=True)
        if not no_browser:
            webbrowser.open(url)
        listener.timeout = 1.0
        until = time.monotonic() + PATIENCE
        while listener.code is None and time.monotonic() < until:
            listener.handle_request()
        if listener.code is None:
            raise GlassgateError("Nobody said yes within five minutes.", mend="start again")
        if not listener.code:
            raise GlassgateError("No token was given: you said no.")
        return listener.code


def _redeemed(fetch: Fetch, question: Question, code: str) -> dict[str, Any]:
    form = urlencode({"code": code, "verifier": question.verifier}).encode()
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    answer = _fetched(fetch, HttpRequest("POST", question.place.team + TOKEN_PATH, headers, form))
    if answer.status != 200:
        raise GlassgateError(f"The gate gave no token (status {answer.status}).", mend="start again")
    told: dict[str, Any] = json.loads(answer.body)
    return told


def _fetched(fetch: Fetch, call: HttpRequest) -> HttpResponse:
    try:
        return fetch(call)
    except ProviderUnavailable as fault:
        raise GlassgateError(f"The gate does not answer: {fault.detail}.", mend="is its CA the one of --ca?") from fault
