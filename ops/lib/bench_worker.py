"""How fast one release worker with default settings drains a backlog, against floor A (floor.sql), in pairs.

Both do the same work in a database of their own made from one template; the rows they leave are compared.
"""

import argparse
import contextlib
import csv
import os
import random
import signal
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import bench_report
import build
import packages
import ports
import processes
import resp
import say
import servers
import stack
from fleet import Fleet, Turn

FOLDER = stack.STACK / "bench"
FLOOR = Path(__file__).with_name("floor.sql")
LIMIT = 180  # seconds for one drain


class Event(NamedTuple):
    id: str
    user_id: str
    occurred_at: str
    type: str = "UserSignIn"


class Drain(NamedTuple):
    seconds: float
    claims_seconds: float  # from the same start until every claim was stored
    resident_mb: float  # the most seen while it ran
    anonymous_mb: float


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--people", type=int, default=40_000, help="people, each with five events (40000)")
    parser.add_argument("--roles", help="the worker's roles, if not all of them")
    parser.add_argument("--bin", type=Path, help="a folder with the executables, instead of building them")


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    bench_report.worker(FOLDER, options, *in_private(options, interruptions, measure))
    return 0


def in_private(options: argparse.Namespace, interruptions: processes.Interruptions, work: Callable) -> tuple:
    """Calls `work` with the options, a fleet for private servers and the worker's executable; cleans up after it."""
    turn = Turn(FOLDER)
    if not turn.take():
        raise say.Stop("Another ops/bench is running here.")
    packages.install()
    program = (options.bin or build.executables("release")).resolve() / "questline-worker"
    fleet = Fleet(FOLDER, interruptions)
    fleet.stop_all(quiet=True)
    servers.remove_data(FOLDER)
    try:
        return work(options, fleet, program)
    finally:
        interruptions.ignore()
        fleet.stop_all(quiet=True)
        servers.remove_data(FOLDER)
        (FOLDER / "staging.csv").unlink(missing_ok=True)


def measure(options: argparse.Namespace, fleet: Fleet, program: Path) -> tuple[list[float], list[Drain], int]:
    template, superuser, environment = start(fleet, program)
    if options.roles:
        environment["QUESTLINE_WORKER_ROLES"] = options.roles
    floors, drains = [], []
    for pair in range(options.pairs):
        events = backlog(options.people, seed=pair)
        database = fresh_database(superuser, template, f"floor_{pair}")
        floors.append(run_floor(events, database, superuser))
        check(database, options.people)
        database = fresh_database(superuser, template, f"worker_{pair}")
        drains.append(run_worker(fleet, program, environment | {"DATABASE_URL": database}, events, superuser))
        check(database, options.people)
        ratio = floors[-1] / drains[-1].seconds
        say.line(
            f"  pair {pair + 1}: floor A {len(events) / floors[-1]:9,.0f} events/s   "
            f"worker {len(events) / drains[-1].seconds:9,.0f} events/s   ratio {ratio:.2f}"
        )
        for name in (f"floor_{pair}", f"worker_{pair}"):
            servers.checked(servers.psql(superuser, f"DROP DATABASE {name} WITH (FORCE)"))
    return floors, drains, len(events)


def start(fleet: Fleet, program: Path) -> tuple[str, str, dict[str, str]]:
    """Starts the servers and fills the database that all others are copied from. Returns its URL, the superuser's, and
    what the executables are started with."""
    secrets = stack.kept_secrets(FOLDER)
    redis = servers.start_redis(fleet, "redis", "streams.conf", secrets["REDIS_PASSWORD"])
    cache = servers.start_redis(fleet, "cache", "cache.conf", secrets["REDIS_PASSWORD"])
    template = servers.start_postgres(fleet, secrets["POSTGRES_PASSWORD"])
    superuser = template.replace("postgres://questline:", "postgres://postgres:").replace("/questline", "/postgres")
    environment = os.environ | secrets | {
        "REDIS_URL": redis, "CACHE_REDIS_URL": cache, "DATABASE_URL": template, "QUESTLINE_LOG": "text",
    }
    if processes.run([str(program), "migrate"], environment=environment) != 0:
        raise say.Stop("The migrations have failed.")
    return template, superuser, environment


