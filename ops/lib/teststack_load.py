"""Mixed requests at an even rate, as many clients send them, and what each was answered."""

import http.client
import itertools
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CLIENTS = 10
# A client gives up then; no request may take so long.
TIMEOUT = 10


@dataclass
class Tally:
    sent: int = 0
    failed: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)  # ids of events that were answered with 202
    slowest: float = 0


class Load:
    """Half of the clients keep their connection, half open a new one for each request; each reads and signs people in by
    turns. A request fails if it is answered with anything but what it asks for, or not at all; none is sent again."""

    def __init__(self, url: str, key: str, rate: float, reads_only: bool = False):
        self.address, self.key, self.pause = urlsplit(url).netloc, key, CLIENTS / rate
        self.reads_only = reads_only
        self.tally, self.turn, self.ending = Tally(), threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(number,), daemon=True) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(TIMEOUT * 2)
        self.seconds = time.monotonic() - self.began

    @property
    def rate(self) -> float:
        return self.tally.sent / self.seconds

    def work(self, number: int) -> None:
        keeps, connection = number % 2 == 0, None
        due = time.monotonic() + self.pause * number / CLIENTS
        for turn in itertools.count(number // 2):
            if self.ending.wait(max(0.0, due - time.monotonic())):
                break
            due += self.pause
            if connection is None:
                connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT)
            began, fault, event = time.monotonic(), "", None
            try:
                event = None if self.reads_only or turn % 2 == 0 else str(uuid.uuid4())
                fault = self.sign_in(connection, event) if event else self.read(connection, turn)
            except (OSError, http.client.HTTPException) as error:
                fault = f"{'POST' if event else 'GET'} {'kept' if keeps else 'new'} connection: {error!r}"
            self.note(fault, event, time.monotonic() - began)
            if fault or not keeps:
                connection.close()
                connection = None

    def note(self, fault: str, event: str | None, seconds: float) -> None:
        with self.turn:
            self.tally.sent += 1
            self.tally.slowest = max(self.tally.slowest, seconds)
            if fault:
                self.tally.failed.append(fault)
            elif event:
                self.tally.accepted.append(event)

    def read(self, connection: http.client.HTTPConnection, turn: int) -> str:
        path = ("/api/v1/quests/", "/api/v1/utils/health-check/", "/", "/api/v1/quests/name/UserSignIn")[turn // 2 % 4]
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return "" if answer.status == 200 else f"GET {path} was answered with {answer.status}: {body[:200]!r}"

    def sign_in(self, connection: http.client.HTTPConnection, event: str) -> str:
        body = json.dumps({"user_id": str(uuid.uuid4()), "event_id": event})
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/sign-ins", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return "" if answer.status == 202 else f"POST sign-ins was answered with {answer.status}: {text[:200]!r}"
