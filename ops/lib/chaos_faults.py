"""Carrying out the schedule. A fault counts only if it struck work that was under way, which is looked at right before,
and if it did something: each strike says how much."""

import json
import time
from pathlib import Path
from typing import Callable, NamedTuple

import say
from chaos_book import Book
from chaos_load import Load
from chaos_plan import RECOVERY, SERVER_KILLS, WORKERS, Fault
from chaos_sight import Away, Evidence, Sight, ports_of
from chaos_stack import OURS, Stack
from chaos_strikes import Done, Strikes
from chaos_watch import Watch
from fleet import SERVERS

# How long evidence is waited for, the first part of it with a transaction open.
PATIENCE, WITH_TRANSACTION = 2.0, 1.2
TRIES = 3
# A struck server may take so long until it can be looked at again.
OUTAGE = 60


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
        self.target, self.load, self.watch, self.sight = target, load, watch, sight
        self.strikes = Strikes(target, load, book, sight, seed)
        self.journal, self.began = journal, time.monotonic()
        self.struck: list[Struck] = []
        self.undo: list[tuple[float, Callable[[str], None], str]] = []

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
                done = self.strikes.by_kind[fault.kind](fault)
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