def backlog(people: int, seed: int) -> list[Event]:
    """Five events of each person, shuffled, with the ids that the front would make in that order (UUIDv7)."""
    chance = random.Random(seed)
    users = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(people)] * 5
    chance.shuffle(users)
    began = datetime(2026, 1, 1, tzinfo=timezone.utc)
    events = []
    for number, user in enumerate(users):
        moment = began + timedelta(milliseconds=number // 10)
        bits = int(moment.timestamp() * 1000) << 80 | (number % 10) << 72 | chance.getrandbits(72)
        bits = bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
        at = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
        events.append(Event(str(uuid.UUID(int=bits)), user, at))
    return events


def fresh_database(superuser: str, template: str, name: str) -> str:
    servers.checked(servers.psql(superuser, f"CREATE DATABASE {name} TEMPLATE questline OWNER questline"))
    return template.removesuffix("questline") + name


def settled(superuser: str) -> None:
    """Nothing left over from what went before is written while the next one is measured."""
    servers.checked(servers.psql(superuser, "CHECKPOINT"))


def run_floor(events: list[Event], database: str, superuser: str) -> float:
    staging = FOLDER / "staging.csv"
    with staging.open("w", newline="") as file:
        csv.writer(file).writerows([number // 1000, *event[:3]] for number, event in enumerate(events))
    servers.checked(servers.psql(database, f"""
        CREATE SCHEMA bench;
        CREATE TABLE bench.staging (batch integer, id uuid, user_id uuid, occurred_at timestamptz,
            event_type text DEFAULT 'UserSignIn');
        \\copy bench.staging (batch, id, user_id, occurred_at) FROM '{staging}' CSV
        CREATE INDEX ON bench.staging (batch);
        ANALYZE bench.staging;
    """))
    row = servers.checked(servers.psql(database, "SELECT quest_id, revision FROM catalog.quests")).strip()
    quest, revision = row.split("|")
    script = f"\\set quest {quest}\n\\set revision {revision}\n{FLOOR.read_text()}"
    script += "".join(f"EXECUTE batch ({number});\n" for number in range(-(-len(events) // 1000)))
    settled(superuser)
    began = time.monotonic()
    servers.checked(servers.psql(database, script))
    return time.monotonic() - began


def run_worker(
    fleet: Fleet, program: Path, environment: dict[str, str], events: list[Event], superuser: str
) -> Drain:
    with resp.Redis(environment["CACHE_REDIS_URL"]) as cache:
        cache.command("FLUSHALL")
    with resp.Redis(environment["REDIS_URL"]) as redis:
        fill(redis, events)
        settled(superuser)
        with running(fleet, program, environment) as worker:
            return watch(fleet, redis, worker)


@contextlib.contextmanager
def running(fleet: Fleet, program: Path, environment: dict[str, str]) -> Iterator[processes.Identity]:
    """A worker, for as long as the block lasts."""
    port = ports.free()
    worker = fleet.start(
        "worker", [str(program), "run"], environment=environment | {"QUESTLINE_PROBE_PORT": str(port)}
    )
    try:
        yield worker
    finally:
        if processes.stop(worker, (signal.SIGTERM, 15), (signal.SIGKILL, 5)) == signal.SIGKILL:
            say.trouble("  The worker did not stop on SIGTERM.")
        fleet.stop("worker")


def fill(redis: resp.Redis, events: list[Event]) -> None:
    """Puts the backlog into an empty stream and waits until the append-only file rests."""
    redis.command("FLUSHALL")
    for start in range(0, len(events), 2000):
        redis.pipeline(
            ("XADD", "quest:signins", "*", "event_id", event.id, "type", event.type, "user_id", event.user_id,
             "occurred_at", event.occurred_at)
            for event in events[start:start + 2000]
        )
    redis.command("BGREWRITEAOF")
    while True:
        state = redis.command("INFO", "persistence")
        if "aof_rewrite_in_progress:0" in state and "aof_rewrite_scheduled:0" in state:
            return
        time.sleep(0.05)


def watch(fleet: Fleet, redis: resp.Redis, worker: processes.Identity) -> Drain:
    """Times a drain from the first entry that is delivered to the last one that is acknowledged."""
    until = time.monotonic() + LIMIT
    began = drained = None
    resident = anonymous = 0.0
    while True:
        now = time.monotonic()
        if not processes.is_alive(worker) or now > until:
            raise say.Stop(f"The worker has not drained the stream.{fleet.last_words('worker')}")
        resident, anonymous = max(resident, memory(worker, "VmRSS")), max(anonymous, memory(worker, "RssAnon"))
        if drained is None:
            group = group_state(redis, "quest:signins", "progress")
            if began is None and group and group["last-delivered-id"] != "0-0":
                began = now
            if began is not None and group["lag"] == 0 and group["pending"] == 0:
                drained = time.monotonic()
        else:
            group = group_state(redis, "quest:completions", "claims")
            if group is None or group["lag"] == 0 and group["pending"] == 0:
                return Drain(drained - began, time.monotonic() - began, resident, anonymous)
        time.sleep(0.01)


def group_state(redis: resp.Redis, stream: str, name: str) -> dict | None:
    try:
        groups = map(resp.pairs, redis.command("XINFO", "GROUPS", stream))
    except resp.RedisFailure:
        return None
    return next((group for group in groups if group["name"] == name), None)


def memory(process: processes.Identity, field: str) -> float:
    """A figure of /proc/<pid>/status in MB."""
    try:
        for row in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if row.startswith(f"{field}:"):
                return int(row.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def check(database: str, people: int) -> None:
    """Both have done all of the work: every event recorded, five counted for each person, one completion each."""
    found = servers.checked(servers.psql(database, """
        SELECT count(*) FILTER (WHERE event_type = 'UserSignIn'), count(*) FILTER (WHERE event_type = 'QuestCompleted'),
            (SELECT count(*) FROM processing.user_quest_rewards WHERE streak = 2 AND duplication = 1)
        FROM processing.events
    """)).strip()
    if found != f"{people * 5}|{people}|{people}":
        raise say.Stop(f"{database.rpartition('/')[2]} has done other work: events, completions, people: {found}")
