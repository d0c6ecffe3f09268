"""Finds a provider's endpoints, when they are first needed (OpenID Connect Discovery 1.0, section 4)."""

import re

from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.http import Fetch, HttpRequest, HttpResponse
from glassgate.oidc.metadata import Metadata, read_metadata
from glassgate.oidc.provider import Provider
from glassgate.oidc.providers.ways import Ways
from glassgate.oidc.refusal import check_answer
from glassgate.oidc.remembered import Remembered
from glassgate.oidc.strict_json import read_object

FRESH = (
    300.0,
    86_400.0,
)  # seconds: whatever max-age says, not asked more often, nor used longer without asking
KEEP = 172_800.0  # seconds that a document outlives its provider's outage


class Discovery:
    """One provider's document: fetched when first needed, remembered, refreshed. Thread-safe."""

    def __init__(self, provider: Provider, ways: Ways, fetch: Fetch) -> None:
        self._provider = provider
        self._ways = ways
        self._fetch = fetch
        self._document = Remembered(self._load, KEEP)

    def metadata(self, now: float) -> Metadata:
        """Return the checked document. Raises SignInError: discovery_*, or why it could not be fetched."""
        return self._document.get(now)

    def _load(self) -> tuple[Metadata, float]:
        answer = self._fetch(HttpRequest("GET", self._ways.discovery_url(self._provider)))
        check_answer(answer, Reason.DISCOVERY_MALFORMED)
        document = read_object(answer.body, Reason.DISCOVERY_MALFORMED)
        issuer = document.get("issuer")
        if not isinstance(issuer, str):
            raise SignInError(Reason.DISCOVERY_MALFORMED, f"expected an issuer, got {shown(issuer)}")
        self._ways.check_document_issuer(self._provider, issuer)
        return read_metadata(document, issuer), max_age(answer)


def max_age(answer: HttpResponse) -> float:
    """Seconds for which an answer may be used without asking again (RFC 9111, 5.2.2.1), within our bounds."""
    least, most = FRESH
    said = re.search(r"max-age=(\d{1,9})\b", answer.headers.get("Cache-Control", ""))
    return min(max(float(said[1]), least), most) if said else most
