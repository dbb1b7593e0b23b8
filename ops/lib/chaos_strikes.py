"""The strikes: what each kind of fault does to the stack. Each says how much it did."""

import random
import re
import time
import uuid
from typing import Callable, NamedTuple

import resp
from chaos_book import Book, Letter, Recent
from chaos_load import Load
from chaos_plan import Fault
from chaos_sight import SIGN_INS, Away, Sight, ports_of
from chaos_stack import OURS, Stack

INJECTED = 15


class Done(NamedTuple):
    """What a strike did."""

    count: int  # processes, sessions, connections, keys or entries
    undo: Callable[[str], None] | None = None  # if it lasts


class Strikes:
    def __init__(self, target: Stack, load: Load, book: Book, sight: Sight, seed: int):
        self.target, self.load, self.book, self.sight = target, load, book, sight
        self.chance = random.Random(f"faults {seed}")
        self.by_kind = {
            "worker-kill": self.kill, "worker-stop": self.stop, "worker-stop-long": self.stop,
            "front-kill": self.kill, "front-stop": self.stop, "redis-kill": self.kill, "postgres-kill": self.kill,
            "postgres-cut": self.cut_postgres, "redis-cut": self.cut_redis, "cache-flush": self.flush_cache,
            "duplicates": self.duplicates, "conflicts": self.conflicts, "malformed": self.malformed,
        }

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
