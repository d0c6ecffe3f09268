"""What a program shows of itself: a service token, in two headers, or in one that an app names."""

from dataclasses import dataclass
from enum import StrEnum

from glassgate.access import facts, recorded
from glassgate.access.app import App
from glassgate.access.explain import fingerprint
from glassgate.access.policy import Verdict
from glassgate.access.service_token import CLIENT_ID, Credentials, ServiceToken, Standing
from glassgate.gate import answers
from glassgate.gate.exchange import Answer, Request, Steps
from glassgate.gate.site import Site
from glassgate.oidc.errors import Reason as Fault
from glassgate.oidc.errors import SignInError
from glassgate.oidc.strict_json import read_object
from glassgate.record.events import Action

ID, SECRET = b"cf-access-client-id", b"cf-access-client-secret"
LONGEST = 1024  # bytes of the header that holds both
INVALID = "service_token_invalid"


class Reason(StrEnum):
    """Why a service token does not count. The audit log says which; the visitor hears INVALID of the first three."""

    UNKNOWN = "service_token_unknown"
    EXPIRED = "service_token_expired"
    WRONG = "service_token_wrong_secret"
    MALFORMED = "service_token_malformed"


ALIKE = (Reason.UNKNOWN, Reason.EXPIRED, Reason.WRONG)
MESSAGES = {
    INVALID: "There is no such service token, it has expired, or its secret is another one.",
    Reason.MALFORMED: "A service token takes its id and its secret, each once, and in one form alone.",
}


class MachineError(Exception):
    """A service token was shown that does not count."""

    def __init__(self, reason: Reason, client_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.client_id = client_id


@dataclass(frozen=True, slots=True)
class Program:
    """Who asks, where it is a program: its service token, or why that does not count.

    `header` is the one header that held it, in lower case: it goes no further.
    """

    token: ServiceToken | MachineError
    header: bytes = b""

    @property
    def fact(self) -> facts.ServiceToken | None:
        """What policies may ask of it; nothing, where the token does not count."""
        if isinstance(self.token, MachineError):
            return None
        return facts.ServiceToken(self.token.client_id, self.token.name)


def shown(request: Request, app: App) -> Credentials | None:
    """The service token that a request brings, or None.

    Raises MachineError where it says more than one thing, or half of one (Cloudflare Access's strict mode).
    """
    ids, secrets = request.values(ID), request.values(SECRET)
    single = _single(request, app)
    if not ids and not secrets and not single:
        return None
    if single:
        if ids or secrets or len(single) > 1:
            raise MachineError(Reason.MALFORMED)
        return _in_one(single[0])
    if len(ids) != 1 or len(secrets) != 1:
        raise MachineError(Reason.MALFORMED)
    return _credentials(ids[0].decode("latin-1"), secrets[0].decode("latin-1"))


def _single(request: Request, app: App) -> list[bytes]:
    """What the one header holds that an app names: JSON, or it is something else, and the origin's."""
    return [value for value in request.values(app.service_token_header) if value.lstrip().startswith(b"{")]


def _in_one(value: bytes) -> Credentials:
    """Both in one header, as JSON."""
    if len(value) > LONGEST:
        raise MachineError(Reason.MALFORMED)
    try:
        said = read_object(value, Fault.CALLBACK_MALFORMED)
    except SignInError as fault:
        raise MachineError(Reason.MALFORMED) from fault
    parts = {name.lower().encode(): part for name, part in said.items()}
    client_id, secret = parts.get(ID), parts.get(SECRET)
    if len(parts) != len(said) or not isinstance(client_id, str) or not isinstance(secret, str):
        raise MachineError(Reason.MALFORMED)
    return _credentials(client_id, secret)


def _credentials(client_id: str, secret: str) -> Credentials:
    client_id, secret = client_id.strip(" \t"), secret.strip(" \t")
    if not client_id or not secret:
        raise MachineError(Reason.MALFORMED)
    return Credentials(client_id, secret)


def shows(request: Request, app: App) -> bool:
    """Whether a request says of itself that it is a program's."""
    return bool(request.values(ID) or request.values(SECRET) or _single(request, app))


def recognised(site: Site, request: Request, app: App, now: float) -> Steps[Program | None]:
    """Which program asks, now; None where the request shows no service token."""
    header = app.service_token_header if _single(request, app) else b""
    try:
        brought = shown(request, app)
        return Program((yield from known(site, brought, now)), header) if brought else None
    except MachineError as fault:
        return Program(fault, header)


def known(site: Site, brought: Credentials, now: float) -> Steps[ServiceToken]:
    """The service token whose secret was shown, and holds now. Raises MachineError."""
    client_id = brought.client_id
    if not CLIENT_ID.fullmatch(client_id):
        # Whatever it is, it is not told: it may be a secret in the wrong place.
        raise MachineError(Reason.UNKNOWN)
    token, standing = yield from site.service_tokens.checked(brought, now)
    if token is None:
        raise MachineError(Reason.UNKNOWN, client_id)
    if standing is not Standing.GOOD:
        raise MachineError(Reason.EXPIRED if standing is Standing.EXPIRED else Reason.WRONG, client_id)
    return token


def refused(site: Site, request: Request, app: App, host: str, fault: MachineError) -> Answer:
    """401, whatever else the request brings: no redirect, no cookie, and nothing about which ids there are."""
    event = answers.told(
        Action.UNAUTHENTICATED, request, site, allowed=False, status=401, app=app.name, app_domain=host,
        app_aud=app.aud, reason=fault.reason, details=(f"client id {fault.client_id}",) if fault.client_id else (),
    )  # fmt: skip
    reason = INVALID if fault.reason in ALIKE else str(fault.reason)
    said = {"error": "unauthenticated", "reason": reason, "message": MESSAGES[reason], "id": request.ray}
    return answers.data(request, 401, said, answers.access_headers(app, host), (event,))


def denied(site: Site, request: Request, app: App, host: str, judged: facts.Facts, verdict: Verdict) -> Answer:
    """403: known, and no policy lets this program in here."""
    shown = (f"client id {judged.service_token.client_id}",) if judged.service_token else ()
    event = answers.told(
        Action.DENIED, request, site, allowed=False, status=403, app=app.name, app_domain=host, app_aud=app.aud,
        reason="service_token_not_allowed", details=(*shown, *verdict.reasons),
        facts=recorded.told(judged, app.policies), rules=fingerprint(app.policies),
    )  # fmt: skip
    said = {
        "error": "denied",
        "reason": "service_token_not_allowed",
        "message": "The service token counts, and no policy of this application lets it in.",
        "id": request.ray,
    }
    return answers.data(request, 403, said, answers.access_headers(app, host), (event,))
