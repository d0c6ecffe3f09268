"""What a load tool counted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Count:
    """`answers` is all of them, those of the warm-up too; `rate` is a second's, in the load's unit, without it."""

    answers: int
    rate: float
