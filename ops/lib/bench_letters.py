"""How much bad entries cost: a drain with 1 % of them against a drain without, in pairs, one worker each.

Half of the bad ones cannot be parsed, half are refused by the database; all of them must become dead letters, and a
retry after a mend must record the refused ones.
"""

import argparse
import random
import subprocess
import time

import bench_backlog
import bench_drain
import processes
import say
from bench_backlog import Event
from bench_figures import Figure, Result
from bench_options import positive
from bench_stage import Stage

TITLE = "One worker, bad entries"
BAD = "Refused"


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=positive, default=40_000, help="people, each with five events (40000)")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    events = bench_backlog.backlog(options.people, seed=1)
    spoilt, malformed, refused = spoil(events, seed=1)
    total, letters = len(events), malformed + refused
    with stage.redis() as redis:
        bench_backlog.keep(redis, "clean", events)
        bench_backlog.keep(redis, "letters", spoilt)
    clean, bad, retries = [], [], []
    for pair in range(options.pairs):

        def drain(name: str) -> tuple[float, str]:
            database = stage.database(name)
            stage.sql(constraint("ADD", f" CHECK (event_type <> '{BAD}')"), database)
            return bench_drain.drain(stage, database, name).seconds, database

        seconds, database = drain("clean")
        clean.append(total / seconds)
        stage.verify(database)
        seconds, database = drain("letters")
        bad.append(total / seconds)
        expect(stage, database, recorded=total - letters, letters=letters)
        stage.sql(constraint("DROP"), database)
        retries.append(retry(stage, database, malformed))
        expect(stage, database, recorded=total - malformed, letters=malformed)
        stage.verify(database)
        say.line(
            f"  pair {pair + 1}: without {clean[-1]:9,.0f} events/s   with {letters:,} bad ones {bad[-1]:9,.0f} events/s   "
            f"ratio {bad[-1] / clean[-1]:.2f}   retried in {retries[-1]:.1f} s"
        )
        stage.drop("clean", "letters")
    return Result("letters", TITLE, f"{total:,} events, {options.pairs} pairs.", [
        Figure("letters.rate", f"with {letters:,} bad entries, the same without", "events/s", bad, clean),
        Figure("letters.retry", f"retry of {refused:,} mended ones", "s", retries),
    ])


def constraint(verb: str, rest: str = "") -> str:
    return f"ALTER TABLE processing.events {verb} CONSTRAINT none_refused{rest}"


def spoil(events: list[Event], seed: int) -> tuple[list[Event], int, int]:
    """The same events, of which one in two hundred has no person and one in two hundred a type that is refused."""
    chance = random.Random(seed)
    places = chance.sample(range(len(events)), len(events) // 100)
    malformed, refused = places[::2], places[1::2]
    spoilt = list(events)
    for place in malformed:
        spoilt[place] = spoilt[place]._replace(user_id="nobody")
    for place in refused:
        spoilt[place] = spoilt[place]._replace(type=BAD)
    return spoilt, len(malformed), len(refused)


def expect(stage: Stage, database: str, recorded: int, letters: int) -> None:
    found = stage.sql("SELECT count(*) FROM processing.events WHERE event_type <> 'QuestCompleted'", database)
    with stage.redis() as redis:
        kept = redis.command("XLEN", "quest:dead-letters")
    if (int(found), kept) != (recorded, letters):
        raise say.Stop(f"{found} recorded and {kept} dead letters, expected {recorded} and {letters}.")


def retry(stage: Stage, database: str, left: int) -> float:
    """Seconds from the command until everything is drained again and only so many letters are left."""
    settings = {"DATABASE_URL": database}
    with stage.redis() as redis, bench_drain.running(stage, 1, settings) as workers:
        began = time.monotonic()
        done = subprocess.run(
            [str(stage.worker), "dead-letters", "retry", "--error", "none_refused"],
            env=stage.environment | settings, capture_output=True, text=True,
        )
        if done.returncode != 0:
            raise say.Stop(f"dead-letters retry has failed: {done.stdout}{done.stderr}")
        while True:
            group = bench_drain.group_state(redis, bench_backlog.STREAM, "progress")
            letters = redis.command("XLEN", "quest:dead-letters")
            if letters == left and group and group["lag"] == 0 and group["pending"] == 0:
                break
            if not processes.is_alive(workers[0]) or time.monotonic() > began + bench_drain.LIMIT:
                raise say.Stop(f"The retried letters are not drained.{stage.fleet.last_words('worker-1')}")
            time.sleep(0.01)
        seconds = time.monotonic() - began
        stage.verify(database, wait=60)
        return seconds
