"""Hides what must not be told: tokens, codes, passwords, cookies and credentials in any text that gets logged."""

import logging
import re

HIDDEN = "[hidden]"
MAX_LINE = 2048  # characters of one log line

# A terminal obeys them, and a visitor may write them: C0 and C1 (ECMA-48) and DEL, less tab and line feed.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}

# Headers whose whole value is a credential (or may hold one).
_HEADERS = (
    "(?:proxy-)?authorization", "(?:set-)?cookie2?", "cf-access-client-secret", "cf-access-token",
    "cf-access-jwt-assertion",
)  # fmt: skip
# Parameters of OAuth 2.0 and OpenID Connect, of our own addresses, and of sign-in forms.
_PARAMETERS = (
    "code", "state", "nonce", "meta", "client_secret", "client_assertion", "assertion", "code_verifier",
    "id_token", "id_token_hint", "access_token", "refresh_token", "logout_token", "subject_token", "device_code",
    "password", "passwd", "pwd", "otp", "otc", "secret", "token",
)  # fmt: skip

_NAME = "|".join(_PARAMETERS)
# Where a name may begin: not within a word, but right after an escape, in an encoded address or in a repr.
_START = r"(?:(?<![A-Za-z0-9_])|(?<=%26)|(?<=%3F)|(?<=%2526)|(?<=%253F)|(?<=\\[nrt]))"

# Each keeps its group "told" and hides the rest. Where the end of a secret is in doubt, more is hidden.
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        # A header line, raw or in a repr (there the line's end is the two characters \r), or a pair of a repr.
        rf"""(?P<told>{_START}(?:{"|".join(_HEADERS)})(?:["']?\s*[:=]|["']\s*,)\s*)[^\r\n]*?(?=\\[rn]|[\r\n]|$)""",
        # JSON, the repr of a dict, or JSON within a string: "name": "value".
        rf"""(?P<told>(?P<q>\\*["'])(?:{_NAME})(?P=q)\s*:\s*b?(?P<v>\\*["']))(?:(?!(?P=v))(?:\\.|[^\r\n]))*""",
        # A pair in the repr of a list: ("name", "value").
        rf"""(?P<told>(?P<q>["'])(?:{_NAME})(?P=q)\s*,\s*b?(?P<v>["']))(?:(?!(?P=v))(?:\\.|[^\r\n]))*""",
        # A form or an address, also one that is a parameter of another.
        rf"(?P<told>{_START}(?:{_NAME})(?:=|%(?:25)*3D))[^&\s]*",
        # Our cookies, wherever they are named.
        r"(?P<told>(?:__Host-CF_[A-Za-z0-9_-]{0,64}|CF_Authorization)(?:=|%3D|[\"']\s*[:,]\s*b?[\"']))[^;\s\"']*",
        # "Bearer x" without its header's name.
        r"(?P<told>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
    )
)
# base64url of a JSON object begins with e and one of these. The usual "eyJ" is enough, also where the rest was cut
# off; else the parts must be as long as a token's, or host names would be hidden. Here letters have a case.
_JWT = re.compile(
    r"eyJ[A-Za-z0-9_-]{7,}(?:\.[A-Za-z0-9_-]*)*"
    r"|\be[w-z0-9_-][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{32,}"
)


def redact(text: str) -> str:
    """Replace every secret that can be recognised by its shape or its name. The same text again changes nothing."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<told>{HIDDEN}", text)
    return _JWT.sub(HIDDEN, text)


class RedactFilter(logging.Filter):
    """Hides secrets in a log record: its message, its traceback and its stack; cuts what is too long, and writes
    control characters so that they are seen and not obeyed.

    Hung on a handler it sees every record that is written there; on a logger only that logger's own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place. Every record passes."""
        record.msg = self._clean(self._message(record))
        record.args = None
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_info = None  # or a handler might format it anew, secrets and all
        if record.exc_text:
            record.exc_text = self._clean(record.exc_text, keep_end=True)
        if record.stack_info:
            record.stack_info = self._clean(record.stack_info, keep_end=True)
        return True

    def _message(self, record: logging.LogRecord) -> str:
        try:
            return record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit, or whose __str__ fails, must not pass unseen
            said = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
            return f"{said} (could not be shown in full)"

    def _clean(self, text: str, keep_end: bool = False) -> str:
        return self._hidden(text, keep_end).translate(_CONTROLS)

    def _hidden(self, text: str, keep_end: bool) -> str:
        if len(text) <= MAX_LINE:
            return redact(text)
        if not keep_end:
            return f"{redact(text[:MAX_LINE])} [cut]"
        # A traceback says what happened in its last lines. The cut may fall into a secret, so a whole line goes.
        end = text[-MAX_LINE:].partition("\n")[2]
        return f"[cut]\n{redact(end)}"
