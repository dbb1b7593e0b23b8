"""How much bad entries cost: a drain with 1 % of them against a drain without, in pairs, one worker each.

Half of the bad ones cannot be parsed, half are refused by the database; all of them must become dead letters, and a
retry after a mend must record the refused ones.
"""

import argparse
import random
import subprocess
import time
from pathlib import Path

import bench_report
import bench_worker
import processes
import resp
import say
import servers
from bench_worker import FOLDER, Event, backlog, fresh_database, run_worker
from fleet import Fleet

BAD = "Refused"


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--pairs", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--people", type=int, default=40_000, help="people, each with five events (40000)")
    parser.add_argument("--bin", type=Path, help="a folder with the executables, instead of building them")


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    bench_report.letters(FOLDER, options, *bench_worker.in_private(options, interruptions, measure))
    return 0


def measure(
    options: argparse.Namespace, fleet: Fleet, program: Path
) -> tuple[list[float], list[float], list[float], int, int]:
    template, superuser, environment = bench_worker.start(fleet, program)
    clean, bad, retries, total, letters = [], [], [], 0, 0
    for pair in range(options.pairs):
        events = backlog(options.people, seed=pair)
        spoilt, malformed, refused = spoil(events, seed=pair)
        total, letters = len(events), malformed + refused

        def drain(name: str, entries: list[Event]) -> tuple[float, dict[str, str]]:
            database = fresh_database(superuser, template, f"{name}_{pair}")
            servers.checked(servers.psql(database, constraint("ADD", f" CHECK (event_type <> '{BAD}')")))
            settings = environment | {"DATABASE_URL": database}
            return run_worker(fleet, program, settings, entries, superuser).seconds, settings

        clean.append(drain("clean", events)[0])
        seconds, settings = drain("letters", spoilt)
        bad.append(seconds)
        expect(settings, recorded=total - letters, letters=letters)
        servers.checked(servers.psql(settings["DATABASE_URL"], constraint("DROP")))
        retries.append(retry(fleet, program, settings, malformed))
        expect(settings, recorded=total - malformed, letters=malformed)
        say.line(
            f"  pair {pair + 1}: without {total / clean[-1]:9,.0f} events/s   with {letters:,} bad ones "
            f"{total / bad[-1]:9,.0f} events/s   ratio {clean[-1] / bad[-1]:.2f}   retried in {retries[-1]:.1f} s"
        )
        for name in (f"clean_{pair}", f"letters_{pair}"):
            servers.checked(servers.psql(superuser, f"DROP DATABASE {name} WITH (FORCE)"))
    return clean, bad, retries, total, letters


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


def expect(settings: dict[str, str], recorded: int, letters: int) -> None:
    found = servers.checked(servers.psql(
        settings["DATABASE_URL"], "SELECT count(*) FROM processing.events WHERE event_type <> 'QuestCompleted'")).strip()
    with resp.Redis(settings["REDIS_URL"]) as redis:
        kept = redis.command("XLEN", "quest:dead-letters")
    if (int(found), kept) != (recorded, letters):
        raise say.Stop(f"{found} recorded and {kept} dead letters, expected {recorded} and {letters}.")


def retry(fleet: Fleet, program: Path, settings: dict[str, str], left: int) -> float:
    """Seconds from the command until everything is drained again and only so many letters are left."""
    with resp.Redis(settings["REDIS_URL"]) as redis, bench_worker.running(fleet, program, settings) as worker:
        began = time.monotonic()
        done = subprocess.run(
            [str(program), "dead-letters", "retry", "--error", "none_refused"],
            env=settings, capture_output=True, text=True,
        )
        if done.returncode != 0:
            raise say.Stop(f"dead-letters retry has failed: {done.stdout}{done.stderr}")
        while True:
            group = bench_worker.group_state(redis, "quest:signins", "progress")
            letters = redis.command("XLEN", "quest:dead-letters")
            if letters == left and group and group["lag"] == 0 and group["pending"] == 0:
                return time.monotonic() - began
            if not processes.is_alive(worker) or time.monotonic() > began + bench_worker.LIMIT:
                raise say.Stop(f"The retried letters are not drained.{fleet.last_words('worker')}")
            time.sleep(0.01)
