"""What the scripts tell the person in front of them."""

import os
import signal
import sys


class Stop(Exception):
    """The script cannot go on; the message says why and what to do about it."""


class Interrupted(BaseException):
    """Ctrl-C, or a polite request to end from elsewhere."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def line(text: str = "") -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever read this has gone (`ops/up | head`); what runs must still be stopped in order at the end.
        sys.stdout = open(os.devnull, "w")


def started(name: str, what: str) -> None:
    """One tidy line for one thing that has started."""
    line(f"  {name:<10} {what}")


def trouble(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def each(rows: list[str], none: str) -> bool:
    """Says each, or that there are none; true if there are none."""
    for row in rows or [none]:
        line(row)
    return not rows


def table(headings: list[str], rows: list[list[object]]) -> None:
    """Prints rows under headings, columns aligned, numbers to the right."""
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    widths = [max(len(row[column]) for row in [headings] + cells) for column in range(len(headings))]
    numeric = [
        bool(cells) and all(row[column].lstrip("-").isdigit() for row in cells if row[column])
        for column in range(len(headings))
    ]

    def text(row: list[str]) -> str:
        parts = [
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(row, widths, numeric)
        ]
        return "  " + "  ".join(parts).rstrip()

    line(text(headings))
    line("  " + "  ".join("-" * width for width in widths))
    for row in cells:
        line(text(row))
