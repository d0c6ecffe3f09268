"""The pages that people see at the gate: values in, HTML out; one style sheet, nothing from elsewhere."""

import base64
import hashlib
import re
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from glassgate.access.messages import MESSAGES

_PAGES = Environment(
    loader=PackageLoader("glassgate.access"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)

# Read when the gate starts, so that a file that is missing or broken stops the start and no visitor.
_STYLE = _PAGES.get_template("style.css").render()
_SCRIPT = _PAGES.get_template("launcher.js").render()
_TEMPLATES = {
    name: _PAGES.get_template(f"{name}.html")
    for name in (
        *("choose", "denied", "going_on", "kept_form", "launcher", "message"),
        *("program", "refused", "signed_out", "signed_out_elsewhere"),
    )
}

# What is marked in our own texts: a `name` of the configuration, and an address.
_MARKED = re.compile(r"`([^`]+)`|(https://[^\s()]*[^\s().,:;])")


# Content Security Policy Level 3. The style sheet, and the launcher's script, stand in the page and are named by their
# digests; `data:` is for the icon. A page that posts a form to end elsewhere is sent without form-action, which
# browsers apply to every redirect that follows the POST.
def csp(frame_ancestors: str = "'none'", form_action: str | None = "'none'", *, launcher: bool = False) -> str:
    """The policy of a page; `frame_ancestors` is who may frame it, an origin, `form_action` where its forms may go.

    The launcher has a script, logos, and forms that stay at home.
    """
    own = [f"script-src '{_digest(_SCRIPT)}'", "img-src 'self' data:"] if launcher else ["img-src data:"]
    forms = [f"form-action {"'self'" if launcher else form_action}"] if launcher or form_action else []
    said = ["default-src 'none'", f"style-src '{_digest(_STYLE)}'", *own, "base-uri 'none'", *forms]
    return "; ".join([*said, f"frame-ancestors {frame_ancestors}"])


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


CSP = csp()
LAUNCHER_CSP = csp(launcher=True)


def message(
    code: str, *, ray: str, facts: tuple[tuple[str, str], ...] = (), action: tuple[str, str] | None = None
) -> str:
    """One of MESSAGES. `facts` are names and values for whoever has to mend it; `action` a label and an address."""
    return render("message", ray, said=MESSAGES[code], facts=facts, action=action)


def denied(
    *,
    app: str,
    email: str | None,
    name: str,
    reason: str,
    details: tuple[str, ...],
    text: str,
    ray: str,
    again_url: str,
    logout_url: str,
    refresh_url: str,
    home_url: str,
) -> str:
    """403: signed in, and not allowed. `details` are the rules that were asked, each ending in ": " and its answer.

    `text` is what the operator has to say to whoever is kept out of this app, or "".
    """
    return render(
        "denied",
        ray,
        app=app,
        email=email,
        name=name,
        reason=reason,
        text=_with_marks(text),
        again_url=again_url,
        answers=[line.rpartition(": ")[::2] for line in details],
        logout_url=logout_url,
        refresh_url=refresh_url,
        home_url=home_url,
    )


def refused(
    *,
    status: int,
    title: str,
    what: str,
    whose_move: str,
    mend: str,
    hand_on: bool,
    facts: tuple[tuple[str, str], ...],
    words: str,
    action: tuple[str, str],
    ray: str,
) -> str:
    """The identity provider said no. `title` to `mend` are ours, `facts` and `words` the provider's own.

    `hand_on`: the mend is for somebody else than the reader, so that the page asks to be handed on.
    """
    return render(
        "refused",
        ray,
        status=status,
        title=title,
        what=what,
        whose_move=whose_move,
        mend=_with_marks(mend),
        hand_on=hand_on,
        facts=facts,
        words=words,
        action=action,
    )


def kept_form(*, app: str, address: str, size: int, at: float, until: float, action: str, leave: str, ray: str) -> str:
    """The page that asks whether to send a form that was kept: `size` is bytes, times are Unix seconds.

    `action` and `leave` are where its two buttons post to.
    """
    sent, ends = (datetime.fromtimestamp(time, UTC).strftime("%H:%M UTC") for time in (at, until))
    return render(
        "kept_form", ray, app=app, address=address, size=size, sent=sent, ends=ends, action=action, leave=leave
    )


def program(*, app: str, address: str, who: str, words: str, port: int, meta: str, action: str, ray: str) -> str:
    """The question whether a program may have a token: `who` gives it, `words` is the code that its terminal shows."""
    return render(
        "program", ray, app=app, address=address, who=who, words=words, port=port, meta=meta, action=action
    )  # fmt: skip


def going_on(*, url: str, ray: str) -> str:
    """A sign-in has ended, and the browser goes on from this page of the application's own host."""
    return render("going_on", ray, url=url)


def signed_out(*, ray: str, again_url: str | None) -> str:
    """The end of a session."""
    return render("signed_out", ray, again_url=again_url)


def _with_marks(text: str) -> Markup:
    plain, *marked = _MARKED.split(text)
    shown = Markup.escape(plain)
    for name, address, after in zip(marked[::3], marked[1::3], marked[2::3], strict=True):
        mark = Markup("<code>{}</code>").format(name) if name else Markup('<a href="{0}">{0}</a>').format(address)
        shown += mark + after
    return shown


def render(template: str, ray: str, **values: object) -> str:
    """A page from one of our templates."""
    html = _TEMPLATES[template].render(ray=ray, style=Markup(_STYLE), script=Markup(_SCRIPT), **values)  # noqa: S704 (our own file)
    # Half a surrogate pair, which JSON lets a name hold, cannot be sent: it becomes a question mark.
    return html.encode("utf-8", "replace").decode()
