"""Payroll: invented salaries, worth keeping from others, and a WebSocket that ticks."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from glassgate.lab.origins.handlers import Guarded, Page

BEAT = 1.0  # seconds between two ticks


@dataclass(frozen=True, slots=True)
class Salary:
    """A line of the payroll. Every one is invented."""

    name: str
    role: str
    team: str
    euros: int  # a month, before tax


SALARIES = (
    Salary("Amara Okafor", "Chief executive", "Board", 14_200),
    Salary("Béla Horváth", "Head of finance", "Finance", 9_850),
    Salary("Chiyo Tanaka", "Staff engineer", "Platform", 8_900),
    Salary("Dilnoza Karimova", "Security engineer", "Platform", 8_150),
    Salary("Elif Yıldız", "Product manager", "Product", 7_700),
    Salary("Finn Sørensen", "Designer", "Product", 6_300),
    Salary("Grace Mensah", "Accountant", "Finance", 5_950),
    Salary("Hugo Lefèvre", "Support lead", "Support", 5_400),
    Salary("Inés Romero", "Support engineer", "Support", 4_700),
    Salary("Jonas Weber", "Apprentice", "Platform", 1_450),
)


class Overview(Page):
    """The payroll's page."""

    def get(self) -> None:
        """Show the table, and the run as it ticks."""
        total = sum(one.euros for one in SALARIES)
        self.show("payroll.html", salaries=SALARIES, total=total, month=datetime.now(UTC).strftime("%B %Y"))


class Salaries(Page):
    """`/api/salaries`: the same as JSON."""

    def get(self) -> None:
        """Answer with all of them."""
        self.tell({"salaries": [asdict(one) for one in SALARIES]})


class Ticks(Guarded, WebSocketHandler):
    """`/ticks`: one JSON message at once, and one every second after it."""

    _beating: asyncio.Task[None] | None = None

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin to tick."""
        self._beating = asyncio.create_task(self._beat())

    def on_message(self, message: str | bytes) -> None:
        """Take no orders."""

    def on_close(self) -> None:
        """Stop."""
        if self._beating:
            self._beating.cancel()

    async def _beat(self) -> None:
        tick = 0
        try:
            while True:
                await self.write_message(json.dumps(self._tick(tick)))
                tick += 1
                await asyncio.sleep(BEAT)
        except WebSocketClosedError:
            return

    def _tick(self, tick: int) -> dict[str, object]:
        done = tick % (len(SALARIES) + 1)
        return {
            "tick": tick,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "user": self.checked.user,
            "done": done,
            "of": len(SALARIES),
            "last": SALARIES[done - 1].name if done else "",
        }
