"""Watching while things break: who dies, what the executables count, how long nothing moves, how memory grows."""

import collections
import re
import statistics
import threading
import time
from typing import NamedTuple

import resp
import web
from bench_usage import memory
from chaos_load import MOST_BACKLOG, Load
from chaos_plan import FRONTS, WORKERS
from chaos_sight import GROUPS, SIGN_INS, Away, Streams, pid_of
from chaos_stack import OURS, Stack

LOOK, SCRAPE = 0.2, 1.0  # seconds
COUNTERS = {
    "reclaims": re.compile(r"^quest_reclaimed_total\S* (\S+)$", re.M),
    "duplicates": re.compile(r'^quest_events_processed_total\{[^}]*outcome="duplicate"[^}]*\} (\S+)$', re.M),
    "published": re.compile(r"^quest_outbox_published_total\S* (\S+)$", re.M),
    "retries": re.compile(r"^quest_batch_retries_total\S* (\S+)$", re.M),
}


class Growth(NamedTuple):
    """Anonymous memory in MB of the processes of a role, on average, those that live at the end."""

    before: float
    after: float

    @property
    def percent(self) -> float:
        return 100 * (self.after / self.before - 1)


class Watch:
    def __init__(self, target: Stack, load: Load, warm_up: float):
        self.target, self.load, self.warm_up = target, load, warm_up
        self.streams = Streams(target.redis)
        self.guard = threading.Lock()
        # By process life, so that what a killed one has counted stays counted.
        self.counted: dict[tuple[str, int], dict[str, float]] = {}
        self.first_seen: dict[tuple[str, int], float] = {}
        self.warm: dict[tuple[str, int], float] = {}
        self.died: list[str] = []
        self.longest_stall, self.stalled_until = 0.0, 0.0  # the end of it in seconds since the load began
        self.began = self.moved_at = time.monotonic()
        self.position, self.delivered, self.done = "0-0", 0, -1
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> None:
        self.began = self.moved_at = time.monotonic()
        self.thread.start()

    def stop(self) -> None:
        self.ending.set()
        if self.thread.is_alive():
            self.thread.join(10)
        self.streams.close()

    def run(self) -> None:
        scraped = 0.0
        while not self.ending.wait(LOOK):
            self.died += self.target.dead()
            self.look_for_stall()
            if time.monotonic() > scraped + SCRAPE:
                scraped = time.monotonic()
                for name in self.target.answering():
                    self.scrape(name)

    # What they count

    def scrape(self, name: str) -> None:
        """Reads the counters of one of ours, if it answers."""
        who = self.target.up.get(name)
        if name not in OURS or not who:
            return
        life = name, who.pid
        answer = web.call("GET", f"{self.target.probe(name)}/metrics", timeout=1)
        now = time.monotonic()
        with self.guard:
            if answer.status == 200:
                self.counted[life] = {
                    counter: sum(map(float, pattern.findall(str(answer.body)))) for counter, pattern in COUNTERS.items()
                }
            seen = self.first_seen.setdefault(life, now)
            if life not in self.warm and now > seen + self.warm_up:
                self.warm[life] = memory(who, "RssAnon")

    def totals(self) -> dict[str, int]:
        with self.guard:
            return {name: int(sum(life[name] for life in self.counted.values())) for name in COUNTERS}

    def growth(self) -> dict[str, Growth | None]:
        """By role; nothing where no process is old enough."""
        found: dict[str, Growth | None] = {}
        for role, names in (("workers", WORKERS), ("fronts", FRONTS)):
            pairs = [
                (warm, memory(self.target.up[name], "RssAnon")) for (name, pid), warm in self.warm.items()
                if name in names and name in self.target.up and self.target.up[name].pid == pid and warm
            ]
            found[role] = Growth(*map(statistics.mean, zip(*pairs))) if pairs else None
        return found

    # Whether anything moves

    def look_for_stall(self) -> None:
        """There is work to do, and no entry is done with that was not before: a stall, servers' absence included."""
        now = time.monotonic()
        try:
            group = self.streams.group(SIGN_INS, "progress")
            if group:
                last, pending = group["last-delivered-id"], group["pending"]
                self.delivered += self.streams.count(SIGN_INS, self.position, last, 100_000)
                self.position = last
                self.load.backlog = self.streams.count(SIGN_INS, last, "+", MOST_BACKLOG) + pending
                if self.delivered - pending != self.done or not self.load.backlog:
                    self.done, self.moved_at = self.delivered - pending, now
        except (Away, resp.RedisFailure):
            pass  # nobody can be given anything
        if now - self.moved_at > self.longest_stall:
            self.longest_stall, self.stalled_until = now - self.moved_at, now - self.began


def consumers_left(streams: Streams, stack: Stack) -> collections.Counter[str]:
    """Who holds entries that are not acknowledged, and how many: a name, or the pid of one that is gone."""
    names = {who.pid: name for name, who in stack.up.items()}
    left: collections.Counter[str] = collections.Counter()
    for stream, group in GROUPS:
        for consumer in streams.consumers(stream, group):
            pid = pid_of(consumer["name"])
            if consumer["pending"]:
                left[names.get(pid, f"pid {pid}, which is gone")] += consumer["pending"]
    return left
