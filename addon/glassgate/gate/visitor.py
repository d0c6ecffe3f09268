"""Who asks: a person's browser on its way to a page, or a program that could do nothing with a redirect."""

from glassgate.access.app import Unauthenticated
from glassgate.gate.exchange import Request

READING = frozenset({"GET", "HEAD"})


def is_websocket(request: Request) -> bool:
    """Whether the request asks for a WebSocket (RFC 6455 section 4.1)."""
    return request.value(b"upgrade").strip().lower() == b"websocket"


def is_navigation(request: Request) -> bool:
    """Whether a person waits for a page, so that a redirect to a sign-in makes sense.

    Fetch metadata decides where it is sent; elsewhere a reader that takes HTML. A HEAD without either is a client
    that looks where it would be sent.
    """
    if is_websocket(request) or request.values(b"x-requested-with"):
        return False
    mode = request.value(b"sec-fetch-mode")
    if mode:
        return mode == b"navigate"
    if request.method == "HEAD" and not request.values(b"accept"):
        return True
    takes_html = any(b"text/html" in accept.lower() for accept in request.values(b"accept"))
    return request.method in READING and takes_html


def is_top_level(request: Request) -> bool:
    """Whether this is a person's own step in a tab, not a frame, an image or a script (Fetch Metadata), nor a page
    that a browser fetches before anybody asked for it."""
    ahead = request.values(b"sec-purpose") or request.values(b"purpose")
    return is_navigation(request) and not ahead and request.value(b"sec-fetch-dest") in (b"", b"document")


def gets_redirect(request: Request, wish: Unauthenticated) -> bool:
    """Whether this visitor without a session is redirected to sign in (else: 401), as the app wishes."""
    if wish is Unauthenticated.AUTO:
        return is_navigation(request)
    # XMLHttpRequest follows a redirect to another host into a wall: who says so is told instead, as Cloudflare does.
    script = request.value(b"x-requested-with").lower() == b"xmlhttprequest"
    return wish is Unauthenticated.REDIRECT and not script and not is_websocket(request)
