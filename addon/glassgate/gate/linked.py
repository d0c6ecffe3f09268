"""Another app's token in `Cf-Access-Token`: it opens this app where a policy for programs links the two."""

from dataclasses import dataclass

from glassgate.access import token
from glassgate.access.app import App
from glassgate.access.cookies import MAX_TOKENS
from glassgate.access.session import Session
from glassgate.gate.credentials import behind, verify
from glassgate.gate.exchange import Request, Steps
from glassgate.gate.site import Site

LIFETIME = 300  # seconds of what the origin is told; each request has its own


@dataclass(frozen=True, slots=True)
class Linked:
    """Of which apps live tokens came (their AUD tags), and whose they are."""

    apps: frozenset[str] = frozenset()
    session: Session | None = None


NOTHING = Linked()


def linked(site: Site, request: Request, app: App, now: float) -> Steps[Linked]:
    """The apps that this one's policies name whose live tokens came. Tokens of two sessions speak for nobody."""
    apps: set[str] = set()
    sessions: dict[str, Session] = {}
    sent = [value.decode("latin-1") for value in request.values(b"cf-access-token")[:MAX_TOKENS]]
    for other in _others(site, app) if sent else ():
        for text in sent:
            try:
                checked = verify(site, other, text, now)
            except token.TokenError:
                continue
            granted = yield from behind(site, request, other, checked, now)
            if not isinstance(granted, str):
                apps.add(other.aud)
                sessions[granted.session.id] = granted.session
    return Linked(frozenset(apps), next(iter(sessions.values()))) if len(sessions) == 1 else NOTHING


def _others(site: Site, app: App) -> list[App]:
    return list({one.aud: one for one in site.apps.values() if one.aud in app.linked}.values())


def assertion(site: Site, app: App, session: Session, now: float) -> str:
    """What the origin is told of the person behind another app's token. At the gate it opens nothing: no grant
    stands behind it."""
    identity = session.identity
    return token.mint(
        site.keys.signing, issuer=site.issuer, audience=app.aud, subject=identity.user_id, email=identity.email,
        nonce=site.chance(16), now=now, expires=min(session.expires, now + LIFETIME),
    )  # fmt: skip
