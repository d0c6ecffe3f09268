"""What the loads ask for: each request with the one answer that is right."""

import base64
import hashlib
from dataclasses import dataclass

# What Chromium sends along with a navigation: some 600 bytes.
BROWSER = (
    ("sec-ch-ua", '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("upgrade-insecure-requests", "1"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("priority", "u=0, i"),
)  # fmt: skip


def text(length: int) -> bytes:
    """Text of that length, the same at every run, in which no part is like another."""
    lines = (base64.b64encode(hashlib.sha512(b"%d" % n).digest()) + b"\n" for n in range(length // 89 + 1))
    return b"".join(lines)[:length]


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of request, and its right answer."""

    path: str
    status: int = 200
    body: bytes | None = None  # None: each candidate has its own, and its length is learned from the first
    sends: int = 0  # bytes of the request's own body
    signed_in: bool = True
    http2: bool = False

    @property
    def method(self) -> str:
        """With a body it is a POST."""
        return "POST" if self.sends else "GET"


KB, MB = 1024, 1024 * 1024
TAKEN = b"taken\n"

SMALL = Ask("/small", body=text(200))
SMALL_HTTP2 = Ask("/small", body=SMALL.body, http2=True)
REDIRECT = Ask("/redirect", status=302, signed_in=False)
DOWN_100K = Ask("/100k", body=text(100 * KB))
DOWN_10M = Ask("/10m", body=text(10 * MB))
UP_100K = Ask("/upload", body=TAKEN, sends=100 * KB)
UP_10M = Ask("/upload", body=TAKEN, sends=10 * MB)
ECHO_PATH = "/echo"
FILES = (DOWN_100K, DOWN_10M)
