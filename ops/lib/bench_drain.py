"""Workers drain a backlog: how long it takes them, and what it costs."""

import contextlib
import signal
import threading
import time
from typing import Callable, Iterator, NamedTuple

import bench_backlog
import bench_usage
import ports
import processes
import resp
import say
from bench_stage import Stage

LIMIT = 180  # seconds for one drain, and one more for each so many entries:
SLOWEST = 2_000
LOOK = 0.025  # seconds between looks: more of them would take a noticeable part of a core


class Drain(NamedTuple):
    seconds: float
    claims_seconds: float  # from the same start until every claim was stored
    resident_mb: float  # the most of a worker seen while it ran
    anonymous_mb: float
    processor: dict[str, float]  # seconds until every claim was stored, of the workers, Redis and Postgres


def drain(
    stage: Stage, database: str, name: str, workers: int = 1, settings: dict[str, str] = {},
    midway: Callable[[], None] | None = None,
) -> Drain:
    """Drains the kept backlog of that name into a database. `midway` is called when half of it is delivered."""
    stage.clear_cache()
    with stage.redis() as redis:
        bench_backlog.lay_out(redis, name)
        stage.settle()
        with running(stage, workers, settings | {"DATABASE_URL": database}) as started:
            return watch(stage, redis, started, midway)


@contextlib.contextmanager
def running(stage: Stage, workers: int, settings: dict[str, str]) -> Iterator[list[processes.Identity]]:
    """So many workers, for as long as the block lasts."""
    names = [f"worker-{number + 1}" for number in range(workers)]
    started = [
        stage.fleet.start(
            name, [str(stage.worker), "run"],
            environment=stage.environment | settings | {"QUESTLINE_PROBE_PORT": str(ports.free())},
        )
        for name in names
    ]
    try:
        yield started
    finally:
        for name, worker in zip(names, started):
            if processes.stop(worker, (signal.SIGTERM, 15), (signal.SIGKILL, 5)) == signal.SIGKILL:
                say.trouble(f"  {name} did not stop on SIGTERM.")
            stage.fleet.stop(name)


def watch(
    stage: Stage, redis: resp.Redis, workers: list[processes.Identity], midway: Callable[[], None] | None = None
) -> Drain:
    """Times a drain from the first entry that is delivered to the last one that is acknowledged."""
    length = redis.command("XLEN", bench_backlog.STREAM)
    until = time.monotonic() + LIMIT + length / SLOWEST
    began = drained = None
    before: dict[str, float] = {}
    resident = anonymous = 0.0
    meanwhile: list[threading.Thread] = []
    while True:
        now = time.monotonic()
        if now > until or not all(map(processes.is_alive, workers)):
            raise say.Stop(f"The stream is not drained.{stage.fleet.last_words('worker-1')}")
        resident = max(resident, *(bench_usage.memory(worker, "VmRSS") for worker in workers))
        anonymous = max(anonymous, *(bench_usage.memory(worker, "RssAnon") for worker in workers))
        if drained is None:
            group = group_state(redis, bench_backlog.STREAM, "progress")
            if began is None and group and group["last-delivered-id"] != "0-0":
                began, before = now, bench_usage.meter(stage.fleet, workers)
            if began is not None and midway and not meanwhile and 2 * (group["entries-read"] or 0) >= length:
                meanwhile.append(threading.Thread(target=midway))
                meanwhile[0].start()
            if began is not None and group["lag"] == 0 and group["pending"] == 0:
                drained = time.monotonic()
        else:
            group = group_state(redis, "quest:completions", "claims")
            if group is None or group["lag"] == 0 and group["pending"] == 0:
                ended, after = time.monotonic(), bench_usage.meter(stage.fleet, workers)
                for thread in meanwhile:
                    thread.join()
                return Drain(drained - began, ended - began, resident, anonymous, bench_usage.between(before, after))
        time.sleep(LOOK)


def group_state(redis: resp.Redis, stream: str, name: str) -> dict | None:
    try:
        groups = map(resp.pairs, redis.command("XINFO", "GROUPS", stream))
    except resp.RedisFailure:
        return None
    return next((group for group in groups if group["name"] == name), None)
