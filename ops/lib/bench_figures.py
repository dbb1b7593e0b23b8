"""One measured thing: its values over the pairs, and those of its floor from the same pairs."""

import math
import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    key: str  # by which bench_targets.py knows it
    title: str
    unit: str
    values: list[float]
    floor: list[float] = field(default_factory=list)  # one for each value; none if there is nothing to compare with

    @property
    def ratios(self) -> list[float]:
        return [value / floor if floor else 0.0 for value, floor in zip(self.values, self.floor)]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.floor else None


@dataclass(frozen=True)
class Result:
    """What one subject has measured."""

    subject: str
    title: str
    what: str  # how it was measured, in a sentence
    figures: list[Figure]


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def quantile(values: list[float], part: float) -> float:
    """The value that so great a part of them does not exceed; of few values that is the greatest."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]
