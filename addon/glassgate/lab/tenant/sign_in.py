"""The sign-in: the authorization endpoint, and the pages that a person sees on the way through it."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request

from glassgate.access.seal import MAX_SEALED, SealError
from glassgate.lab.tenant import browser, pages
from glassgate.lab.tenant.authorize import Ask, Params, Reply, only, read_ask, read_client, read_reply, required
from glassgate.lab.tenant.cloud import FLOW_LIFETIME, Call, Sealed, Session
from glassgate.lab.tenant.directory import Person, proves
from glassgate.lab.tenant.errors import Report, TenantError, report
from glassgate.lab.tenant.grants import Grant, make_code
from glassgate.lab.tenant.on_command import TOLD_HERE, commanded
from glassgate.lab.tenant.scopes import described
from glassgate.lab.tenant.steps import (
    AskConsent,
    AskFactor,
    AskPassword,
    Outsider,
    PickAccount,
    Step,
    next_step,
    remember_consent,
)


def authorize(call: Call) -> Response:
    """The authorization endpoint (RFC 6749, 4.1.1; OpenID Connect Core 1.0, 3.1.2)."""
    params = params_of(request.form if request.method == "POST" else request.args)
    client = read_client(params, call)
    fault = call.cloud.switchboard.happens(call.switches.aadsts(at_token=False), call.now)
    if fault:
        no = commanded(call, fault, params)
        if no.code in TOLD_HERE:
            raise no
        return _back(call, read_reply(params), no)
    try:
        ask = read_ask(params, client, call)
        step = next_step(call, ask, browser.session_of(call, request.cookies))
    except TenantError as no:
        return _back(call, read_reply(params), no)
    return _show(call, ask, step)


def login(call: Call) -> Response:
    """The sign-in form: `loginfmt` and `passwd`, and the sealed request in `ctx`."""
    form = params_of(request.form)
    flow = _flow(call, form, "password")
    ask = Ask.from_json(flow["ask"])
    name, password = only(form, "loginfmt") or "", only(form, "passwd") or ""
    account = call.account(name, "" if "@" in name else ask.domain_hint)
    if account is None or not proves(account, password):
        wrong = report(TenantError(50126), call.now) if password else None
        return _show(call, ask, AskPassword(name), wrong=wrong, ended=flow["mark"])
    try:
        call.check_standing(account, call.now)
    except TenantError as no:
        return _show(call, ask, AskPassword(name), wrong=report(no, call.now), ended=flow["mark"])
    session = Session(secrets.token_hex(16), account.tid, account.oid, call.now)
    return _go_on(call, ask, session, flow["mark"])


def pick(call: Call) -> Response:
    """The account picker: `pick` says whether who is signed in goes on, or somebody else shall sign in."""
    form = params_of(request.form)
    flow = _flow(call, form, "pick")
    ask = Ask.from_json(flow["ask"])
    session = browser.session_of(call, request.cookies)
    if only(form, "pick") != "this" or session is None or _who(session) != flow["who"]:
        return _show(call, ask, AskPassword(""), ended=flow["mark"])
    return _go_on(call, ask, session, flow["mark"])


def factor(call: Call) -> Response:
    """The second factor's form: `otc`, the code that the page itself tells, as there is no telephone here."""
    return _of_person(call, "factor", _factor)


def consent(call: Call) -> Response:
    """The consent page: `consent` is "yes", or the application is told that it was declined."""
    return _of_person(call, "consent", _consent)


def params_of(values: Any) -> Params:
    """Parameters as they came, each with all its values."""
    return dict(values.lists())


@dataclass(frozen=True, slots=True)
class _Filled:
    """A form that was made for somebody who is still there."""

    form: Params
    flow: dict[str, Any]
    ask: Ask
    session: Session
    person: Person


def _of_person(call: Call, stage: str, go_on: Callable[[Call, _Filled], Response]) -> Response:
    """Read a form that was made for one person; where they are gone, somebody has to sign in."""
    form = params_of(request.form)
    flow = _flow(call, form, stage)
    ask = Ask.from_json(flow["ask"])
    session, person = _still_there(call, flow)
    if session is None or person is None:
        return _show(call, ask, AskPassword(flow["username"]), ended=flow["mark"])
    return go_on(call, _Filled(form, flow, ask, session, person))


def _factor(call: Call, filled: _Filled) -> Response:
    otc = (only(filled.form, "otc") or "").replace(" ", "")
    mark = filled.flow["mark"]
    if not hmac.compare_digest(otc.encode(), str(filled.flow["otc"]).encode()):
        return _show(call, filled.ask, AskFactor(filled.person), wrong=True, ended=mark)
    return _go_on(call, filled.ask, replace(filled.session, mfa=True), mark)


def _consent(call: Call, filled: _Filled) -> Response:
    mark = filled.flow["mark"]
    if only(filled.form, "consent") != "yes":
        response = _back(call, filled.ask.reply, TenantError(65004))
        browser.end_flow(response, mark)
        return response
    remember_consent(call, filled.ask, filled.person)
    return _go_on(call, filled.ask, filled.session, mark, consented=True)


