"""Reads a user's groups from Microsoft Graph, for whom a token cannot hold them (Graph v1.0)."""

import json
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError, shown
from glassgate.oidc.http import Fetch, HttpRequest, HttpResponse
from glassgate.oidc.metadata import origin
from glassgate.oidc.strict_json import read_object

SCOPE = "User.Read"  # the one permission that all of it takes, delegated
PAGE = 999  # groups at a time: Graph's most
MAX_PAGES = 51  # 50,000 groups, and Entra's own bound lies below
CHECKED = 20  # groups that one call may ask about: Graph's most
MAX_CHECKS = 25
RETRIES = 2  # of one call, after a 429 or 503 that says when to come back
MAX_WAIT = 3.0  # seconds that it may ask us to wait
PATIENCE = 6.0  # seconds of waiting for all of a user's groups: a person waits too
MAX_ID = 64  # characters

MEMBER_OF = f"/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$count=true&$top={PAGE}"
CHECK = "/v1.0/me/checkMemberGroups"

type Wait = Callable[[float], None]  # seconds


class Graph:
    """One user's view of Microsoft Graph, at `base` ("https://graph.microsoft.com").

    Its methods raise ProviderUnavailable where another try may succeed, else SignInError: groups_unknown, graph_link.
    None of them ever says "no groups" of what could not be read.
    """

    def __init__(self, base: str, access_token: str, fetch: Fetch, wait: Wait) -> None:
        self._base = base
        self._headers = (("Authorization", f"Bearer {access_token}"), ("ConsistencyLevel", "eventual"))
        self._fetch = fetch
        self._wait = wait
        self._patience = PATIENCE

    def groups(self) -> frozenset[str]:
        """The ids of every group that the user is in, also by way of other groups."""
        found: set[str] = set()
        address: str | None = self._base + MEMBER_OF
        seen: set[str] = set()
        while address is not None:
            if address in seen or len(seen) >= MAX_PAGES:
                raise SignInError(Reason.GRAPH_LINK, f"expected at most {MAX_PAGES} pages of groups, each once")
            seen.add(address)
            page = self._asked(HttpRequest("GET", address, self._headers))
            found |= _ids(page.get("value"))
            address = self._next(page.get("@odata.nextLink"))
        return frozenset(found)

    def groups_among(self, asked: Iterable[str]) -> frozenset[str]:
        """Those of the groups asked for that the user is in."""
        wanted = sorted(set(asked))
        if len(wanted) > CHECKED * MAX_CHECKS:
            raise SignInError(Reason.GROUPS_UNKNOWN, f"policies name more than {CHECKED * MAX_CHECKS} groups")
        found: set[str] = set()
        for start in range(0, len(wanted), CHECKED):
            some = wanted[start : start + CHECKED]
            body = json.dumps({"groupIds": some}).encode()
            headers = (*self._headers, ("Content-Type", "application/json"))
            answer = self._asked(HttpRequest("POST", self._base + CHECK, headers, body))
            found |= _ids([{"id": one} for one in _listed(answer.get("value"))]) & set(some)
        return frozenset(found)

    def _next(self, link: object) -> str | None:
        if link is None:
            return None
        # The answer says where to go on: only at Graph itself, since our token goes along.
        try:
            fit = isinstance(link, str) and origin(link) == origin(self._base) and "@" not in urlsplit(link).netloc
        except ValueError:
            fit = False
        if not fit or len(str(link)) > 4096:
            raise SignInError(Reason.GRAPH_LINK, f"expected the next page at {self._base}, got {shown(link)}")
        return str(link)

    def _asked(self, request: HttpRequest) -> dict[str, object]:
        answer = self._fetch(request)
        for _ in range(RETRIES):
            pause = _pause(answer)
            if pause is None or pause > self._patience:
                break
            self._patience -= pause
            self._wait(pause)
            answer = self._fetch(request)
        if answer.status == 200:
            return read_object(answer.body, Reason.GROUPS_UNKNOWN)
        if answer.status >= 500 or answer.status == 429:
            raise ProviderUnavailable(Reason.GROUPS_UNKNOWN, f"Microsoft Graph answered with status {answer.status}")
        raise SignInError(
            Reason.GROUPS_UNKNOWN,
            f"Microsoft Graph answered with status {answer.status}{_said(answer)}: is {SCOPE} granted?",
        )


def _ids(entries: object) -> set[str]:
    found = [entry.get("id") if isinstance(entry, dict) else None for entry in _listed(entries)]
    if not all(isinstance(one, str) and 1 <= len(one) <= MAX_ID for one in found):
        raise SignInError(Reason.GROUPS_UNKNOWN, "expected groups with ids from Microsoft Graph, got something else")
    return {str(one).lower() for one in found}


def _listed(value: object) -> list[object]:
    if not isinstance(value, list):
        raise SignInError(Reason.GROUPS_UNKNOWN, f"expected a list from Microsoft Graph, got {shown(value)}")
    return value


def _pause(answer: HttpResponse) -> float | None:
    """Seconds to wait before asking again; None where that makes no sense, or would take too long."""
    if answer.status not in (429, 503):
        return None
    said = answer.headers.get("Retry-After", "").strip()
    seconds = float(said) if said.isascii() and said.isdigit() else 1.0
    return seconds if seconds <= MAX_WAIT else None


def _said(answer: HttpResponse) -> str:
    try:
        error = read_object(answer.body, Reason.GROUPS_UNKNOWN).get("error")
    except SignInError:
        return ""
    code = error.get("code") if isinstance(error, dict) else None
    return f" ({shown(code)})" if isinstance(code, str) else ""
