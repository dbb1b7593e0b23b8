"""How the cost of an event grows: with more workers, with a backlog ten times as long, and with an event table of millions of
rows, people growing alongside, across a checkpoint. What each is compared with is measured in the same pair.
"""

import argparse
import random
import uuid

import bench_backlog
import bench_drain
import bench_fill
import say
from bench_drain import Drain
from bench_figures import Figure, Result
from bench_options import millions, positive, several
from bench_stage import Stage

TITLE = "Growth"
WORKERS = (1, 2, 4)
PARTS = ("workers", "backlog", "rows")


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--people", type=positive, default=20_000, help="people of a backlog, each with five events (20000)")
    parser.add_argument(
        "--rows", type=millions, default=[0, 5, 20], help="sizes of the event table, in millions of rows (0,5,20)")
    parser.add_argument("--parts", type=several(PARTS), default=list(PARTS), help=f"which ({','.join(PARTS)})")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    if "rows" in options.parts:
        bench_fill.check_room(options.rows)
    parts = {"workers": more_workers, "backlog": longer_backlog, "rows": larger_table}
    figures = [figure for part in options.parts for figure in parts[part](options, stage)]
    what = (
        f"{5 * options.people:,} events of {options.people:,} people, {options.pairs} pairs. With a filled table half of the people "
        "are known there, two events each; a checkpoint is made before each drain and in the middle of it."
    )
    return Result("scale", TITLE, what, figures)


def more_workers(options: argparse.Namespace, stage: Stage) -> list[Figure]:
    keep(stage, "workers", bench_backlog.backlog(options.people, seed=3))
    rates: dict[int, list[float]] = {count: [] for count in WORKERS}
    for pair in range(options.pairs):
        for count in WORKERS:
            rates[count].append(5 * options.people / drained(stage, "workers", count).seconds)
        say.line(f"  pair {pair + 1}: " + "   ".join(
            f"{count} worker{'s' * (count > 1)} {rates[count][-1]:9,.0f} events/s" for count in WORKERS))
    forget(stage, "workers")
    return [
        Figure(f"scale.workers.{count}", "one worker" if count == 1 else f"{count} workers, one", "events/s", rates[count],
               [] if count == 1 else rates[1])
        for count in WORKERS
    ]


def longer_backlog(options: argparse.Namespace, stage: Stage) -> list[Figure]:
    short, long = 5 * options.people, 50 * options.people
    keep(stage, "short", bench_backlog.backlog(options.people, seed=4))
    keep(stage, "long", bench_backlog.backlog(10 * options.people, seed=5))
    shorts: list[Drain] = []
    longs: list[Drain] = []
    for pair in range(options.pairs):
        shorts.append(drained(stage, "short"))
        longs.append(drained(stage, "long"))
        say.line(
            f"  pair {pair + 1}: {short:,} events {short / shorts[-1].seconds:9,.0f} events/s   "
            f"{long:,} events {long / longs[-1].seconds:9,.0f} events/s"
        )
    forget(stage, "short", "long")
    return [
        Figure("scale.backlog", f"cost with a backlog of {long:,}, of {short:,}", "µs/event",
               [drain.seconds / long * 1e6 for drain in longs], [drain.seconds / short * 1e6 for drain in shorts]),
        Figure("scale.backlog.memory", "the worker's anonymous memory at most, in the same drains", "MB",
               [drain.anonymous_mb for drain in longs], [drain.anonymous_mb for drain in shorts]),
    ]


def larger_table(options: argparse.Namespace, stage: Stage) -> list[Figure]:
    for size in options.rows:
        bench_fill.fill(stage, f"rows_{size}", size)
    costs: dict[int, list[float]] = {size: [] for size in options.rows}
    for pair in range(options.pairs):
        for size in options.rows:
            keep(stage, "rows", bench_backlog.of_people(mixed_people(options.people, size, pair), seed=10 + pair))
            # A filled one grows by a thousandth or so; an empty one has to be empty each time.
            seconds = drained(stage, "rows", midway=stage.settle, database=f"rows_{size}" if size else None).seconds
            costs[size].append(seconds / (5 * options.people) * 1e6)
        say.line(f"  pair {pair + 1}: " + "   ".join(
            f"{size} million rows {costs[size][-1]:6.1f} µs/event" for size in options.rows))
    forget(stage, "rows")
    for size in filter(None, options.rows):
        stage.verify(stage.url(f"rows_{size}"))
    least = options.rows[0]
    return [
        Figure(f"scale.rows.{size}", f"cost at {size} million rows" + (f", at {least}" if size > least else ""), "µs/event",
               costs[size], costs[least] if size > least else [])
        for size in options.rows
    ]


def mixed_people(count: int, size: int, seed: int) -> list[str]:
    """Half of them known to a filled table, the others new; an empty one knows nobody."""
    chance = random.Random(f"{size} {seed}")
    known = chance.sample(range(bench_fill.people(size)), count // 2) if size else []
    strangers = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(count - len(known))]
    return [*map(bench_fill.person, known), *strangers]


def drained(stage: Stage, name: str, workers: int = 1, midway=None, database: str | None = None) -> Drain:
    """Drains into that database, or into an empty one of its own, which is verified and removed."""
    if database:
        return bench_drain.drain(stage, stage.url(database), name, workers, midway=midway)
    url = stage.database("drained")
    result = bench_drain.drain(stage, url, name, workers, midway=midway)
    stage.verify(url)
    stage.drop("drained")
    return result


def keep(stage: Stage, name: str, events: list[bench_backlog.Event]) -> None:
    with stage.redis() as redis:
        bench_backlog.keep(redis, name, events)


def forget(stage: Stage, *names: str) -> None:
    with stage.redis() as redis:
        bench_backlog.forget(redis, *names)
