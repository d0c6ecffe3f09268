"""What each kind of sample origin serves: a table of paths."""

from pathlib import Path
from typing import Any

from tornado.web import RequestHandler

from glassgate.lab.origins import payroll, wiki
from glassgate.lab.origins.handlers import Asset, Download, Echo, WhoAmI

PAGES = Path(__file__).parent / "pages"

type Route = tuple[str, type[RequestHandler], dict[str, Any]]


def _asset(name: str, media_type: str) -> Route:
    return (f"/{name}", Asset, {"content": (PAGES / name).read_bytes(), "media_type": media_type})


# What every origin has, for programs to try the gate with.
COMMON: tuple[Route, ...] = (
    ("/api/whoami", WhoAmI, {}),
    ("/echo", Echo, {}),
    ("/download", Download, {}),
    _asset("style.css", "text/css; charset=utf-8"),
)
SITES: dict[str, tuple[Route, ...]] = {
    "wiki": (
        *COMMON,
        ("/search", wiki.Search, {}),
        *((article.path, wiki.Reader, {"article": article}) for article in wiki.ARTICLES),
    ),
    "payroll": (
        *COMMON,
        ("/", payroll.Overview, {}),
        ("/api/salaries", payroll.Salaries, {}),
        ("/ticks", payroll.Ticks, {}),
        _asset("ticker.js", "text/javascript; charset=utf-8"),
    ),
}
