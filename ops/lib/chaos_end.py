"""The end of a run: everything is let finish, proved by `verify`, and read for the account."""

import contextlib
import time
from typing import Iterator, NamedTuple

import resp
from chaos_account import Account, Reward
from chaos_book import Book, Letter
from chaos_sight import DEAD_LETTERS, GROUPS, Away, Sight, rows
from chaos_stack import LIMIT, REWARD, STREAK, Stack
from chaos_watch import Watch, consumers_left

OUTBOXES = "SELECT (SELECT count(*) FROM auth.outbox), (SELECT count(*) FROM processing.outbox)"
# Done twice in a row, so long apart: a request that a front still had in hand may come in between.
SETTLED = 1.0


class Drained(NamedTuple):
    seconds: float
    left: str  # what is not done, empty if nothing


def drain(target: Stack, sight: Sight, watch: Watch, patience: float) -> Drained:
    """Waits until both groups have done everything and both outboxes are empty."""
    began, clear_since, left = time.monotonic(), None, ""
    while (waited := time.monotonic() - began) < patience + SETTLED and not watch.died:
        target.tend()
        with contextlib.suppress(Away):
            left = undone(target, sight)
            if left:
                clear_since = None
            elif clear_since is None:
                clear_since = waited
            elif waited > clear_since + SETTLED:
                return Drained(clear_since, "")
        time.sleep(0.1)
    return Drained(waited, left or "somebody has died")


def undone(target: Stack, sight: Sight) -> str:
    parts = []
    for stream, group in GROUPS:
        if count := sight.streams.undone(stream, group):
            parts.append(f"{count} entries of group {group}")
    for outbox, count in zip(("auth.outbox", "processing.outbox"), sight.database.reading(OUTBOXES)[0].split("|")):
        if count != "0":
            parts.append(f"{count} rows of {outbox}")
    if parts:
        held = consumers_left(sight.streams, target)
        parts += [f"{count} of them pending for {name}" for name, count in held.most_common(5)]
    return ", ".join(parts)


def verify(target: Stack) -> tuple[int, str]:
    """The exit code of `questline-worker verify` and its last line."""
    code = target.command("verify", patience=300)
    text = target.fleet.log("verify").read_text(errors="replace").splitlines()
    return code, text[-1] if text else "nothing was said"


def account(target: Stack, book: Book, people: list[str]) -> Account:
    """Reads everything that was recorded and credited. `people` sign in by password."""
    found = Account()
    answered = {user for user, _ in book.accepted.values()}
    found.events(
        rows(target.superuser, "SELECT id, user_id, event_type FROM processing.events"),
        book.accepted, book.maybe, book.unanswered, {person: person in answered for person in people},
    )
    if found.missing:
        found.lose(fates(target.redis, set(found.missing)))
    for what, query in (
        ("completions", """
            SELECT user_id, (event_data->>'quest_id') || ' ' || (event_data->>'completion') FROM processing.events
            WHERE event_type = 'QuestCompleted'"""),
        ("claims", "SELECT user_id, quest_id || ' ' || completion FROM auth.reward_claims"),
        ("credits", "SELECT user_id, ref FROM auth.wallet_entries"),
    ):
        found.rewards(what, (Reward(*row) for row in rows(target.superuser, query)), STREAK, LIMIT)
    wallets = rows(target.superuser, "SELECT user_id, gold + diamond FROM auth.users")
    found.balances(((person, int(balance)) for person, balance in wallets), STREAK, LIMIT, REWARD)
    found.dead_letters(letters(target.redis), book.letters, book.maybe_letters)
    return found


def fates(url: str, missing: set[str]) -> dict[str, str]:
    """What became of the entries of events that are not recorded."""
    stream, group = GROUPS[0]
    found: dict[str, str] = {}
    with resp.Redis(url) as redis:
        pending = {entry: consumer for entry, consumer, *_ in redis.command("XPENDING", stream, group, "-", "+", 100_000)}
        after = "-"
        while page := redis.command("XRANGE", stream, after, "+", "COUNT", 1_000):
            for entry, flat in page:
                event_id = resp.pairs(flat).get("event_id", "")
                if event_id in missing:
                    held = f"its entry is still pending for {pending[entry]}" if entry in pending else None
                    found[event_id] = held or "its entry was acknowledged all the same"
            after = f"({page[-1][0]}"
    return found


def letters(url: str) -> Iterator[Letter]:
    with resp.Redis(url) as redis:
        for _, flat in redis.command("XRANGE", DEAD_LETTERS, "-", "+"):
            fields = resp.pairs(flat)
            yield Letter(*(fields.get(name, "") for name in Letter._fields))
