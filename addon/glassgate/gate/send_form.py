"""A form that was kept goes on: once, to the address it was sent to, when its sender says so.

The sign-in leads back to that address. Whoever comes there by GET meets a page that asks: send it now? Its button
posts to where it stands, so that the application's answer stands where it would have stood (a page's relative links
go by it). That POST is judged like any request, by the session's new token, and only then is the body put in that
the browser does not have any more.

The word to send it is the key in the browser's cookie, and an empty POST of an encoding (text/plain) that forms do
not have by themselves. It never goes on without a form: a page that is loaded again later would save an empty one.
The form is its sender's alone: to anybody else who signs in on this browser it is not shown, and it is forgotten.

Where the application cannot be reached the form waits on. Where it can, nobody knows how much of it arrived, so that
it is not sent again.
"""

from dataclasses import dataclass, replace
from functools import partial

from glassgate.access import pages
from glassgate.access.app import App
from glassgate.access.messages import MESSAGES
from glassgate.gate import answers, hand_off
from glassgate.gate.exchange import Answer, Fields, Forward, Request, Steps
from glassgate.gate.form_ticket import Ticket, is_word, tickets
from glassgate.gate.keep_form import FORM_PATH
from glassgate.gate.kept_forms import Head, KeptForms, Place
from glassgate.gate.site import Site
from glassgate.gate.visitor import is_top_level
from glassgate.record.events import Event

REPLACED = frozenset((b"content-type", b"content-length", b"transfer-encoding", b"referer"))


@dataclass(frozen=True, slots=True)
class Sending:
    """A form on its way to its origin."""

    forms: KeptForms
    place: Place
    body: bytes

    def ended(self, now: float, *, sent: bool) -> Steps[None]:
        """Forget the form; or, where nothing of it was `sent`, let it wait on."""
        yield from (self.forms.forget if sent else self.forms.release)(self.place, now)


def sign_in_first(site: Site, request: Request, app: App, host: str) -> Answer | None:
    """What a browser without a session gets at the address of a form that it holds; None: it holds none.

    It is a page that goes on by itself. A redirect would be the form's own still, and browsers apply the `form-action`
    of the page that sent it to that, which may name the application alone (CSP 3 section 6.4.1).
    """
    if not _asks(request) or not _held(site, request, app, host):
        return None
    answer = hand_off.ask_to_sign_in(site, request, app, host)
    url = dict(answer.headers).get("Location")
    if url is None:
        return answer
    lines = [field for field in answer.headers if field[0] == "Set-Cookie"]
    events = tuple(replace(event, status=MESSAGES["form_kept"].status) for event in answer.events)
    headers = [*answers.access_headers(app, host), *lines, ("Refresh", f"0; url={url}")]
    return replace(answers.standard(request, "form_kept", headers=headers, action=("Sign in", url)), events=events)


def in_its_place(site: Site, request: Request, forward: Forward, host: str, user: str) -> Steps[Forward | Answer]:
    """What becomes of a request that was let in: a question, or the form, where one waits at its address."""
    says = is_word(site, request, host)
    if not says and not _asks(request):
        return forward
    for ticket in _held(site, request, forward.app, host):
        if ticket.user != user:
            yield from site.forms.forget(ticket.place, request.at)
            return _over(site, request, forward.app, host, "form_of_another", [ticket.clear_cookie()])
        head = yield from site.forms.head(ticket.place, request.at)
        if head is None:
            continue
        if not says:
            return _question(site, request, forward.app, host, ticket.place, head)
        body = yield from site.forms.body(ticket.place, head, request.at)
        if body is not None and (yield from site.forms.claim(ticket.place, request.at)):
            kept = Sending(site.forms, ticket.place, body)
            return replace(forward, headers=_as_it_was(forward.headers, head), kept=kept, told=partial(_told, forward))
    return _over(site, request, forward.app, host, "form_gone") if says else forward


def leave(site: Site, request: Request, host: str) -> Steps[Answer]:
    """`POST /cdn-cgi/access/form?id=…`: whoever holds a form does not want it to be sent."""
    if request.value(b"origin").decode("latin-1") != site.url(host):
        return answers.refused(request, site, "form_origin", "foreign_origin")
    named = request.fields().get("id", [""])[0]
    for app in site.apps.at(host):
        for ticket in tickets(site, request, app, host):
            if ticket.place.id == named:
                yield from site.forms.forget(ticket.place, request.at)
                home = site.url(host, app.here.root)
                return answers.redirect(request, home, [ticket.clear_cookie()], status=303)
    return answers.standard(request, "form_gone")


def _asks(request: Request) -> bool:
    return request.method == "GET" and is_top_level(request)


def _held(site: Site, request: Request, app: App, host: str) -> list[Ticket]:
    return [ticket for ticket in tickets(site, request, app, host) if ticket.is_for(request.target)]


def _question(site: Site, request: Request, app: App, host: str, place: Place, head: Head) -> Answer:
    html = pages.kept_form(
        app=app.name, address=site.url(host, request.path), size=head.size, at=head.at, until=place.until,
        action=site.url(host, request.target), leave=f"{FORM_PATH}?id={place.id}", ray=request.ray,
    )  # fmt: skip
    return answers.form_page(request, html)


def _as_it_was(headers: Fields, head: Head) -> Fields:
    """The request's headers, with those of the form that was kept; the body's length is that of what is sent."""
    kept = [field for field in headers if field[0].lower() not in REPLACED]
    kept += [(b"Content-Type", head.content_type.encode("latin-1")), (b"Content-Length", str(head.size).encode())]
    if head.referer:
        kept.append((b"Referer", head.referer.encode("latin-1")))
    return tuple(kept)


def _told(forward: Forward) -> Event:
    return replace(forward.told(), reason="form_sent")


def _over(site: Site, request: Request, app: App, host: str, code: str, headers: answers.Lines = ()) -> Answer:
    home = site.url(host, app.here.root)
    return answers.standard(request, code, headers=headers, action=("Open the application", home))
