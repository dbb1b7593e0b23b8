"""Carrying out the schedule. A fault counts only if it struck work that was under way, which is looked at right before,
and if it did something: each strike says how much."""

import json
import random
import re
import time
import uuid
from pathlib import Path
from typing import Callable, NamedTuple

import resp
import say
from chaos_book import Book, Letter, Recent
from chaos_load import Load
from chaos_plan import RECOVERY, SERVER_KILLS, WORKERS, Fault
from chaos_sight import SIGN_INS, Away, Evidence, Sight, ports_of
from chaos_stack import OURS, Stack
from chaos_watch import Watch
from fleet import SERVERS

# How long evidence is waited for, the first part of it with a transaction open.
PATIENCE, WITH_TRANSACTION = 2.0, 1.2
TRIES = 3
# A struck server may take so long until it can be looked at again.
OUTAGE = 60
INJECTED = 15


class Done(NamedTuple):
    """What a strike did."""

    count: int  # processes, sessions, connections, keys or entries
    undo: Callable[[str], None] | None = None  # if it lasts


class Struck(NamedTuple):
    fault: Fault
    at: float
    done: int
    evidence: Evidence | None

    @property
    def landed(self) -> bool:
        return self.evidence is not None and self.done > 0

    @property
    def in_transaction(self) -> bool:
        return self.landed and self.evidence is not None and self.evidence.transactions > 0


