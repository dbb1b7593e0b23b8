"""What was sent and what was answered: all that the event table may and must hold in the end."""

import collections
import threading
import time
from typing import NamedTuple

Sent = dict[str, tuple[str, str]]  # event id: person and type
# The type of an event by password: whether it was the person's first one is the front's to decide.
EITHER = "a sign-in"
FIRST, LATER = "NewUserSignIn", "UserSignIn"


class Letter(NamedTuple):
    """An entry by what it holds; of those that were put there on purpose no two are alike."""

    event_id: str
    type: str
    user_id: str
    occurred_at: str


class Recent(NamedTuple):
    id: str
    user_id: str
    type: str
    at: float


class Book:
    """Written by all senders, read at the end."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.accepted: Sent = {}
        self.by_password = 0
        # Never finally answered: recorded or not.
        self.maybe: Sent = {}
        # Requests by password without an answer or with 503, by person: each may have recorded one event of any id.
        self.unanswered: collections.Counter[str] = collections.Counter()
        self.letters: set[Letter] = set()
        self.maybe_letters: set[Letter] = set()
        self.recent: collections.deque[Recent] = collections.deque(maxlen=5_000)
        self.strange: list[str] = []  # answers that no client should get
        self.answered: collections.Counter[str] = collections.Counter()  # accepted, by front
        self.again: collections.Counter[int] = collections.Counter()  # requests to send again, by status

    def accept(self, events: Sent, front: str) -> None:
        now = time.monotonic()
        with self.guard:
            self.accepted.update(events)
            self.answered[front] += len(events)
            self.recent.extend(Recent(id, user, type, now) for id, (user, type) in events.items())

    def accept_password(self, event_id: str, person: str, front: str) -> None:
        with self.guard:
            self.accepted[event_id] = (person, EITHER)
            self.answered[front] += 1
            self.by_password += 1

    def give_up(self, events: Sent) -> None:
        with self.guard:
            self.maybe.update(events)

    def not_answered(self, person: str) -> None:
        with self.guard:
            self.unanswered[person] += 1

    def send_again(self, status: int) -> None:
        with self.guard:
            self.again[status] += 1

    def expect_letter(self, letter: Letter, certain: bool) -> None:
        with self.guard:
            (self.letters if certain else self.maybe_letters).add(letter)

    def wonder(self, what: str) -> None:
        with self.guard:
            self.strange.append(what)

    def some(self, chance, count: int, older_than: float = 0) -> list[Recent]:
        """Some of the events that were accepted lately, by ingest."""
        latest = time.monotonic() - older_than
        with self.guard:
            known = [event for event in self.recent if event.at <= latest]
        return chance.sample(known, min(count, len(known)))
