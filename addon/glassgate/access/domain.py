"""A domain of an app: what of the web is its own, a host or a pattern of hosts, of it all or what is below a path."""

import re
from dataclasses import dataclass
from functools import lru_cache

STAR = "*"
TRIED = "glassgate-check"  # stands for the star where a pattern is tried


@dataclass(frozen=True, slots=True)
class Domain:
    """`wiki.example.com`, `wiki.example.com/admin`, `*.apps.example.com`, as Cloudflare Access writes them.

    In a host `*` stands for a part of one label, in a path for anything, slashes too. A path covers all below it.
    """

    host: str  # lower case, without port
    path: str = ""  # "": all of the host; else it begins with "/", and does not end so

    @classmethod
    def read(cls, text: str) -> "Domain":
        """Read a domain that was checked. All paths of a host may be written as `/*`."""
        host, slash, path = text.partition("/")
        return cls(host, slash + path if path not in ("", STAR) else "")

    @property
    def text(self) -> str:
        """As it is written."""
        return self.host + self.path

    @property
    def is_pattern(self) -> bool:
        """Whether its host is a pattern, so that it has no address of its own."""
        return STAR in self.host

    @property
    def some_host(self) -> str:
        """A host of its own, to try it by."""
        return self.host.replace(STAR, TRIED)

    @property
    def weight(self) -> tuple[bool, int, int]:
        """What goes by the longest match: a host by its name before any pattern, then the host, then the path."""
        return not self.is_pattern, len(self.host.replace(STAR, "")), len(self.path.replace(STAR, ""))

    @property
    def root(self) -> str:
        """The path at which it begins."""
        before, star, _ = self.path.partition(STAR)
        return before[: before.rfind("/") + 1] if star else self.path or "/"

    @property
    def cookie_path(self) -> str:
        """The path below which browsers need its cookie (RFC 6265 section 5.1.4): `/foo` is not sent to `/food`."""
        return self.root.rstrip("/") or "/"

    @property
    def certificate_name(self) -> str | None:
        """What a certificate must name: a star is the whole first label there (RFC 9525 section 6.3), or nothing."""
        first, dot, rest = self.host.partition(".")
        if STAR in rest:
            return None
        return f"{STAR}{dot}{rest}" if STAR in first else self.host

    def at(self, host: str) -> str:
        """What it is at one of its hosts: with that one's name, and the path at which it begins."""
        return host + self.root.rstrip("/")

    def covers_host(self, host: str) -> bool:
        """Whether a host (lower case) is one of its own."""
        return host == self.host or (self.is_pattern and _hosts(self.host).fullmatch(host) is not None)

    def covers(self, path: str) -> bool:
        """Whether a path at one of its hosts is its own."""
        return not self.path or _paths(self.path).match(path) is not None

    def covers_in_any_case(self, path: str) -> bool:
        """The same, as an origin has it that does not heed the case of letters."""
        return not self.path or _paths(self.path.lower()).match(path.lower()) is not None


@lru_cache(1024)
def _hosts(pattern: str) -> re.Pattern[str]:
    labels = ("[^.]+" if label == STAR else re.escape(label).replace(r"\*", "[^.]*") for label in pattern.split("."))
    return re.compile(r"\.".join(labels))


@lru_cache(1024)
def _paths(pattern: str) -> re.Pattern[str]:
    # The first place that fits does, whatever follows, so what was passed is not tried again (atomic groups): a long
    # path cannot take more time than its length. The last part alone has to end where a segment does.
    first, *middle = pattern.split(STAR)
    last = middle.pop() if middle else None
    skipped = "".join(f"(?>.*?{re.escape(part)})" for part in middle)
    end = "" if last == "" else r"(?:/|\Z)" if last is None else rf".*?{re.escape(last)}(?:/|\Z)"
    return re.compile(re.escape(first) + skipped + end, re.DOTALL)
