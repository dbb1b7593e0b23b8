"""What a benchmark leaves behind: a page to read and a file to compare with the next one."""

import argparse
import json
import os
import platform
import statistics
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import say
import stack


def worker(folder: Path, options: argparse.Namespace, floors: list[float], drains: list, events: int) -> None:
    ratios = [floor / drain.seconds for floor, drain in zip(floors, drains)]
    result = {
        "what": "one worker drains a backlog, against floor A",
        "machine": machine(),
        "events": events,
        "people": options.people,
        "roles": options.roles or "all",
        "ratio": spread(ratios),
        "floor_events_per_second": spread([events / floor for floor in floors]),
        "worker_events_per_second": spread([events / drain.seconds for drain in drains]),
        "with_claims_events_per_second": spread([events / drain.claims_seconds for drain in drains]),
        "resident_mb": spread([drain.resident_mb for drain in drains]),
        "anonymous_mb": spread([drain.anonymous_mb for drain in drains]),
        "pairs": [
            {"floor_seconds": round(floor, 3)} | {name: round(value, 3) for name, value in drain._asdict().items()}
            for floor, drain in zip(floors, drains)
        ],
    }
    rows = [
        ("ratio to floor A", "ratio", "{:.2f}"),
        ("floor A, events/s", "floor_events_per_second", "{:,.0f}"),
        ("worker, events/s", "worker_events_per_second", "{:,.0f}"),
        ("worker until every claim is stored, events/s", "with_claims_events_per_second", "{:,.0f}"),
        ("worker, resident MB at most", "resident_mb", "{:.0f}"),
        ("worker, anonymous MB at most", "anonymous_mb", "{:.0f}"),
    ]
    what = f"{events:,} events of {options.people:,} people, {len(ratios)} pairs, roles: {result['roles']}."
    write(folder, "worker", "One worker drains a backlog", what, rows, result)


def write(folder: Path, name: str, title: str, what: str, rows: list[tuple[str, str, str]], result: dict) -> None:
    """Shows the rows, each a title, a spread of `result` and its format, and writes them for people and for machines."""
    cells = [
        [heading, *(form.format(result[part][figure]) for figure in ("median", "least", "most"))]
        for heading, part, form in rows
    ]
    headings = ["", "median", "least", "most"]
    say.line()
    say.table(headings, cells)
    page = [
        f"# {title}", "", what, "",
        ", ".join(f"{key} {value}" for key, value in result["machine"].items()) + ".", "",
        f"| {' | '.join(headings)} |", "|---|---:|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]
    (folder / f"{name}.md").write_text("\n".join(page) + "\n")
    (folder / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    say.line(f"\nWritten to {stack.shown(folder / f'{name}.md')} and {name}.json.")


def letters(
    folder: Path, options: argparse.Namespace, clean: list[float], bad: list[float], retries: list[float], events: int,
    letters: int,
) -> None:
    result = {
        "what": "a drain with bad entries, against one without",
        "machine": machine(),
        "events": events,
        "letters": letters,
        "ratio": spread([one / other for one, other in zip(clean, bad)]),
        "without_events_per_second": spread([events / seconds for seconds in clean]),
        "with_events_per_second": spread([events / seconds for seconds in bad]),
        "retry_seconds": spread(retries),
    }
    rows = [
        ("ratio to the same without", "ratio", "{:.2f}"),
        ("without, events/s", "without_events_per_second", "{:,.0f}"),
        (f"with {letters:,} bad entries, events/s", "with_events_per_second", "{:,.0f}"),
        (f"retry of {letters // 2:,} mended ones, s", "retry_seconds", "{:.1f}"),
    ]
    write(folder, "letters", "One worker, bad entries", f"{events:,} events, {len(clean)} pairs.", rows, result)


def catalog(
    folder: Path, options: argparse.Namespace, floors: list, fronts: list, length: int
) -> None:
    result = {
        "what": "a warm read of a quest by id, against a bare Hummingbird route that returns the same bytes",
        "machine": machine(),
        "bytes": length,
        "connections": options.connections,
        "ratio": spread([front.per_second / floor.per_second for floor, front in zip(floors, fronts)]),
        "ratio_of_processor_time": spread([floor.microseconds / front.microseconds for floor, front in zip(floors, fronts)]),
        "floor_requests_per_second": spread([run.per_second for run in floors]),
        "front_requests_per_second": spread([run.per_second for run in fronts]),
        "floor_microseconds": spread([run.microseconds for run in floors]),
        "front_microseconds": spread([run.microseconds for run in fronts]),
    }
    rows = [
        ("ratio to the bare route", "ratio", "{:.2f}"),
        ("the bare route, requests/s", "floor_requests_per_second", "{:,.0f}"),
        ("the front, requests/s", "front_requests_per_second", "{:,.0f}"),
        ("the same ratio, of processor time", "ratio_of_processor_time", "{:.2f}"),
        ("the bare route, µs of processor time for each", "floor_microseconds", "{:.0f}"),
        ("the front, µs of processor time for each", "front_microseconds", "{:.0f}"),
    ]
    what = f"{length} bytes of JSON, {options.connections} connections, {options.seconds} s each, {len(floors)} pairs."
    write(folder, "catalog", "A warm read of a quest by id", what, rows, result)


def timing(folder: Path, options: argparse.Namespace, times: dict[str, list[float]]) -> float:
    """Returns the greatest difference of a median from that of a known name, as a part of it."""
    known = statistics.median(times["known"])
    differences = {kind: abs(statistics.median(of) / known - 1) for kind, of in times.items() if kind != "known"}
    result = {
        "what": "refused sign-ins of a known name, an unknown name and a banned person",
        "machine": machine(),
        "turns": options.pairs,
        "difference": differences,
    } | {f"{kind}_ms": spread([1000 * seconds for seconds in of]) for kind, of in times.items()}
    rows = [
        ("wrong password of a known name, ms", "known_ms", "{:.2f}"),
        ("an unknown name, ms", "unknown_ms", "{:.2f}"),
        ("right password of somebody banned, ms", "banned_ms", "{:.2f}"),
    ]
    words = ", ".join(f"{kind} {part:.1%}" for kind, part in differences.items())
    what = f"{options.pairs} turns. The medians differ from that of a known name: {words}."
    write(folder, "timing", "Refused sign-ins", what, rows, result)
    say.line(f"The medians differ from that of a known name: {words}.")
    return max(differences.values())


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


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
