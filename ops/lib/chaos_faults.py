"""Carrying out the schedule. A fault counts only if it struck work that was under way: that is looked at right before."""

import json
import random
import time
import uuid
from pathlib import Path
from typing import Callable, NamedTuple

import resp
import say
from chaos_book import Book, Letter
from chaos_load import Load
from chaos_plan import RECOVERY, SERVER_KILLS, WORKERS, Fault
from chaos_sight import SIGN_INS, Away, Evidence, Sight
from chaos_stack import Stack
from chaos_watch import Watch
from fleet import SERVERS

# How long evidence is waited for, the first part of it with a transaction open.
PATIENCE, WITH_TRANSACTION = 2.0, 1.2
TRIES = 3
# A struck server may take so long until it can be looked at again.
OUTAGE = 60
INJECTED = 15


class Struck(NamedTuple):
    fault: Fault
    at: float
    landed: bool
    evidence: Evidence | None

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
        if not self.settle(fault):
            evidence = None
        else:
            self.watch.scrape(fault.target)
            self.load.burst.set()
            try:
                evidence = self.evidence(fault)
                lasting = self.strikes[fault.kind](fault)
            finally:
                self.load.burst.clear()
            if lasting:
                self.undo.append((time.monotonic() + fault.seconds, lasting, fault.target))
        struck = Struck(fault, round(time.monotonic() - self.began, 2), evidence is not None, evidence)
        self.struck.append(struck)
        with self.journal.open("a") as file:
            row = fault._asdict() | {"struck": struck.at, "landed": struck.landed}
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
        """What was seen right before the strike; nothing if there was no work to hit. A worker that is to be killed or
        stopped is stopped when this returns."""
        who = self.target.up.get(fault.target) if fault.target in WORKERS else None
        pid = who.pid if who else None
        began = time.monotonic()
        while (waited := time.monotonic() - began) < PATIENCE and not self.watch.died:
            self.tend()
            try:
                seen = self.sight.look(pid)
                enough = seen.transactions > 0 or waited > WITH_TRANSACTION
                if enough and seen.backlog > 0 and (not pid or seen.own > 0):
                    if not pid:
                        return seen
                    self.target.stop(fault.target)
                    # It cannot acknowledge any more: what it holds now, it holds when it is struck.
                    if self.sight.look(pid).own > 0:
                        return seen
                    self.target.go_on(fault.target)
            except Away:
                if pid:
                    self.target.go_on(fault.target)
            time.sleep(0.002)
        if pid:
            self.target.stop(fault.target)
        return None

    # The strikes; each returns how it is undone, if it lasts.

    def kill(self, fault: Fault) -> Callable[[str], None]:
        self.target.kill(fault.target)
        return self.target.start_again

    def stop(self, fault: Fault) -> Callable[[str], None]:
        self.target.stop(fault.target)
        return self.target.go_on

    def cut_postgres(self, _fault: Fault) -> None:
        self.tell(self.sight.database.ask, """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
        """)

    def cut_redis(self, _fault: Fault) -> None:
        self.tell(self.sight.streams.ask, "CLIENT", "KILL", "TYPE", "normal")

    def flush_cache(self, _fault: Fault) -> None:
        with resp.Redis(self.target.cache, timeout=5) as cache:
            cache.command("FLUSHALL")

    def duplicates(self, _fault: Fault) -> None:
        for event in self.book.some(self.chance, INJECTED):
            self.add(Letter(event.id, event.type, event.user_id, now_text()))

    def conflicts(self, _fault: Fault) -> None:
        """Ids of events that are recorded, each for somebody else or as something else: one letter for each."""
        candidates = {event.id: event for event in self.book.some(self.chance, 4 * INJECTED, older_than=1)}
        listed = "{" + ",".join(candidates) + "}"
        recorded = self.tell(
            self.sight.database.reading,
            f"SELECT '' UNION ALL SELECT id::text FROM processing.events WHERE id = ANY('{listed}')",
        )
        for event_id in [row for row in recorded or [] if row][:INJECTED]:
            event, stranger = candidates[event_id], str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
            entry = Letter(event_id, event.type, stranger, now_text())
            if self.chance.random() < 0.3:
                entry = entry._replace(user_id=event.user_id, type=f"Not{event.type}")
            self.book.expect_letter(entry, certain=self.add(entry))

    def malformed(self, _fault: Fault) -> None:
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
            self.book.expect_letter(entry, certain=self.add(entry))

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
