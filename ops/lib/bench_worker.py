"""How fast release workers with default settings drain a backlog, against floor A (floor.sql), in pairs.

Both do the same work in databases of their own made from one template; the rows they leave are compared, and what the
workers leave is verified. Variants: one worker against one connection; two against two; five quests on one event type;
single: one event a batch against one-row commits.
"""

import argparse
from typing import NamedTuple

import bench_backlog
import bench_drain
import bench_floor
import bench_usage
import say
from bench_drain import Drain
from bench_figures import Figure, Result
from bench_floor import Floor
from bench_options import positive, several
from bench_stage import FOLDER, Stage

TITLE = "Workers drain a backlog"


class Variant(NamedTuple):
    title: str
    people: float  # a part of those asked for, each with five events
    workers: int = 1
    quests: int = 1
    batch: int = 1000  # events of one commit of the floor
    settings: dict[str, str] = {}


VARIANTS = {
    "one": Variant("one worker, floor A", 1),
    "two": Variant("two workers, floor A on two connections", 1, workers=2),
    "five": Variant("one worker, five quests on the type, floor A with five", 0.5, quests=5),
    "single": Variant("one event a batch, one-row commits", 0.05, batch=1, settings={"QUESTLINE_BATCH": "1"}),
}


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=positive, default=40_000, help="people, each with five events (40000)")
    parser.add_argument(
        "--variants", type=several(VARIANTS), default=list(VARIANTS), help=f"which ({','.join(VARIANTS)})")
    parser.add_argument("--roles", help="the workers' roles, if not all of them")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    figures = []
    for name in options.variants:
        figures += of_variant(options, stage, name, VARIANTS[name])
    if options.roles is None:
        figures += allocations(options, stage)
    what = (
        f"{5 * options.people:,} events of {options.people:,} people (five quests: half as many, single: a twentieth), "
        f"{options.pairs} pairs, roles: {options.roles or 'all'}; until everything is recorded and acknowledged."
    )
    return Result("worker", TITLE, what, figures)


def of_variant(options: argparse.Namespace, stage: Stage, name: str, variant: Variant) -> list[Figure]:
    people = max(1, round(options.people * variant.people))
    events = bench_backlog.backlog(people, seed=1)
    with stage.redis() as redis:
        bench_backlog.keep(redis, name, events)
    template = stage.database(f"template_{name}")
    add_quests(stage, template, variant.quests - 1)
    staged = stage.database(f"staged_{name}", of=f"template_{name}")
    batches = bench_floor.stage_events(staged, events, variant.batch)
    settings = variant.settings | ({"QUESTLINE_WORKER_ROLES": options.roles} if options.roles else {})
    floors: list[Floor] = []
    drains: list[Drain] = []
    for pair in range(options.pairs):
        database = stage.database(f"floor_{name}", of=f"staged_{name}")
        floors.append(bench_floor.run(stage, database, batches, variant.workers))
        compare(stage, database, people, variant.quests)
        stage.drop(f"floor_{name}")
        database = stage.database(f"worker_{name}", of=f"template_{name}")
        drains.append(bench_drain.drain(stage, database, name, variant.workers, settings))
        compare(stage, database, people, variant.quests)
        if options.roles is None:
            stage.verify(database)
        stage.drop(f"worker_{name}")
        say.line(
            f"  {name}, pair {pair + 1}: floor {len(events) / floors[-1].seconds:9,.0f} events/s   "
            f"worker {len(events) / drains[-1].seconds:9,.0f} events/s   "
            f"ratio {floors[-1].seconds / drains[-1].seconds:.2f}"
        )
    stage.drop(f"staged_{name}", f"template_{name}")
    with stage.redis() as redis:
        bench_backlog.forget(redis, name)
    figures = rate(name, variant, len(events), floors, drains)
    return figures + cost(name, len(events), floors, drains) if name == options.variants[0] else figures


def rate(name: str, variant: Variant, events: int, floors: list[Floor], drains: list[Drain]) -> list[Figure]:
    rates = [events / floor.seconds for floor in floors]
    figures = [Figure(f"worker.{name}", variant.title, "events/s", [events / drain.seconds for drain in drains], rates)]
    with_claims = [events / drain.claims_seconds for drain in drains]
    return [*figures, Figure(f"worker.{name}.claims", f"{name}: until every claim is stored", "events/s", with_claims, rates)]


def cost(name: str, events: int, floors: list[Floor], drains: list[Drain]) -> list[Figure]:
    million = 1e6 / events
    return [
        *(Figure(
            f"worker.{name}.cpu.{process}", f"{name}: processor time of {process}, claims included", "s/million events",
            [drain.processor[process] * million for drain in drains],
            [floor.postgres * million for floor in floors] if process == "postgres" else [],
        ) for process in ("worker", "redis", "postgres")),
        Figure(f"worker.{name}.resident", f"{name}: resident memory of a worker at most", "MB",
               [drain.resident_mb for drain in drains]),
        Figure(f"worker.{name}.anonymous", f"{name}: anonymous memory of a worker at most", "MB",
               [drain.anonymous_mb for drain in drains]),
    ]


def allocations(options: argparse.Namespace, stage: Stage) -> list[Figure]:
    """Counted in a drain of its own, for counting takes time."""
    counter = bench_usage.Allocations(FOLDER)
    if not counter.environment:
        return []
    events = bench_backlog.backlog(max(1, options.people // 4), seed=2)
    with stage.redis() as redis:
        bench_backlog.keep(redis, "counted", events)
    database = stage.database("counted")
    bench_drain.drain(stage, database, "counted", settings=counter.environment)
    stage.verify(database)
    stage.drop("counted")
    return [Figure("worker.allocations", "allocations of a worker, claims included", "per event",
                   [counter.count() / len(events)])]


def add_quests(stage: Stage, database: str, count: int) -> None:
    """More quests that count the same events, as somebody would add them in psql."""
    if count:
        stage.sql(f"""
            INSERT INTO catalog.quests (quest_id, name, event_type, streak, duplication, reward_id)
            SELECT gen_random_uuid(), q.name || ' ' || n, q.event_type, q.streak, q.duplication, q.reward_id
            FROM (SELECT * FROM catalog.quests LIMIT 1) AS q, generate_series(1, {count}) AS n
        """, database)


def compare(stage: Stage, database: str, people: int, quests: int) -> None:
    """Both have done all of the work: every event recorded, five counted for each person and quest, one completion each."""
    found = stage.sql("""
        SELECT count(*) FILTER (WHERE event_type = 'UserSignIn'), count(*) FILTER (WHERE event_type = 'QuestCompleted'),
            (SELECT count(*) FROM processing.user_quest_rewards WHERE streak = 2 AND duplication = 1)
        FROM processing.events
    """, database)
    if found != f"{people * 5}|{people * quests}|{people * quests}":
        raise say.Stop(f"{database.rpartition('/')[2]} has done other work: events, completions, progress rows: {found}")
