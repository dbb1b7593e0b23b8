"""What the figures must be: medians, in one run. `ops/bench --check` fails when one of them is not."""

import operator
from typing import NamedTuple

from bench_figures import Figure, Result

SIGNS = {">=": ("at least", operator.ge), "<=": ("at most", operator.le), "<": ("less than", operator.lt)}


class Target(NamedTuple):
    key: str
    part: str  # "ratio" to the floor, or "value"
    sign: str
    bound: float

    def value(self, figure: Figure) -> float | None:
        return figure.ratio if self.part == "ratio" else figure.median

    @property
    def text(self) -> str:
        return f"{'ratio ' if self.part == 'ratio' else ''}{SIGNS[self.sign][0]} {self.bound:,g}"


TARGETS = [
    Target("worker.one", "ratio", ">=", 0.90),
    Target("worker.two", "ratio", ">=", 0.85),
    Target("worker.single", "ratio", ">=", 0.80),
    Target("front.one.everysec", "ratio", ">=", 0.60),
    Target("front.hundred.always", "value", ">=", 60_000),
    Target("sign-in.16", "ratio", ">=", 0.90),
    Target("sign-in.64", "ratio", ">=", 0.90),
    Target("sign-in.16.failed", "value", "<=", 0),
    Target("sign-in.64.failed", "value", "<=", 0),
    Target("sign-in.16.livez.p99", "value", "<", 20),
    Target("sign-in.64.livez.p99", "value", "<", 20),
    Target("latency.1000.p99", "value", "<", 20),
    Target("scale.backlog", "ratio", "<=", 1.10),
    Target("scale.backlog.memory", "ratio", "<=", 1.25),
    Target("scale.rows.20", "ratio", "<=", 1.25),
    Target("timing.unknown", "ratio", "<=", 1.05),
    Target("timing.unknown", "ratio", ">=", 0.95),
    Target("timing.banned", "ratio", "<=", 1.05),
    Target("timing.banned", "ratio", ">=", 0.95),
]


def asked(figure: Figure) -> str:
    """What is asked of a figure, in words; empty if nothing is."""
    return " and ".join(target.text for target in TARGETS if target.key == figure.key)


def shortfalls(results: list[Result]) -> list[str]:
    """Each target of these subjects that is not reached, with its figure; one that was not measured is not reached."""
    figures = {figure.key: figure for result in results for figure in result.figures}
    subjects = {result.subject for result in results}
    found = []
    for target in TARGETS:
        if target.key.partition(".")[0] not in subjects:
            continue
        figure = figures.get(target.key)
        value = target.value(figure) if figure else None
        if figure is None or value is None:
            found.append(f"{target.key}: {target.text} is asked, and it was not measured")
        elif not SIGNS[target.sign][1](value, target.bound):
            unit = "" if target.part == "ratio" else f" {figure.unit}"
            found.append(f"{target.key} ({figure.title}): {target.text}{unit} is asked, measured {value:,.4g}{unit}")
    return found
