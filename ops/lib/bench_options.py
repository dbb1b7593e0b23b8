"""Arguments of ops/bench, and how a wrong one is refused."""

import argparse
from pathlib import Path
from typing import Callable, Iterable

import stack


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on")
    return int(text)


def executables(text: str) -> Path:
    folder = Path(text)
    missing = [name for name in stack.EXECUTABLES if not (folder / name).is_file()]
    if missing:
        raise argparse.ArgumentTypeError(f"{folder} holds no {' and no '.join(missing)}")
    return folder


def several(names: Iterable[str]) -> Callable[[str], list[str]]:
    """Some of these names, with commas between them, in the order given."""
    known = list(names)

    def read(text: str) -> list[str]:
        chosen = list(dict.fromkeys(text.split(",")))
        strange = [name for name in chosen if name not in known]
        if strange:
            raise argparse.ArgumentTypeError(f"'{strange[0]}' is none of {', '.join(known)}")
        return chosen

    return read


def millions(text: str) -> list[int]:
    """Sizes of a table in millions of rows, the least first."""
    chosen = text.split(",")
    if not all(part.isascii() and part.isdigit() and int(part) <= 100 for part in chosen):
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of millions of rows, each at most 100, such as 0,5,20")
    return sorted(set(map(int, chosen)))
