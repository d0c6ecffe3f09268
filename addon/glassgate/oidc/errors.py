"""Why a sign-in came to nothing: a closed list of reasons, each told apart from all others."""

from enum import StrEnum, auto


class Reason(StrEnum):
    """Every way in which a sign-in can fail. The value, its name in lower case, is shown, logged, counted."""

    # The browser's way back: the gate's own checks, made before this room is asked (RFC 9700, section 4.7)
    STATE_MISSING = auto()
    STATE_UNKNOWN = auto()
    STATE_OTHER_BROWSER = auto()
    STATE_REPLAYED = auto()
    STATE_EXPIRED = auto()
    IDP_MIXUP = auto()
    RESPONSE_MODE = auto()
    # The callback's parameters
    CALLBACK_MALFORMED = auto()
    PARAMETER_REPEATED = auto()
    RESPONSE_TYPE = auto()
    RESPONSE_AMBIGUOUS = auto()
    RESPONSE_EMPTY = auto()
    ISS_PARAM_MISSING = auto()
    ISS_PARAM_MISMATCH = auto()
    # Calls to the provider
    TIMEOUT = auto()
    TLS_UNTRUSTED = auto()
    PROVIDER_UNAVAILABLE = auto()
    TOO_LARGE = auto()
    PROVIDER_REFUSED = auto()
    JSON_DUPLICATE = auto()
    # Discovery and keys
    DISCOVERY_MALFORMED = auto()
    DISCOVERY_ISSUER = auto()
    DISCOVERY_ENDPOINT = auto()
    CLIENT_AUTH = auto()
    JWKS_MALFORMED = auto()
    JWKS_UNFIT = auto()
    KID_MALFORMED = auto()
    KID_MISSING = auto()
    KID_UNKNOWN = auto()
    KID_AMBIGUOUS = auto()
    KEY_UNFIT = auto()
    KEY_ISSUER = auto()
    # The token endpoint's answer
    TOKEN_REDIRECT = auto()
    TOKEN_NOT_JSON = auto()
    TOKEN_ERROR = auto()
    TOKEN_TYPE = auto()
    TOKEN_MALFORMED = auto()
    ID_TOKEN_MISSING = auto()
    # The ID token: its envelope
    FORMAT = auto()
    ALG_NONE = auto()
    ALG_NOT_ALLOWED = auto()
    ALG_KEY_MISMATCH = auto()
    HEADER_KEY = auto()
    CRIT_UNKNOWN = auto()
    TYP = auto()
    SIGNATURE = auto()
    # The ID token: its claims
    CLAIMS_MALFORMED = auto()
    CLAIM_TYPE = auto()
    PURPOSE = auto()
    ISS_MISMATCH = auto()
    VERSION = auto()
    TID_ISS = auto()
    TENANT_NOT_ALLOWED = auto()
    PERSONAL_ACCOUNT = auto()
    AUD_MISMATCH = auto()
    AUD_UNTRUSTED = auto()
    AZP_MISMATCH = auto()
    EXP_MALFORMED = auto()
    EXPIRED = auto()
    NOT_YET_VALID = auto()
    IAT_IMPLAUSIBLE = auto()
    LIFETIME = auto()
    NONCE_MISMATCH = auto()
    SUB_MALFORMED = auto()
    OID_MISSING = auto()
    AT_HASH = auto()
    AUTH_TOO_OLD = auto()
    # A refreshed token, against the sign-in that it goes on from (Core 1.0, section 12.2)
    REFRESH_SUBJECT = auto()
    REFRESH_STALE = auto()
    # Back-channel logout (OpenID Connect Back-Channel Logout 1.0, section 2.6)
    LOGOUT_NONCE = auto()
    LOGOUT_CLAIMS = auto()
    LOGOUT_REPLAYED = auto()
    # Microsoft Graph
    GROUPS_UNKNOWN = auto()
    GRAPH_LINK = auto()
    # Userinfo
    USERINFO_MALFORMED = auto()
    USERINFO_SUB = auto()


class SignInError(Exception):
    """A sign-in that came to nothing.

    `reason` is for programs and for the log; `detail` says in one line what was expected and what came, for
    whoever has to mend it. It never holds a token, a secret or a code, but may hold text that a stranger
    chose: it is escaped wherever it is shown.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = Reason(reason)  # the list is closed: ValueError for any other
        self.detail = detail


class ProviderUnavailable(SignInError):  # noqa: N818
    """The provider gave no answer that could be used now; another try may succeed.

    `retry_after` is how many seconds the provider asked to wait, `said` its own words; each None where it gave none.
    """

    def __init__(
        self, reason: str, detail: str, *, retry_after: int | None = None, said: "ProviderRefused | None" = None
    ) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after
        self.said = said


class ProviderRefused(SignInError):  # noqa: N818
    """The provider answered with an OAuth error (RFC 6749, sections 4.1.2.1 and 5.2).

    `error` and `description` are the provider's words, cut to a bounded length, without control characters.
    `code` is Microsoft's "AADSTS50105", and `trace_id`, `correlation_id` and `timestamp` ("2027-01-15 08:00:00Z")
    are what its support asks for. `suberror` tells apart what `error` does not ("basic_action"), and `claims` is
    what to send along when the user is asked again: a string, at most 4096 characters, never read here. Each is
    None where the provider gave none.
    """

    def __init__(
        self,
        error: str,
        description: str = "",
        *,
        suberror: str | None = None,
        claims: str | None = None,
        code: str | None = None,
        trace_id: str | None = None,
        correlation_id: str | None = None,
        timestamp: str | None = None,
    ) -> None:
        super().__init__(Reason.PROVIDER_REFUSED, f"{error}: {description}" if description else error)
        self.error = error
        self.description = description
        self.suberror = suberror
        self.claims = claims
        self.code = code
        self.trace_id = trace_id
        self.correlation_id = correlation_id
        self.timestamp = timestamp


def shown(value: object, limit: int = 100) -> str:
    """A value as it is told in an error's detail: quoted, control characters escaped, cut to `limit`."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
