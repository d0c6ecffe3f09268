"""Asks the userinfo endpoint for what the ID token left out (OpenID Connect Core 1.0, section 5.3)."""

from glassgate.oidc.claims import Claims, claim_at
from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.http import Fetch, HttpRequest
from glassgate.oidc.refusal import check_answer
from glassgate.oidc.strict_json import read_object

# What it never adds: the answer is not signed, so it proves no method, no audience, no time and no session.
NEVER = frozenset(
    ("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "jti", "sid", "amr", "acr", "auth_time", "at_hash",
     "c_hash", "events", "acrs", "tid", "oid")
)  # fmt: skip
VERIFIED = "email_verified"  # and the e-mail are one statement: neither half is taken without the other


def complete(claims: Claims, endpoint: str, access_token: str, fetch: Fetch, email: str) -> Claims:
    """Return the claims with those that only userinfo has; a claim of the ID token stays as it is.

    `email` is the claim that has the e-mail, which comes with its proof from one place or the other.
    Raises ProviderUnavailable, ProviderRefused, or SignInError: userinfo_malformed, json_duplicate,
    userinfo_sub.
    """
    answer = fetch(HttpRequest("GET", endpoint, (("Authorization", f"Bearer {access_token}"),)))
    check_answer(answer, Reason.USERINFO_MALFORMED)
    said = read_object(answer.body, Reason.USERINFO_MALFORMED)
    if said.get("sub") != claims["sub"]:
        # "If they do not match, the UserInfo Response values MUST NOT be used" (section 5.3.2).
        raise SignInError(Reason.USERINFO_SUB, "expected userinfo of the user in the ID token, got another's")
    of_token = claim_at(claims, email) is not None
    own = {name: value for name, value in claims.items() if name != VERIFIED or of_token}
    never = NEVER | {VERIFIED} if of_token else NEVER
    return own | {name: value for name, value in said.items() if own.get(name) is None and name not in never}
