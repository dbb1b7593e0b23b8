"""What a benchmark leaves behind: a page to read and a file to compare with the next one."""

import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import bench_targets
import say
import stack
from bench_figures import Figure, Result, spread

HEADINGS = ["", "unit", "median", "least", "most", "floor", "ratio", "least", "most", "asked"]


def write(folder: Path, name: str, results: list[Result]) -> None:
    """Writes the results for people and for machines."""
    of = machine()
    title = "Questline's figures" if len(results) > 1 else results[0].title
    page = [f"# {title}", "", ", ".join(f"{key} {value}" for key, value in of.items()) + ".", ""]
    for result in results:
        if len(results) > 1:
            page += [f"## {result.title}", ""]
        page += [
            result.what, "", f"| {' | '.join(HEADINGS)} |", "|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
            *(f"| {' | '.join(row)} |" for row in rows(result)), "",
        ]
    (folder / f"{name}.md").write_text("\n".join(page))
    told = {
        "machine": of,
        "subjects": {
            result.subject: {
                "title": result.title, "what": result.what,
                "figures": {figure.key: numbers(figure) for figure in result.figures},
            }
            for result in results
        },
        "short": bench_targets.shortfalls(results),
    }
    (folder / f"{name}.json").write_text(json.dumps(told, indent=2) + "\n")


def show(folder: Path, name: str, results: list[Result]) -> None:
    say.line()
    say.table(["subject", *HEADINGS], [
        [result.subject if first else "", *row]
        for result in results for first, row in zip([True] + [False] * len(result.figures), rows(result))
    ])
    say.line(f"\nWritten to {stack.shown(folder / f'{name}.md')} and {name}.json.")


def rows(result: Result) -> list[list[str]]:
    told = []
    for figure in result.figures:
        row = [figure.title, figure.unit, *map(number, spread(figure.values).values())]
        if figure.floor:
            row += [number(spread(figure.floor)["median"]), *(f"{value:.2f}" for value in spread(figure.ratios).values())]
        else:
            row += [""] * 4
        told.append([*row, bench_targets.asked(figure)])
    return told


def number(value: float) -> str:
    digits = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def numbers(figure: Figure) -> dict:
    told = {
        "title": figure.title, "unit": figure.unit, **spread(figure.values), "asked": bench_targets.asked(figure),
        "values": figure.values,
    }
    if figure.floor:
        told |= {"floor": spread(figure.floor), "ratio": spread(figure.ratios), "floor_values": figure.floor}
    return told


def machine() -> dict[str, str]:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=stack.PROJECT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit or "unknown",
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }
