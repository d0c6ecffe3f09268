"""The binding cookie: what a browser must bring beside a token, so that the token alone opens nothing."""

import hmac


def bound_to(session: str, secret: bytes) -> str:
    """Its value for a session (RFC 2104, SHA-256): the same at every app, so that two of one host share the cookie."""
    return hmac.digest(secret, session.encode(), "sha256").hex()


def is_bound(value: str, session: str, secrets: tuple[bytes, ...]) -> bool:
    """Whether a cookie is this session's; `secrets` holds the current key and earlier ones."""
    return any(hmac.compare_digest(value.encode(), bound_to(session, secret).encode()) for secret in secrets)
