"""A page of an operator's own for whoever an app keeps out: HTML with a few names in it, checked when it is read."""

from collections.abc import Mapping
from html.parser import HTMLParser

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from glassgate.errors import GlassgateError

LARGEST = 64 * 1024  # bytes
# What it may name, each a text that may be empty, with an example.
NAMES: Mapping[str, str] = {
    "app": "payroll",
    "reason": "No policy of this application lets you in.",
    "message": "Ask the service desk.",
    "name": "Alice Ahlberg",
    "email": "alice@contoso.example",
    "id": "8f3a1c9be2d04b7a",
    "again_url": "https://payroll.example.com/",
    "logout_url": "https://team.example.com/cdn-cgi/access/logout",
    "refresh_url": "https://team.example.com/cdn-cgi/access/refresh-identity",
    "home_url": "https://team.example.com/",
}
# Styles stand in the page, pictures may come from elsewhere, and nothing acts: the page is shown at the app's own host.
CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_IDLE = frozenset(("base", "embed", "form", "frame", "iframe", "object", "script"))
_MEND = "leave it out: styles stand in the page itself, and pictures may come by https"
_OWN = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)


class BlockPage:
    """A page that was checked."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def shown(self, **said: str) -> str:
        """The page with the values of NAMES, which are made harmless."""
        # Half a surrogate pair, which JSON lets a name hold, cannot be sent: it becomes a question mark.
        return self._template.render(said).encode("utf-8", "replace").decode()


def checked(content: bytes) -> BlockPage:
    """The page in these bytes. Raises GlassgateError, with the mend."""
    if len(content) > LARGEST:
        raise GlassgateError(f"the page is larger than {LARGEST // 1024} KiB", mend="keep its pictures elsewhere")
    try:
        page = BlockPage(_OWN.from_string(content.decode()))
        # What somebody has no name or e-mail for must not break it.
        for said in (NAMES, dict.fromkeys(NAMES, "")):
            _Look().feed(page.shown(**said))
    except UnicodeDecodeError:
        raise GlassgateError("the page is no text in UTF-8", mend="save it as UTF-8") from None
    except TemplateError as fault:
        known = ", ".join(NAMES)
        raise GlassgateError(f"the page cannot be made: {fault.message}", mend=f"it may name {known}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as fault:
        what = f"the page cannot be made for everybody: {fault}"
        raise GlassgateError(what, mend="it stands alone, and each name is a text that may be empty") from None
    return page


class _Look(HTMLParser):
    """What stands in a page. Raises GlassgateError at what no browser would do there."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _IDLE or (tag == "link" and "stylesheet" in given.get("rel", "").lower()):
            raise GlassgateError(f"the page holds `<{tag}>`, which does nothing there", mend=_MEND)
        for name in given:
            if name.startswith("on"):
                raise GlassgateError(f"the page holds `{name}`, which does nothing there", mend=_MEND)
