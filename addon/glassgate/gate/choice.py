"""With whom a visitor signs in: who may sign them in at all, and the page where they pick one of several."""

from urllib.parse import urlencode, urlsplit

from glassgate.access import cookies, launcher
from glassgate.access.app import App
from glassgate.access.launcher import Choice
from glassgate.gate import answers
from glassgate.gate.exchange import Answer, Request
from glassgate.gate.hand_off import Wish
from glassgate.gate.site import Site
from glassgate.oidc.provider import Provider

PICKED = "idp"  # the query field that names the provider that was picked
KEPT = ("kid", "redirect_url", "meta")  # the fields of a sign-in link, which go along


def picked(request: Request) -> str:
    """The provider that the visitor picked, or ""."""
    return request.fields().get(PICKED, [""])[0]


def offered(site: Site, app: App | None, pick: str) -> list[str]:
    """The providers that a sign-in may go to, for an app or the team domain itself: of what was picked, that alone.

    Where it is one, nothing is left to pick.
    """
    every = list(app.providers if app else site.parties)
    if pick:
        return [provider for provider in every if provider == pick]
    straight = app.goes_straight if app else len(every) == 1
    return every[:1] if straight else every


def is_open(request: Request, app: App, providers: list[str]) -> bool:
    """Whether the visitor has to pick one of them. There is a page even for one, where an app wants it."""
    return len(providers) > 1 or not (app.goes_straight or picked(request))


def page(site: Site, request: Request, wish: Wish, providers: list[str]) -> Answer:
    """The login page, where one of several providers is picked."""
    query = request.fields()
    kept = {name: query[name][0] for name in KEPT if name in query}
    last = cookies.values(request.values(b"cookie"), cookies.PROVIDER)
    choices = [
        Choice(
            party.provider.name or party.provider.id,
            _kind(party.provider),
            f"{request.path}?{urlencode(kept | {PICKED: party.provider.id})}",
            is_last=[party.provider.id] == last,
        )
        for party in (site.parties[provider] for provider in providers)
    ]
    app = wish.app.name if wish.app else None
    address = site.authority(wish.hostname)
    return answers.page(
        request, 200, launcher.choose_provider(app=app, address=address, choices=choices, ray=request.ray)
    )


def _kind(provider: Provider) -> str:
    if provider.type == "entra":
        return "Microsoft Entra ID"
    return urlsplit(provider.issuer or "").netloc