def _flow(call: Call, form: Params, stage: str) -> dict[str, Any]:
    """Open a form's `ctx`, of this stage, made for this browser."""
    try:
        flow = call.cloud.seal.open(Sealed.FLOW, required(form, "ctx", MAX_SEALED), call.now, FLOW_LIFETIME)
    except SealError as fault:
        raise TenantError(50089 if fault.expired else 165000) from fault
    if flow["stage"] != stage:
        raise TenantError(165000)
    browser.check_flow(request.cookies, flow["mark"])
    return flow


def _still_there(call: Call, flow: dict[str, Any]) -> tuple[Session | None, Person | None]:
    """Who a page was made for, unless they signed out, or in as somebody else, in another tab."""
    session = browser.session_of(call, request.cookies)
    if session is None or _who(session) != flow["who"]:
        return None, None
    account = call.cloud.tenants.person(session.tid, session.oid)
    return session, call.resident(account) if account else None


def _who(session: Session | None) -> list[str]:
    return [session.tid, session.oid] if session else []


def _go_on(call: Call, ask: Ask, session: Session, mark: str, *, consented: bool = False) -> Response:
    """Keep the session that was just proven, and take the next step."""
    try:
        step = next_step(call, ask, session, asked_anew=True, consented=consented)
        response = _show(call, ask, step, session=session, ended=mark)
    except TenantError as no:
        response = _back(call, ask.reply, no)
        browser.end_flow(response, mark)
    browser.keep_session(call, response, session)
    return response


def _show(
    call: Call, ask: Ask, step: Step, *, session: Session | None = None, wrong: Any = None, ended: str = ""
) -> Response:
    """The page, or the answer, of a step. `wrong`: why the last attempt failed; `ended`: its page."""
    session = session or browser.session_of(call, request.cookies)
    begin = _Pages(call, ask, _who(session))
    match step:
        case Grant():
            response = _answer(call, ask, step)
        case AskPassword(name):
            response = begin.sign_in(name, wrong)
        case PickAccount(account):
            response = begin.picker(account)
        case AskFactor(person):
            response = begin.factor(person, wrong)
        case AskConsent(person):
            response = begin.consent(person)
        case Outsider(account, no):
            response = begin.outsider(account, no)
    if ended:
        browser.end_flow(response, ended)
    return response


def _answer(call: Call, ask: Ask, grant: Grant) -> Response:
    browser.opened(call, grant.sid, grant.client_id)
    return pages.reply_with(ask.reply, {"code": make_code(call, ask, grant), "session_state": grant.sid})


def _back(call: Call, reply: Reply, no: TenantError) -> Response:
    return pages.reply_with(reply, {**report(no, call.now).at_sign_in()})


class _Pages:
    """The pages of one sign-in: each has a form, with the request sealed in it for this browser."""

    def __init__(self, call: Call, ask: Ask, who: list[str]) -> None:
        self._call, self._ask, self._who = call, ask, who

    def sign_in(self, name: str, wrong: Report | None) -> Response:
        """Name and password."""
        first = "name" if not name or name.startswith("@") else "password"
        return self._page("sign_in.html", "password", "login", name=name, wrong=wrong, first=first)

    def picker(self, account: Person) -> Response:
        """Who is signed in, or somebody else."""
        return self._page("pick.html", "pick", "login/pick", account=account)

    def outsider(self, account: Person, no: TenantError) -> Response:
        """Nobody of this tenant: somebody else may be."""
        return self._page("outsider.html", "pick", "login/pick", account=account, report=report(no, self._call.now))

    def factor(self, person: Person, wrong: Any) -> Response:
        """The second factor."""
        otc = f"{secrets.randbelow(1_000_000):06}"
        kept = {"otc": otc, "username": person.username}
        return self._page("factor.html", "factor", "login/factor", kept, person=person, otc=otc, wrong=wrong)

    def consent(self, person: Person) -> Response:
        """What the application may do."""
        kept = {"username": person.username}
        allowed = described(self._ask.scopes)
        return self._page("consent.html", "consent", "login/consent", kept, person=person, allowed=allowed)

    def _page(
        self, template: str, stage: str, path: str, kept: dict[str, Any] | None = None, **values: Any
    ) -> Response:
        response = Response()
        mark = browser.begin_flow(response, request.cookies)
        flow = {"stage": stage, "mark": mark, "ask": self._ask.to_json(), "who": self._who, **(kept or {})}
        return pages.fill(
            response,
            template,
            action=f"/{self._call.authority.name}/{path}",
            ctx=self._call.cloud.seal.close(Sealed.FLOW, flow, self._call.now),
            client=self._call.client(self._ask.client_id),
            host=urlsplit(self._ask.redirect_uri).netloc,
            **values,
        )


FORMS: dict[str, Callable[[Call], Response]] = {
    "login": login,
    "login/pick": pick,
    "login/factor": factor,
    "login/consent": consent,
}
