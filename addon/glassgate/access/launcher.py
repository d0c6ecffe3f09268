"""The pages of the team domain: where a visitor picks a provider, opens their apps, and sees their sessions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from glassgate.access.pages import render

HUES = 8  # of the letters that stand in for logos, in the style sheet
LONGEST_SEARCH = 200  # characters
OTHERS = "Other applications"


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider that a visitor may sign in with."""

    name: str
    kind: str  # what it is: "Microsoft Entra ID", or the host of its issuer
    url: str
    is_last: bool = False  # this browser signed in there the last time


@dataclass(frozen=True, slots=True)
class Tile:
    """An app that this user may open."""

    name: str
    url: str
    tags: tuple[str, ...] = ()
    logo_url: str | None = None
    needs_proof: bool = False  # the provider will ask for more proof of who this is, first

    @property
    def address(self) -> str:
        """Its address as people say it."""
        return self.url.removeprefix("https://").rstrip("/")

    @property
    def letter(self) -> str:
        """What stands in for a logo."""
        return next((each.upper() for each in self.name if each.isalnum()), "•")[:1]

    @property
    def hue(self) -> int:
        """The colour of that letter: always the same for one name."""
        return sum(self.name.encode("utf-8", "replace")) % HUES

    @property
    def words(self) -> str:
        """What a search looks at."""
        return " ".join((self.name, self.address, *self.tags)).casefold()


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session of the user who looks. Times are Unix seconds."""

    id: str
    browser: str  # in words, or ""
    since: float
    seen: float
    apps: tuple[str, ...]
    is_this: bool


@dataclass(frozen=True, slots=True)
class Launcher:
    """What the launcher shows to one user at one moment."""

    name: str
    email: str | None
    provider: str
    tiles: tuple[Tile, ...]  # of every app that they may open
    sessions: tuple[OwnSession, ...]
    more_sessions: int  # how many there are besides
    expires: float  # Unix seconds
    now: float
    search: str = ""
    done: str = ""  # what was just done, in one sentence


def choose_provider(*, app: str | None, address: str, choices: Sequence[Choice], ray: str) -> str:
    """The login page: with whom to sign in, for `app` at `address`, or for the launcher itself."""
    first_the_last = sorted(choices, key=lambda choice: not choice.is_last)
    return render("choose", ray, app=app, address=address, choices=first_the_last)


def page(shown: Launcher, *, end_url: str, logout_url: str, refresh_url: str, ray: str) -> str:
    """The launcher. `end_url` takes the forms that end other sessions; `refresh_url` may be ""."""
    return render(
        "launcher",
        ray,
        shown=shown,
        found=searched(shown.tiles, shown.search) if shown.search else None,
        groups=grouped(shown.tiles),
        ends=moment(shown.expires),
        sessions=[(one, moment(one.since), ago(max(0.0, shown.now - one.seen))) for one in shown.sessions],
        end_url=end_url,
        logout_url=logout_url,
        refresh_url=refresh_url,
    )


def signed_out_elsewhere(*, count: int, logout_url: str, ray: str) -> str:
    """Between the end of the other sessions and that of this one."""
    return render("signed_out_elsewhere", ray, count=count, logout_url=logout_url)


def searched(tiles: Iterable[Tile], search: str) -> tuple[Tile, ...]:
    """Those that have every word of a search somewhere: in the name, the address or a tag."""
    words = search[:LONGEST_SEARCH].casefold().split()
    return tuple(tile for tile in _by_name(tiles) if all(word in tile.words for word in words))


def grouped(tiles: Iterable[Tile]) -> tuple[tuple[str, tuple[Tile, ...]], ...]:
    """Groups by tag, each with its apps by name; an app stands in the group of each of its tags, or in the last."""
    tiles = _by_name(tiles)
    tags = sorted({tag for tile in tiles for tag in tile.tags}, key=_folded)
    groups = [(tag, tuple(tile for tile in tiles if tag in tile.tags)) for tag in tags]
    others = tuple(tile for tile in tiles if not tile.tags)
    return (*groups, (OTHERS if groups else "", others)) if others else tuple(groups)


def moment(at: float) -> tuple[str, str]:
    """A time as people read it, and as programs do."""
    when = datetime.fromtimestamp(at, UTC)
    return when.strftime("%-d %B %Y, %H:%M UTC"), when.isoformat(timespec="seconds")


def ago(seconds: float) -> str:
    """How long ago something was, to the quarter of an hour at best."""
    for unit, name in ((86400, "day"), (3600, "hour")):
        count = int(seconds // unit)
        if count:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "within the last hour" if seconds >= 1800 else "within the last half hour"


def _by_name(tiles: Iterable[Tile]) -> list[Tile]:
    return sorted(tiles, key=lambda tile: _folded(tile.name))


def _folded(text: str) -> tuple[object, ...]:
    # "app 10" comes after "app 9".
    parts = re.split(r"([0-9]+)", text.casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
