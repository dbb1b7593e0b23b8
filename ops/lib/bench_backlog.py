"""Events that wait in the stream: made once, kept in another database of the same Redis, and copied for each drain."""

import random
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import resp

STREAM = "quest:signins"
KEPT = 1  # the database of Redis that drains do not touch


class Event(NamedTuple):
    id: str
    user_id: str
    occurred_at: str
    type: str = "UserSignIn"


def backlog(people: int, seed: int) -> list[Event]:
    """Five events of each of so many new people, shuffled."""
    chance = random.Random(seed)
    return of_people([str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(people)], seed)


def of_people(people: list[str], seed: int) -> list[Event]:
    """Five events of each, shuffled, with the ids that the front would make in that order (UUIDv7)."""
    chance = random.Random(f"events {seed}")
    users = people * 5
    chance.shuffle(users)
    began = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(hours=seed)
    events = []
    for number, user in enumerate(users):
        moment = began + timedelta(milliseconds=number // 10)
        bits = int(moment.timestamp() * 1000) << 80 | (number % 10) << 72 | chance.getrandbits(72)
        bits = bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
        at = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
        events.append(Event(str(uuid.UUID(int=bits)), user, at))
    return events


def keep(redis: resp.Redis, name: str, events: list[Event]) -> None:
    redis.command("SELECT", KEPT)
    redis.command("DEL", name)
    for start in range(0, len(events), 2000):
        redis.pipeline(
            ("XADD", name, "*", "event_id", event.id, "type", event.type, "user_id", event.user_id,
             "occurred_at", event.occurred_at)
            for event in events[start:start + 2000]
        )
    redis.command("SELECT", 0)


def forget(redis: resp.Redis, *names: str) -> None:
    redis.command("SELECT", KEPT)
    redis.command("DEL", *names)
    redis.command("SELECT", 0)


def lay_out(redis: resp.Redis, name: str) -> None:
    """Puts a kept backlog into an empty stream and waits until the append-only file rests."""
    redis.command("FLUSHDB")
    redis.command("SELECT", KEPT)
    redis.command("COPY", name, STREAM, "DB", 0)
    redis.command("SELECT", 0)
    redis.command("BGREWRITEAOF")
    while True:
        state = redis.command("INFO", "persistence")
        if "aof_rewrite_in_progress:0" in state and "aof_rewrite_scheduled:0" in state:
            return
        time.sleep(0.05)