class Faults:
    def __init__(self, target: Stack, load: Load, book: Book, watch: Watch, sight: Sight, seed: int, journal: Path):
        self.target, self.load, self.book, self.watch, self.sight = target, load, book, watch, sight
        self.chance = random.Random(f"faults {seed}")
        self.journal, self.began = journal, time.monotonic()
        self.struck: list[Struck] = []
        self.undo: list[tuple[float, Callable[[str], None], str]] = []
        self.strikes = {
            "worker-kill": self.kill, "worker-stop": self.stop, "worker-stop-long": self.stop,
            "front-kill": self.kill, "front-stop": self.stop, "redis-kill": self.kill, "postgres-kill": self.kill,
            "postgres-cut": self.cut_postgres, "redis-cut": self.cut_redis, "cache-flush": self.flush_cache,
            "duplicates": self.duplicates, "conflicts": self.conflicts, "malformed": self.malformed,
        }

    def carry_out(self, plan: list[Fault], seconds: float) -> None:
        """Until the schedule and the time are over, or until somebody has died by himself."""
        self.began = began = time.monotonic()
        waiting = list(plan)
        again: list[tuple[Fault, int]] = []
        last = plan[-1].at if plan else 0
        while (now := time.monotonic() - began) < seconds and not self.watch.died:
            self.tend()
            due, tries = None, 1
            if waiting and waiting[0].at <= now:
                due = waiting.pop(0)
            elif again and now < last and (not waiting or waiting[0].at > now + PATIENCE):
                due, tries = again.pop(0)
            if not due:
                time.sleep(0.01)
            elif not self.strike(due) and tries < TRIES:
                again.append((due, tries + 1))

    def tend(self) -> None:
        """Undoes what has lasted long enough."""
        self.target.tend()
        for entry in [entry for entry in self.undo if entry[0] <= time.monotonic()]:
            self.undo.remove(entry)
            entry[1](entry[2])

    def strike(self, fault: Fault) -> bool:
        """Waits for evidence, strikes, and says whether the fault landed."""
        evidence, done = None, Done(0)
        if self.settle(fault):
            self.watch.scrape(fault.target)
            self.load.burst.set()
            try:
                evidence = self.evidence(fault)
                done = self.strikes[fault.kind](fault)
            finally:
                self.load.burst.clear()
            if done.undo:
                self.undo.append((time.monotonic() + fault.seconds, done.undo, fault.target))
        struck = Struck(fault, round(time.monotonic() - self.began, 2), done.count, evidence)
        self.struck.append(struck)
        with self.journal.open("a") as file:
            row = fault._asdict() | {"struck": struck.at, "landed": struck.landed, "done": struck.done}
            file.write(json.dumps(row | (evidence._asdict() if evidence else {})) + "\n")
        return struck.landed

    def settle(self, fault: Fault) -> bool:
        """Waits until the servers are back, and for a while if another one is to go, and until the target is there."""
        began = time.monotonic()
        while True:
            self.tend()
            now = time.monotonic()
            servers_up = len(self.target.answering(SERVERS)) == len(SERVERS)
            if fault.kind in SERVER_KILLS and now < self.target.server_back + RECOVERY:
                servers_up = False
            if servers_up and self.target.answering((fault.target,)):
                return True
            waited = now - began
            if self.watch.died or servers_up and waited > PATIENCE:
                return False
            if waited > OUTAGE:
                raise say.Stop(f"Nothing can be broken any more: a server has not come back in {OUTAGE} s.")
            time.sleep(0.02)

    def evidence(self, fault: Fault) -> Evidence | None:
        """What was seen right before the strike; nothing if there was no work to hit. One of ours that is to be killed or
        stopped is stopped when this returns."""
        who = self.target.up.get(fault.target) if fault.target in OURS else None
        pid = who.pid if who else None

        def enough(seen: Evidence) -> bool:
            at_work = seen.backlog > 0 and (seen.own > 0 or fault.target not in WORKERS)
            return at_work and (seen.transactions > 0 or time.monotonic() - began > WITH_TRANSACTION)

        began = time.monotonic()
        while time.monotonic() - began < PATIENCE and not self.watch.died:
            self.tend()
            try:
                if not pid:
                    if enough(seen := self.sight.look()):
                        return seen
                elif self.sight.transactions(ports := ports_of([pid])) or time.monotonic() - began > WITH_TRANSACTION:
                    # Stopped, it cannot acknowledge any more: what it holds then, it holds when it is struck.
                    if self.target.stop(fault.target) and enough(seen := self.sight.look(pid, ports)):
                        return seen
                    self.target.go_on(fault.target)
            except Away:
                if pid:
                    self.target.go_on(fault.target)
            time.sleep(0.002)
        if pid:
            self.target.stop(fault.target)
        return None

    # The strikes

    def kill(self, fault: Fault) -> Done:
        return Done(1, self.target.start_again) if self.target.kill(fault.target) else Done(0)

    def stop(self, fault: Fault) -> Done:
        return Done(int(self.target.stop(fault.target)), self.target.go_on)

    def cut_postgres(self, _fault: Fault) -> Done:
        ended = self.tell(self.sight.database.ask, """
            SELECT count(*) FILTER (WHERE is_ended AND application_name LIKE 'questline-%') FROM (
                SELECT pg_terminate_backend(pid) AS is_ended, application_name FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            ) AS sessions
        """)
        return Done(int(ended[0]) if ended else 0)

    def cut_redis(self, _fault: Fault) -> Done:
        ours = ports_of([who.pid for name, who in self.target.up.items() if name in OURS])
        clients = self.tell(self.sight.streams.reading, "CLIENT", "LIST", "TYPE", "normal") or ""
        cut = self.tell(self.sight.streams.ask, "CLIENT", "KILL", "TYPE", "normal") or 0
        ports = [int(port) for port in re.findall(r" addr=\S+:(\d+) ", clients)]
        return Done(min(cut, sum(port in ours for port in ports)))

    def flush_cache(self, _fault: Fault) -> Done:
        with resp.Redis(self.target.cache, timeout=5) as cache:
            keys = cache.command("DBSIZE")
            cache.command("FLUSHALL")
        return Done(keys)

    def duplicates(self, _fault: Fault) -> Done:
        """Of events that are recorded: once more an event that is lost would be its repair."""
        return Done(sum(
            self.add(Letter(event.id, event.type, event.user_id, now_text())) for event in self.recorded(older_than=0)
        ))

    def conflicts(self, _fault: Fault) -> Done:
        """Ids of events that are recorded, each for somebody else or as something else: one letter for each."""
        count = 0
        for event in self.recorded(older_than=1):
            stranger = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
            entry = Letter(event.id, event.type, stranger, now_text())
            if self.chance.random() < 0.3:
                entry = entry._replace(user_id=event.user_id, type=f"Not{event.type}")
            count += self.injected(entry)
        return Done(count)

    def recorded(self, older_than: float) -> list[Recent]:
        """A few of the events that were accepted lately and are in the event table."""
        candidates = {event.id: event for event in self.book.some(self.chance, 4 * INJECTED, older_than)}
        listed = "{" + ",".join(candidates) + "}"
        rows = self.tell(
            self.sight.database.reading,
            f"SELECT '' UNION ALL SELECT id::text FROM processing.events WHERE id = ANY('{listed}')",
        )
        return [candidates[row] for row in rows or [] if row][:INJECTED]

    def malformed(self, _fault: Fault) -> Done:
        count = 0
        for number in range(INJECTED):
            unique = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
            person = self.chance.choice(self.load.people)
            entry = (
                Letter(f"not an id {unique}", "UserSignIn", person, now_text()),
                Letter(unique, "not a type!", person, now_text()),
                Letter(unique, "QuestCompleted", person, now_text()),
                Letter(unique, "UserSignIn", "nobody", now_text()),
                Letter(unique, "UserSignIn", person, "yesterday"),
            )[number % 5]
            count += self.injected(entry)
        return Done(count)

    def injected(self, entry: Letter) -> bool:
        """Puts an entry into the stream that must become a letter; whether it is certain to be there."""
        is_certain = self.add(entry)
        self.book.expect_letter(entry, certain=is_certain)
        return is_certain

    def add(self, entry: Letter) -> bool:
        """Puts an entry into the stream as a producer would; whether that is certain."""
        fields = [part for pair in entry._asdict().items() for part in pair]
        return self.tell(self.sight.streams.ask, "XADD", SIGN_INS, "*", *fields) is not None

    def tell(self, ask: Callable, *words: object):
        try:
            return ask(*words)
        except Away:
            return None


def now_text() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
