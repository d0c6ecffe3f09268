"""The wiki: a few pages about sessions at the edge, each of which shows what its own request carried."""

from dataclasses import dataclass
from datetime import UTC, datetime

from glassgate.lab.origins.assertion import HEADER
from glassgate.lab.origins.handlers import Origin, Page, shown_headers

LONGEST_QUERY = 200  # characters of what is looked for


@dataclass(frozen=True, slots=True)
class Article:
    """A page: its address, its template, and the words by which a search finds it."""

    path: str
    template: str
    title: str
    about: str


ARTICLES = (
    Article("/", "wiki_home.html", "Sessions at the edge", "what the gate did with this request, step by step"),
    Article("/cookie", "wiki_cookie.html", "The session cookie", "what it holds, who may read it, when it ends"),
    Article("/assertion", "wiki_assertion.html", "The assertion", "how this wiki knows who you are, and trusts nobody"),
    Article("/journey", "wiki_journey.html", "The journey of a sign-in", "every redirect between you and this page"),
)


class WikiPage(Page):
    """A page of the wiki, with the panel of its own request."""

    def read(self, template: str, **values: object) -> None:
        """Show a page."""
        self.show(
            template,
            articles=ARTICLES,
            here=self.request.path,
            target=self.request.uri,
            method=self.request.method,
            headers=shown_headers(self.request.headers),
            assertion=self.request.headers.get(HEADER, ""),
            claims=[(name, _readable(name, value)) for name, value in self.checked.claims.items()],
            **values,
        )


class Reader(WikiPage):
    """An article."""

    def initialize(self, origin: Origin, article: Article = ARTICLES[0]) -> None:
        """Take the article."""
        super().initialize(origin)
        self._article = article

    def get(self) -> None:
        """Show it."""
        self.read(self._article.template, title=self._article.title)


class Search(WikiPage):
    """`/search?q=`: the articles that have a word, and the query as it arrived."""

    def get(self) -> None:
        """Look for it."""
        query = self.get_query_argument("q", "")[:LONGEST_QUERY]
        words = query.lower().split()
        found = [one for one in ARTICLES if words and all(word in f"{one.title} {one.about}".lower() for word in words)]
        self.read("wiki_search.html", title="Search", query=query, found=found)


def _readable(name: str, value: object) -> str:
    if name in ("exp", "iat", "nbf") and isinstance(value, int) and 0 <= value < 1 << 33:
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value) or "(empty)"
