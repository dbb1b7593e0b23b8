"""The blocks of the README that are run, and the commands in them with what is shown below each."""

import re
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).resolve().parents[2] / "README.md"
# Stands in the line before a fence, where readers do not see it.
MARK = re.compile(r"<!-- ops/test runs this: (?P<name>[\w ]+) -->")
FENCE = re.compile(r"```(?P<language>\w*)")


class Command(NamedTuple):
    """A line after `$ `, with those that it goes on in after a backslash, and the lines shown as its output."""

    text: str
    shown: list[str]
    first: int  # the first line of its output, counted from 0 in the document
    last: int  # the line after its output


class Block(NamedTuple):
    name: str
    language: str
    first: int
    lines: list[str]

    @property
    def script(self) -> str:
        return "\n".join(self.lines)

    @property
    def commands(self) -> list[Command]:
        found: list[Command] = []
        index = 0
        while index < len(self.lines):
            if not self.lines[index].startswith("$ "):
                raise ValueError(f"README.md:{self.first + index + 1}: output without a command")
            words = [self.lines[index][2:]]
            while words[-1].endswith("\\"):
                index += 1
                words.append(self.lines[index])
            index += 1
            begin = index
            while index < len(self.lines) and not self.lines[index].startswith("$ "):
                index += 1
            found.append(Command("\n".join(words), self.lines[begin:index], self.first + begin, self.first + index))
        return found


def fences(lines: list[str]) -> list[Block]:
    """Every fenced block; those that are not marked have an empty name."""
    found: list[Block] = []
    index = 0
    while index < len(lines):
        fence = FENCE.fullmatch(lines[index].rstrip())
        if fence:
            mark = MARK.fullmatch(lines[index - 1].strip()) if index else None
            end = index + 1
            while not lines[end].startswith("```"):
                end += 1
            found.append(Block(mark["name"] if mark else "", fence["language"], index + 1, lines[index + 1 : end]))
            index = end
        index += 1
    return found


def marked(lines: list[str]) -> list[Block]:
    return [block for block in fences(lines) if block.name]


def read() -> list[str]:
    return README.read_text().splitlines()
