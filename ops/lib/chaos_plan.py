"""The schedule of faults: a seed and a number of seconds give the same one on every machine."""

import random
from typing import NamedTuple

WORKERS = ("worker-1", "worker-2", "worker-3")
FRONTS = ("front-1", "front-2")
# After this a worker's entries are taken over; a long stop is longer.
RECLAIM_SECONDS = 3


class Kind(NamedTuple):
    title: str
    targets: tuple[str, ...]
    least: float  # how long it lasts, in seconds
    most: float
    weight: int  # how often in a round


KINDS = {
    "worker-kill": Kind("SIGKILL of a worker", WORKERS, 1, 3, 5),
    "worker-stop": Kind("SIGSTOP of a worker", WORKERS, 0.5, 2, 2),
    "worker-stop-long": Kind("the same, until after the reclaim", WORKERS, RECLAIM_SECONDS + 1, RECLAIM_SECONDS + 4, 2),
    "front-kill": Kind("SIGKILL of a front", FRONTS, 1, 3, 2),
    "front-stop": Kind("SIGSTOP of a front", FRONTS, 0.5, 5, 2),
    "redis-kill": Kind("SIGKILL of Redis", ("redis",), 1.2, 2.5, 2),
    "postgres-kill": Kind("SIGKILL of Postgres", ("postgres",), 0.5, 2, 2),
    "postgres-cut": Kind("every session of Postgres ended", ("postgres",), 0, 0, 2),
    "redis-cut": Kind("every connection to Redis cut", ("redis",), 0, 0, 2),
    "cache-flush": Kind("FLUSHALL of the cache", ("cache",), 0, 0, 1),
    "duplicates": Kind("accepted events once more", ("redis",), 0, 0, 1),
    "conflicts": Kind("recorded ids for somebody else", ("redis",), 0, 0, 1),
    "malformed": Kind("entries that cannot be parsed", ("redis",), 0, 0, 1),
}
SERVER_KILLS = ("redis-kill", "postgres-kill")
# Between two faults, in seconds.
LEAST_GAP, MOST_GAP = 2.0, 3.6
# A process that was started again is left in peace for so long; a server comes back before anything else breaks.
PEACE, RECOVERY = 4.0, 2.0
# Of these not all may be in trouble at once: somebody must take sign-ins, somebody must work.
MOST_IN_TROUBLE = {WORKERS: 2, FRONTS: 1}


class Fault(NamedTuple):
    at: float  # seconds after the load began
    kind: str
    target: str
    seconds: float  # how long it lasts

    def __str__(self) -> str:
        lasting = f"for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:7.1f} s  {self.kind:<17} {self.target:<9} {lasting}".rstrip()


def warm_up(seconds: float) -> float:
    """How long the load runs before the first fault."""
    return min(10.0, seconds * 0.15)


def schedule(seed: int, seconds: float, only: tuple[str, ...] = ()) -> list[Fault]:
    """The faults in the order of their times, the last one early enough to be undone under load.

    First every kind once, then rounds by weight; with `only`, these kinds by turns.
    """
    chance = random.Random(f"{seed}/{seconds:g}/{','.join(only)}")
    end = seconds - min(6.0, seconds * 0.2)
    faults: list[Fault] = []
    busy: dict[str, float] = {}  # until when a target is in trouble or in peace after it
    waiting: list[str] = list(only) or shuffled(chance, list(KINDS))
    now = warm_up(seconds)
    while now < end:
        if len(waiting) < len(KINDS):
            waiting += list(only) or shuffled(chance, [name for name, kind in KINDS.items() for _ in range(kind.weight)])
        kind = next((name for name in waiting if free(name, now, busy)), None)
        if not kind:
            now += LEAST_GAP / 4
            continue
        waiting.remove(kind)
        target = chance.choice(free(kind, now, busy))
        lasting = round(chance.uniform(KINDS[kind].least, KINDS[kind].most), 1)
        faults.append(Fault(round(now, 1), kind, target, lasting))
        if target in WORKERS + FRONTS:
            busy[target] = now + lasting + PEACE
        now += chance.uniform(LEAST_GAP, MOST_GAP) + (lasting + RECOVERY if kind in SERVER_KILLS else 0)
    return faults


def shuffled(chance: random.Random, names: list[str]) -> list[str]:
    chance.shuffle(names)
    return names


def free(kind: str, now: float, busy: dict[str, float]) -> list[str]:
    """The targets that this kind may hit now."""
    targets = KINDS[kind].targets
    idle = [target for target in targets if busy.get(target, 0) <= now]
    most = MOST_IN_TROUBLE.get(targets, len(targets))
    return idle if len(targets) - len(idle) < most else []
