"""What every sample origin does with a request: check the assertion first, log it, stream bodies."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, cast

import jinja2
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from glassgate.lab.origins.assertion import HEADER, NO_KEYS, Checked, KeysUnavailable, TeamKeys, check, key_id

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
CHUNK = bytes(range(256)) * 256  # 64 KiB
LONGEST_DOWNLOAD = 2 << 30  # bytes
LONGEST_UPLOAD = 4 << 30
SHOWN = 64  # characters of a header's value on a page; longer ones are cut in the middle
CREDENTIALS = ("cookie", "authorization", HEADER.lower())

told = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the handlers of one origin share."""

    kind: str
    issuer: str
    auds: Callable[[], tuple[str, ...]]  # as they are now: apps come and go while it runs
    keys: TeamKeys
    executor: Executor  # for what blocks: fetching keys
    log: logging.Logger  # the access log
    templates: jinja2.Environment


class Guarded(RequestHandler):
    """A request that goes no further before its assertion is verified."""

    SUPPORTED_METHODS = (*RequestHandler.SUPPORTED_METHODS, "TRACE", "PROPFIND", "REPORT", "MKCOL")
    origin: Origin
    checked: Checked = Checked("unchecked", "this request was not checked")
    _is_logged = False

    def initialize(self, origin: Origin) -> None:
        """Take what the origin's handlers share."""
        self.origin = origin

    def set_default_headers(self) -> None:
        """Say nothing of the server; keep pages out of caches, frames and foreign scripts' reach."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        """Check who is there before anything else is done, the body included."""
        self.checked = await self._check()
        self._log()
        if self.checked.reason:
            self._refuse()

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Tell of faults of ours, without the request: its target may hold what is nobody's business."""
        if not isinstance(value, HTTPError | StreamClosedError):
            told.error("the lab's %s failed", self.origin.kind, exc_info=value)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A plain page for what there is not."""
        self._log()  # what ended before it could be checked, such as a method that nobody knows
        self._hang_up()
        self.show("error.html", status=status_code, text=self._reason)

    def show(self, template: str, **values: Any) -> None:
        """Answer with a page."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        page = self.origin.templates.get_template(template)
        self.finish(page.render(checked=self.checked, origin=self.origin, **values))

    def tell(self, value: Mapping[str, Any]) -> None:
        """Answer with JSON."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value))

    async def _check(self) -> Checked:
        token = self.request.headers.get(HEADER)
        kid = key_id(token)
        keys = self.origin.keys
        try:
            key = keys.known(kid) if kid else None
            if kid and key is None:
                key = await asyncio.get_running_loop().run_in_executor(self.origin.executor, keys.find, kid)
        except KeysUnavailable:
            return NO_KEYS
        return check(token, key, issuer=self.origin.issuer, auds=self.origin.auds())

    def _hang_up(self) -> None:
        # Answered before the body was read, which tornado ends the connection after: it must be said.
        self.set_header("Connection", "close")

    def _refuse(self) -> None:
        self._hang_up()
        self.set_status(503 if self.checked is NO_KEYS else 403)
        if "text/html" in self.request.headers.get("Accept", ""):
            self.show("refused.html")
        else:
            self.tell({"error": self.checked.reason, "message": self.checked.said})

    def _log(self) -> None:
        if not self._is_logged:
            self._is_logged = True
            moment = datetime.now(UTC).isoformat(timespec="milliseconds")
            user = self.checked.user.encode("unicode_escape").decode() or "-"  # a name writes no line of its own
            self.origin.log.info("%s %s %s %s", moment, self.request.method, self.request.uri, user)


@stream_request_body
class Page(Guarded):
    """A request whose body, if it has one, is counted as it comes and not kept."""

    received = 0

    def data_received(self, chunk: bytes) -> None:
        """Count."""
        self.received += len(chunk)


class WhoAmI(Page):
    """`/api/whoami`: the headers that came, and what the assertion says, as JSON."""

    def get(self) -> None:
        """Answer with both."""
        headers = dict(self.request.headers)
        self.tell({"verified": True, "user": self.checked.user, "claims": self.checked.claims, "headers": headers})


class Echo(Page):
    """`/echo`: what came, by any method, with any body of up to 4 GiB."""

    async def prepare(self) -> None:
        """Let a long body come where the assertion is good."""
        await super().prepare()
        if not self.checked.reason:
            cast(HTTP1Connection, self.request.connection).set_max_body_size(LONGEST_UPLOAD)

    def get(self) -> None:
        """Answer with method, target, headers and the body's length."""
        self.tell(
            {
                "method": self.request.method,
                "path": self.request.uri,
                "headers": dict(self.request.headers),
                "body_length": self.received,
            }
        )

    head = post = put = delete = patch = options = trace = propfind = report = mkcol = get


class Download(Page):
    """`/download?bytes=N`: as many bytes as are asked for, as fast as they are taken."""

    async def get(self) -> None:
        """Stream; at most 2 GiB."""
        wanted = self.get_query_argument("bytes", "")
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 12 and int(wanted) <= LONGEST_DOWNLOAD):
            raise HTTPError(400, reason=f"bytes must be a number up to {LONGEST_DOWNLOAD}")
        left = int(wanted)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Length", wanted)
        try:
            while left > 0:
                self.write(CHUNK[:left])
                left -= len(CHUNK)
                await self.flush()
        except StreamClosedError:
            return  # The visitor has had enough.
        self.finish()


class NotFound(Page):
    """An address that there is not."""

    async def prepare(self) -> None:
        """Say so, to whoever may know."""
        await super().prepare()
        if not self.checked.reason:
            raise HTTPError(404)


class Asset(Page):
    """One of the origin's own files: a style sheet, a script."""

    def initialize(self, origin: Origin, content: bytes = b"", media_type: str = "") -> None:
        """Take the file."""
        super().initialize(origin)
        self._content = content
        self._media_type = media_type

    async def prepare(self) -> None:
        """Let it be had without an assertion: it holds nothing, and the page that refuses needs its style."""
        self.checked = await self._check()
        self._log()

    def get(self) -> None:
        """Answer with it."""
        self.set_header("Content-Type", self._media_type)
        self.finish(self._content)


def shown_headers(headers: HTTPHeaders) -> list[tuple[str, str]]:
    """The headers as a page shows them: in the order they came, long values cut, credentials not whole."""
    return [(name, shortened(value, name.lower() in CREDENTIALS)) for name, value in headers.get_all()]


def shortened(value: str, is_credential: bool) -> str:
    """A value that fits a line. Of a credential only its beginning is shown."""
    if is_credential:
        return f"{value[:20]}… ({len(value)} characters)"
    return value if len(value) <= SHOWN else f"{value[: SHOWN - 20]}…{value[-12:]} ({len(value)} characters)"
