"""Medians, spreads and ratios. A ratio is taken round by round, so that a machine that slows down slows both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """The middle of several rounds, and the furthest of them to both sides."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """Raises ValueError where there are no values: nothing was measured, which is not zero."""
        if not values:
            raise ValueError("no values")
        return cls(median(values), min(values), max(values))

    @property
    def spread(self) -> float:
        """How far apart the rounds are, as a part of their median; 0 where all are the same."""
        return (self.high - self.low) / self.median if self.median else 0.0


def ratios(values: Sequence[float], base: Sequence[float]) -> list[float]:
    """Each round's value by the base's in the same round. Raises ValueError where they are not of the same rounds."""
    return [value / other for value, other in zip(values, base, strict=True)]


def short(value: float) -> str:
    """A number with three digits that count, and commas in thousands: 1,234  56.7  0.89."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"
