"""A refusal of the tenant: raised by number, told in the shapes in which Entra tells it."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from glassgate.lab.tenant.aadsts import kind_of

# What is quoted back of a request, at most.
QUOTED = 120
# Errors of the token endpoint alone, and what says as much where a browser is sent back.
AT_SIGN_IN = {
    "invalid_client": "unauthorized_client",
    "invalid_grant": "access_denied",
    "unsupported_grant_type": "unauthorized_client",
}


class TenantError(Exception):
    """The tenant says no. `code` is an AADSTS number; the words quote what was sent, cut short.

    `claims` is what the client shall ask for at the sign-in that mends it (OpenID Connect Core 1.0, 5.5), as JSON.
    """

    def __init__(self, code: int, *, claims: str | None = None, **quoted: str) -> None:
        self.code = code
        self.claims = claims
        self.kind = kind_of(code)
        short = {name: value[:QUOTED] for name, value in quoted.items()}
        self.text = self.kind.text.format_map(defaultdict(str, short))
        super().__init__(f"AADSTS{code}: {self.text}")


@dataclass(frozen=True, slots=True)
class Report:
    """One refusal as it is told: with the ids and the time by which a person asks their administrator."""

    refused: TenantError
    trace_id: str
    correlation_id: str
    timestamp: str  # "2026-01-31 12:00:00Z"

    @property
    def description(self) -> str:
        """The `error_description`, line breaks and all."""
        return (
            f"{self.refused}\r\nTrace ID: {self.trace_id}\r\nCorrelation ID: {self.correlation_id}"
            f"\r\nTimestamp: {self.timestamp}"
        )

    def at_sign_in(self) -> dict[str, str]:
        """What the authorization endpoint sends back (RFC 6749, 4.1.2.1): the error and its description, no more."""
        error = self.refused.kind.error
        told = {"error": AT_SIGN_IN.get(error, error)}
        if self.refused.code == 65004:
            told["error_subcode"] = "cancel"
        return told | {"error_description": self.description}

    def at_token(self, error_uri: str) -> dict[str, Any]:
        """The token endpoint's answer (RFC 6749, 5.2), with what Entra's has besides."""
        kind = self.refused.kind
        told: dict[str, Any] = {
            "error": kind.grant_error or kind.error,
            "error_description": self.description,
            "error_codes": [self.refused.code],
            "timestamp": self.timestamp,
            "trace_id": self.trace_id,
            "correlation_id": self.correlation_id,
            "error_uri": f"{error_uri}?code={self.refused.code}",
        }
        told |= {"suberror": kind.suberror} if kind.suberror else {}
        return told | ({"claims": self.refused.claims} if self.refused.claims else {})


def report(refused: TenantError, now: float) -> Report:
    """Give a refusal its ids."""
    return Report(refused, str(uuid.uuid4()), str(uuid.uuid4()), moment(now))


def moment(now: float) -> str:
    """A time as Entra writes it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def instant(now: float) -> str:
    """A time as it stands inside Entra's words."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
