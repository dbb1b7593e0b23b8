"""How the cost of an event grows: with more workers, with a backlog ten times as long, and with an event table of millions of
rows, people growing alongside, across a checkpoint. What each is compared with is measured in the same pair.
"""

import argparse
import random
import time
import uuid

import bench_backlog
import bench_drain
import bench_fill
import bench_floor
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
    parser.add_argument("--parts", type=several(PARTS), default=list(PARTS), help=f"which ({','.join(PARTS)})")
    describe_rows(parser)


def describe_rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rows", type=millions, default=[0, 5, 20], help="sizes of the event table, in millions of rows (0,5,20)")


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
    """The worker, and floor A with the same events."""
    counts = {"short": 5 * options.people, "long": 50 * options.people}
    batches = {}
    for seed, (name, count) in enumerate(counts.items()):
        events = bench_backlog.backlog(count // 5, seed=4 + seed)
        keep(stage, name, events)
        batches[name] = bench_floor.stage_events(stage.database(f"staged_{name}"), events)
    floors: dict[str, list[float]] = {name: [] for name in counts}
    drains: dict[str, list[Drain]] = {name: [] for name in counts}
    for pair in range(options.pairs):
        for name in counts:
            floor = bench_floor.run(stage, stage.database("floored", of=f"staged_{name}"), batches[name])
            floors[name].append(floor.seconds / counts[name] * 1e6)
            stage.drop("floored")
            drains[name].append(drained(stage, name))
        say.line(f"  pair {pair + 1}: " + "   ".join(
            f"{count:,} events: floor A {floors[name][-1]:5.1f}, worker {drains[name][-1].seconds / count * 1e6:5.1f} µs/event"
            for name, count in counts.items()))
    forget(stage, *counts)
    stage.drop("staged_short", "staged_long")
    costs = {name: [drain.seconds / counts[name] * 1e6 for drain in drains[name]] for name in counts}
    words = f"with a backlog of {counts['long']:,}, of {counts['short']:,}"
    return [
        Figure("scale.backlog", f"cost {words}", "µs/event", costs["long"], costs["short"]),
        Figure("scale.backlog.floor", f"cost of floor A {words}", "µs/event", floors["long"], floors["short"]),
        Figure("scale.backlog.memory", f"the worker's anonymous memory {words}", "MB",
               [drain.anonymous_mb for drain in drains["long"]], [drain.anonymous_mb for drain in drains["short"]]),
    ]


def larger_table(options: argparse.Namespace, stage: Stage) -> list[Figure]:
    """The worker and floor A, each with people of its own, so that what the worker did can be verified."""
    for size in options.rows:
        bench_fill.fill(stage, f"rows_{size}", size)
    costs: dict[int, list[float]] = {size: [] for size in options.rows}
    floors: dict[int, list[float]] = {size: [] for size in options.rows}
    per_event = 1e6 / (5 * options.people)
    for pair in range(options.pairs):
        for size in options.rows:
            events = bench_backlog.of_people(mixed_people(options.people, size, pair, "floor"), seed=10 + 2 * pair)
            floors[size].append(floored(stage, f"rows_{size}", size, events) * per_event)
            keep(stage, "rows", bench_backlog.of_people(mixed_people(options.people, size, pair, "worker"), seed=11 + 2 * pair))
            # A filled one grows by a hundredth or so; an empty one has to be empty each time.
            seconds = drained(stage, "rows", midway=stage.settle, database=f"rows_{size}" if size else None).seconds
            costs[size].append(seconds * per_event)
        say.line(f"  pair {pair + 1}: " + "   ".join(
            f"{size} million rows: floor A {floors[size][-1]:5.1f}, worker {costs[size][-1]:5.1f} µs/event" for size in options.rows))
    forget(stage, "rows")
    for size in filter(None, options.rows):
        began = time.monotonic()
        bench_fill.verify(stage, f"rows_{size}", size)
        say.line(f"  {size} million rows are verified in {time.monotonic() - began:.0f} s.")
    least = options.rows[0]
    return [
        Figure(f"scale.{key}.{size}", f"{title} at {size} million rows" + (f", at {least}" if size > least else ""), "µs/event",
               found[size], found[least] if size > least else [])
        for key, title, found in (("rows", "cost", costs), ("floor", "cost of floor A", floors)) for size in options.rows
    ]


def mixed_people(count: int, size: int, pair: int, whose: str) -> list[str]:
    """Half of them known to a filled table, the others new; an empty one knows nobody. Nobody is the floor's and the worker's."""
    chance = random.Random(f"{whose} {size} {pair}")
    halves = {"floor": 0, "worker": 1}
    known = chance.sample(range(halves[whose], bench_fill.people(size), 2), count // 2) if size else []
    strangers = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(count - len(known))]
    return [*map(bench_fill.person, known), *strangers]


def floored(stage: Stage, name: str, size: int, events: list[bench_backlog.Event]) -> float:
    """Seconds of floor A for these events in that database, across a checkpoint as well."""
    url = stage.url(name) if size else stage.database("floored")
    batches = bench_floor.stage_events(url, events)
    bench_fill.set_apart(stage, url)
    seconds = bench_floor.run(stage, url, batches, midway=stage.settle).seconds
    # A worker would find completions there whose entries the stream has not.
    stage.sql("TRUNCATE processing.outbox", url)
    if not size:
        stage.drop("floored")
    return seconds


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
