"""The errors that the tenant gives, by their AADSTS number, in the words and the shape that clients meet at Entra."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

# What is quoted back of a request, at most.
QUOTED = 120


@dataclass(frozen=True, slots=True)
class Kind:
    """What one number means: the OAuth error (RFC 6749, 4.1.2.1 and 5.2), the token endpoint's status, the words."""

    error: str
    text: str
    status: int = 400


KINDS = MappingProxyType(
    {
        16000: Kind("interaction_required", "Either multiple user identities are available for the current "
                    "request or selected account is not supported for the scenario."),
        50011: Kind("invalid_request", "The redirect URI '{uri}' specified in the request does not match the "
                    "redirect URIs configured for the application '{client}'."),
        50058: Kind("login_required", "A silent sign-in request was sent but no user is signed in."),
        50076: Kind("interaction_required", "Due to a configuration change made by your administrator, or because "
                    "you moved to a new location, you must use multi-factor authentication to access '{client}'."),
        50079: Kind("access_denied", "Due to a configuration change made by your administrator, or because you "
                    "moved to a new location, you must enroll in multi-factor authentication to access '{client}'."),
        50089: Kind("invalid_request", "Authentication failed due to flow token expired. Please start again."),
        50126: Kind("invalid_grant", "Error validating credentials due to invalid username or password."),
        50147: Kind("invalid_request", "The size of the code challenge parameter is not valid."),
        54005: Kind("invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a new "
                    "valid code or use an existing refresh token."),
        70000: Kind("invalid_grant", "Provided grant is invalid or malformed."),
        70003: Kind("unsupported_grant_type", "The app requested an unsupported grant type '{value}'."),
        70007: Kind("invalid_request", "'{value}' is not a supported value for the response_mode."),
        70008: Kind("invalid_grant", "The provided authorization code or refresh token has expired due to "
                    "inactivity. Send a new interactive authorization request for this user and resource."),
        70011: Kind("invalid_scope", "The provided value for the input parameter 'scope' is not valid. "
                    "The scope must contain 'openid'."),
        90002: Kind("invalid_request", "Tenant '{value}' not found. Check to make sure you have the correct tenant "
                    "ID and are signing into the correct cloud."),
        90015: Kind("invalid_request", "Requested query string is too long."),
        90023: Kind("invalid_request", "The parameter '{name}' is not valid."),
        165000: Kind("invalid_request", "Invalid Request: The request tokens do not match the user context. "
                     "Do not copy the user context values (cookies; form fields; headers) between different "
                     "requests or user sessions."),
        500112: Kind("invalid_grant", "The reply address '{uri}' does not match the reply address provided when "
                     "requesting Authorization code."),
        501481: Kind("invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the "
                     "authorization request."),
        501491: Kind("invalid_request", "The code challenge method '{value}' is not supported. Use S256."),
        700005: Kind("invalid_grant", "Provided Authorization Code is intended to use against other client."),
        700016: Kind("unauthorized_client", "Application with identifier '{client}' was not found in the directory "
                     "'{directory}'. This can happen if the application has not been installed by the administrator "
                     "of the tenant or consented to by any user in the tenant."),
        700054: Kind("unsupported_response_type", "response_type '{value}' is not enabled for the application."),
        900144: Kind("invalid_request", "The request body must contain the following parameter: '{name}'."),
        7000215: Kind("invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request "
                      "is the client secret value, not the client secret ID.", 401),
        7000218: Kind("invalid_client", "The request body must contain the following parameter: 'client_assertion' "
                      "or 'client_secret'.", 401),
        9000411: Kind("invalid_request", "The request is not properly formatted. The parameter '{name}' is "
                      "duplicated."),
        9002313: Kind("invalid_request", "Invalid request. Request is malformed or invalid."),
        9002325: Kind("invalid_request", "Proof Key for Code Exchange is required: send a code_challenge "
                      "(S256) with the authorization request."),
    }
)  # fmt: skip


class TenantError(Exception):
    """The tenant says no. `code` is an AADSTS number of KINDS; the words quote what was sent, cut short."""

    def __init__(self, code: int, **quoted: str) -> None:
        self.code = code
        self.kind = KINDS[code]
        self.text = self.kind.text.format_map({name: value[:QUOTED] for name, value in quoted.items()})
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

    def to_json(self, error_uri: str) -> dict[str, Any]:
        """The token endpoint's answer."""
        return {
            "error": self.refused.kind.error,
            "error_description": self.description,
            "error_codes": [self.refused.code],
            "timestamp": self.timestamp,
            "trace_id": self.trace_id,
            "correlation_id": self.correlation_id,
            "error_uri": f"{error_uri}?code={self.refused.code}",
        }


def report(refused: TenantError, now: float) -> Report:
    """Give a refusal its ids."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return Report(refused, str(uuid.uuid4()), str(uuid.uuid4()), moment)
