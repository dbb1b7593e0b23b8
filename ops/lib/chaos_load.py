"""The load: servers that report sign-ins by key and people who sign in by password, as real clients would."""

import base64
import json
import random
import threading
import time
import uuid
from datetime import datetime, timezone
from typing import Callable

import say
import web
from chaos_book import FIRST, LATER, Book, Sent
from chaos_plan import FRONTS
from chaos_stack import Stack

INGEST_THREADS, PASSWORD_THREADS = 3, 6
PEOPLE = 1_500  # who come by ingest
TYPES = (LATER, FIRST, "PageViewed")
PASSWORD = "a password for chaos"
TIMEOUT = 3  # seconds a client waits for an answer
PATIENCE = 45  # seconds for which it sends the same again
# No more is sent ahead of the workers than this.
MOST_BACKLOG = 2_500


class Load:
    def __init__(self, target: Stack, book: Book, seed: int):
        self.target, self.book, self.seed = target, book, seed
        self.ending, self.abandoned = threading.Event(), threading.Event()
        self.burst = threading.Event()  # as much as the backlog allows
        self.backlog = 0  # as last seen by whoever looks
        self.threads: list[threading.Thread] = []
        chance = random.Random(f"people {seed}")
        self.people = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(PEOPLE)]
        self.accounts: list[tuple[str, str]] = []  # name and id

    def sign_up(self, count: int) -> None:
        for number in range(count):
            name = f"chaos-{number}"
            url = f"{self.target.url(FRONTS[number % len(FRONTS)])}/users/signup"
            answer = web.call("POST", url, json_body={"user_name": name, "password": PASSWORD})
            if answer.status != 201:
                raise say.Stop(f"Signing up was answered with {answer.status}: {answer.body}")
            self.accounts.append((name, answer.body["user_id"]))

    def start(self) -> None:
        work = [self.ingest] * INGEST_THREADS + [self.by_password] * PASSWORD_THREADS
        for number, body in enumerate(work):
            chance = random.Random(f"load {self.seed} {number}")
            self.threads.append(threading.Thread(target=self.kept, args=(body, chance), daemon=True))
            self.threads[-1].start()

    def stop(self) -> None:
        """No new requests; those that wait for an answer are sent again until they have it, or for good."""
        self.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE + 2 * TIMEOUT)

    def abandon(self) -> None:
        self.ending.set()
        self.abandoned.set()

    def kept(self, body: Callable[[random.Random], None], chance: random.Random) -> None:
        """A sender that cannot go on is a fault of the test, and said."""
        try:
            while not self.ending.is_set():
                body(chance)
        except Exception as error:  # whatever it is: a thread would end in silence
            self.book.wonder(f"a sender has ended: {error!r}")
            raise

    # By key

    def ingest(self, chance: random.Random) -> None:
        if self.burst.is_set() and self.backlog < MOST_BACKLOG:
            size, pause = chance.randint(200, 1_000), 0.0
        else:
            size = chance.choice((1, 1, 1, chance.randint(2, 40), chance.randint(40, 100)))
            pause = chance.uniform(0.1, 0.4)
        self.report(chance, [self.event(chance) for _ in range(size)])
        self.ending.wait(pause)

    def event(self, chance: random.Random) -> dict[str, str]:
        event = {"event_id": new_id(chance), "user_id": chance.choice(self.people)}
        kind = chance.choices((None, *TYPES), (4, 4, 1, 1))[0]
        if kind:
            event["type"] = kind
        if chance.random() < 0.5:
            event["occurred_at"] = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        return event

    def report(self, chance: random.Random, events: list[dict[str, str]]) -> None:
        """Sends events until they are accepted; the same again after 503 or no answer, perhaps to the other front."""
        sent: Sent = {event["event_id"]: (event["user_id"], event.get("type", LATER)) for event in events}
        body = events[0] if len(events) == 1 and chance.random() < 0.5 else events
        until, pause = time.monotonic() + PATIENCE, 0.1
        while not self.abandoned.is_set() and time.monotonic() < until:
            front = chance.choice(FRONTS)
            answer = web.call(
                "POST", f"{self.target.url(front)}/sign-ins", json_body=body, headers={"X-API-Key": self.target.key},
                timeout=TIMEOUT,
            )
            if answer.status == 202:
                if answer.body == {"accepted": len(events), "event_ids": list(sent)}:
                    self.book.accept(sent, front)
                else:
                    self.book.wonder(f"202 that does not name the events: {str(answer.body)[:200]}")
                    self.book.give_up(sent)
                return
            self.book.send_again(answer.status)
            if answer.status not in (0, 503):
                self.book.wonder(f"{front} answered ingest with {answer.status}: {str(answer.body)[:200]}")
            self.abandoned.wait(pause)
            pause = min(1.0, pause * 2)
        self.book.give_up(sent)

    # By password

    def by_password(self, chance: random.Random) -> None:
        # Several at once for one person too: only one of them is the first sign-in.
        name, person = chance.choice(self.accounts)
        front = chance.choice(FRONTS)
        answer = web.call(
            "POST", f"{self.target.url(front)}/login/access-token", form={"username": name, "password": PASSWORD},
            timeout=TIMEOUT,
        )
        if answer.status == 200:
            self.book.accept_password(token_id(answer.body["access_token"]), person, front)
            self.ending.wait(chance.uniform(0.05, 0.2))
            return
        self.book.send_again(answer.status)
        if answer.status in (0, 503):
            self.book.not_answered(person)
        else:
            # Refused for good: nothing may have been recorded.
            self.book.wonder(f"{front} answered a password with {answer.status}: {str(answer.body)[:200]}")
        self.ending.wait(0.3)


def new_id(chance: random.Random) -> str:
    """A time-ordered UUID (RFC 9562, section 5.7), made by the client."""
    bits = int(time.time() * 1000) << 80 | chance.getrandbits(80)
    return str(uuid.UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def token_id(token: str) -> str:
    """The `jti` of a JWT."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["jti"]
