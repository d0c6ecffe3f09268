"""The cookie by which one browser holds a form that is kept: where it is, the key to it, and whose it is.

And the word to send it, which is nothing without that cookie.
"""

import hmac
from dataclasses import dataclass

from glassgate.access import cookies
from glassgate.access.app import App
from glassgate.access.seal import Purpose, SealError
from glassgate.access.session import digest
from glassgate.gate.exchange import Request
from glassgate.gate.kept_forms import LIFETIME, Place
from glassgate.gate.site import Site
from glassgate.gate.visitor import is_top_level


@dataclass(frozen=True, slots=True)
class Ticket:
    """One form of one user, sent to one address of one app."""

    place: Place
    user: str
    audience: str
    host: str
    address: str  # digest of the target

    def is_for(self, target: str) -> bool:
        """Whether this is where it was sent to."""
        return hmac.compare_digest(self.address, digest(target))

    def set_cookie(self, site: Site, now: float) -> tuple[str, str]:
        """The header that gives it to the browser."""
        place = self.place
        carried = {
            "i": place.id, "k": place.key, "s": place.slots, "e": place.until, "u": self.user, "a": self.audience,
            "h": self.host, "t": self.address,
        }  # fmt: skip
        sealed = site.seal.close(Purpose.FORM, carried, now)
        return "Set-Cookie", cookies.set_form(place.id, sealed, place.until)

    def clear_cookie(self) -> tuple[str, str]:
        """The header that takes it from the browser."""
        return "Set-Cookie", cookies.clear(cookies.FORM + self.place.id)


def is_word(site: Site, request: Request, host: str) -> bool:
    """Whether it is the POST of the page that asks for it: none of a browser's others is like it."""
    if request.method != "POST" or not is_top_level(request):
        return False
    empty = request.value(b"content-length") in (b"", b"0") and not request.values(b"transfer-encoding")
    own = request.value(b"origin").decode("latin-1") == site.url(host)
    return empty and own and request.value(b"content-type").partition(b";")[0].strip().lower() == b"text/plain"


def tickets(site: Site, request: Request, app: App, host: str) -> list[Ticket]:
    """Those that a request brings of this app and host and that have not ended, at most MAX_TOKENS."""
    found: list[Ticket] = []
    for name, sealed in cookies.read(request.values(b"cookie"), cookies.FORM)[: cookies.MAX_SIGN_INS]:
        try:
            said = site.seal.open(Purpose.FORM, sealed, request.at, LIFETIME)
        except SealError:
            continue
        if (name, said["a"], said["h"]) == (cookies.FORM + said["i"], app.aud, host) and request.at < said["e"]:
            place = Place(said["i"], said["k"], tuple(said["s"]), said["e"])
            found.append(Ticket(place, said["u"], said["a"], said["h"], said["t"]))
    return found[: cookies.MAX_TOKENS]
