"""A form that meets an expired session is kept, so that its sender can sign in and have it sent then.

A form is a person's own step in a tab: a POST in one of the three encodings that pages have, and no script's. It is
kept only where it can do no harm that its sender did not mean:

- its `Origin` is the app's own. A POST of another site brings no SameSite cookie and meets no session; kept, it would
  be sent with the rights of whoever signs in here.
- it brings a token of this app that we signed, whose time or session has run out, of age or of idleness, and whose
  session nobody ended. Whoever was signed out, disabled or revoked leaves nothing here.

The decision falls before the body, as every decision does. The body then comes in pieces of 256 KiB or a little more,
each of which is sealed and in the store before the next is looked at. (mitmproxy's own server reads on meanwhile, so
that there all of a form may wait in the memory.) Its key is in a cookie of this browser alone, sealed for one purpose.
The browser is sent to the same address by a 303, where `send_form` has it sign in, and asks what is to become of it.

Any other request without a session gets what it would get anyway: a redirect without its body, or a 401. Where a form
may be kept and cannot, its sender is told so on the page that answers it: the form is still in the browser, and
loading that page again sends it once more.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from glassgate.access import cookies, token
from glassgate.access.app import App, Unauthenticated
from glassgate.access.session import digest
from glassgate.errors import StoreError
from glassgate.gate import answers, pace
from glassgate.gate.exchange import Answer, Collect, Request, Steps
from glassgate.gate.form_ticket import Ticket, is_word
from glassgate.gate.hand_off import fits_a_sign_in
from glassgate.gate.kept_forms import Head, Place
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import is_top_level
from glassgate.record.events import Action

FORM_PATH = TEAM_PREFIX + "form"
# HTML Living Standard section 4.10.21.3: the encodings of forms.
ENCODINGS = frozenset((b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain"))
LONGEST_LINE = 4096  # bytes of a header that is kept


def keep(site: Site, request: Request, app: App, host: str) -> Steps[Answer | Collect | None]:
    """What becomes of a request without a session, if it is a form that may be kept; None: it is not."""
    if app.unauthenticated is Unauthenticated.ANSWER_401 or not _is_form(site, request, host):
        return None
    lapsed = yield from _lapsed(site, request, app)
    if lapsed is None:
        return None
    user, session = lapsed
    limit = app.keep_forms if app.max_body is None else min(app.keep_forms, app.max_body)
    said = request.value(b"content-length")
    if said.isdigit() and int(said) > limit:
        return _not_kept(site, request, app, host, "form_too_large")
    form, key, address = site.new_sign_in(request.at), site.chance(32), pace.of(site.client(request), "form")
    if not site.pace.allows(address, request.at):
        return _not_kept(site, request, app, host, "form_crowded")
    site.pace.count(address, request.at)
    try:
        place = yield from site.forms.place(form, key, session, address, request.at)
    except StoreError:
        return _not_kept(site, request, app, host, "form_not_written")
    if place is None:
        return _not_kept(site, request, app, host, "form_crowded")
    upload = Upload(site, request, app, host, user, place)
    return Collect(limit, upload.whole, upload)


def _is_form(site: Site, request: Request, host: str) -> bool:
    kind = request.value(b"content-type").partition(b";")[0].strip().lower()
    own = request.value(b"origin").decode("latin-1") == site.url(host)
    lines = (request.value(b"content-type"), request.value(b"referer"))
    fits = all(len(line) <= LONGEST_LINE for line in lines) and fits_a_sign_in(request.target)
    plain = kind in ENCODINGS and not request.values(b"content-encoding")
    sent = request.method == "POST" and is_top_level(request) and not is_word(site, request, host)
    return sent and own and plain and fits


def _lapsed(site: Site, request: Request, app: App) -> Steps[tuple[str, str] | None]:
    """The user and the session whose tokens a request brings that have run out: of one of each, or nobody's."""
    found: set[tuple[str, str]] = set()
    for value in cookies.values(request.values(b"cookie"), cookies.APP_TOKEN):
        try:
            checked = token.verify(
                value, site.keys.verifying, issuer=site.issuer, audience=app.aud, now=request.at, ended_too=True
            )
        except token.TokenError:
            continue
        over = request.at >= checked.expires
        session = yield from site.forms.lapsed(checked.nonce, request.at, of_idleness_alone=not over)
        if session is None:
            return None
        found.add((checked.subject, session))
    return found.pop() if len(found) == 1 else None


@dataclass(slots=True)
class Upload:
    """One form on its way into the store."""

    site: Site
    request: Request
    app: App
    host: str
    user: str  # whose it is
    place: Place
    size: int = field(default=0, init=False)
    pieces: int = field(default=0, init=False)

    def take(self, piece: bytes) -> Steps[Answer | None]:
        """Write a piece away."""
        self.size += len(piece)
        self.pieces += 1
        try:
            yield from self.site.forms.write(self.place, self.pieces, piece)
        except StoreError:
            return (yield from self._failed())
        return None

    def whole(self, rest: bytes) -> Steps[Answer]:
        """The last of it is here: note what is known of the form, and send its sender to sign in."""
        failed = (yield from self.take(rest)) if rest else None
        if failed:
            return failed
        request = self.request
        head = Head(
            content_type=request.value(b"content-type").decode("latin-1"),
            referer=request.value(b"referer").decode("latin-1"), at=request.at, size=self.size, pieces=self.pieces,
        )  # fmt: skip
        try:
            yield from self.site.forms.finish(self.place, head)
        except StoreError:
            return (yield from self._failed())
        return self._kept()

    def broke_off(self) -> Steps[None]:
        """Leave nothing of a form that is not whole."""
        yield from self.site.forms.forget(self.place, self.request.at)

    def _failed(self) -> Steps[Answer]:
        with suppress(StoreError):
            yield from self.broke_off()
        return _not_kept(self.site, self.request, self.app, self.host, "form_not_written")

    def _kept(self) -> Answer:
        site, request = self.site, self.request
        event = answers.told(
            Action.UNAUTHENTICATED, request, site, allowed=False, status=303, app=self.app.name, app_domain=self.host,
            app_aud=self.app.aud, user_id=self.user, reason="form_kept",
        )  # fmt: skip
        ticket = Ticket(self.place, self.user, self.app.aud, self.host, digest(request.target))
        url = site.url(self.host, request.target)
        return answers.redirect(request, url, [ticket.set_cookie(site, request.at)], (event,), status=303)


def _not_kept(site: Site, request: Request, app: App, host: str, code: str) -> Answer:
    event = answers.told(
        Action.UNAUTHENTICATED, request, site, allowed=False, app=app.name, app_domain=host, app_aud=app.aud,
        reason=code,
    )  # fmt: skip
    headers = answers.access_headers(app, host)
    return answers.standard(
        request, code, headers=headers, event=event, action=("Sign in", site.url(host, app.here.root))
    )
