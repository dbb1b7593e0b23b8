"""Breaking the installation on purpose, from outside: each way must be found by the account in the end."""

import contextlib
import threading
from typing import NamedTuple

import resp
import servers
from chaos_sight import GROUPS, Away, Streams
from chaos_stack import Stack


class Sabotage(NamedTuple):
    help: str
    faults: tuple[str, ...]  # the kinds that expose it
    found_as: tuple[str, ...]  # the findings by which it is recognised
    statements: str = ""


DROPPING = """
    CREATE FUNCTION public.chaos_drop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER chaos BEFORE INSERT ON auth.outbox FOR EACH ROW EXECUTE FUNCTION public.chaos_drop();
    CREATE TRIGGER chaos BEFORE INSERT ON processing.outbox FOR EACH ROW EXECUTE FUNCTION public.chaos_drop();
"""
REPEATING = """
    CREATE FUNCTION public.chaos_repeat() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM processing.events WHERE id = NEW.id) THEN NEW.id := gen_random_uuid(); END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER chaos BEFORE INSERT ON processing.events FOR EACH ROW EXECUTE FUNCTION public.chaos_repeat();
"""
WAYS = {
    "dedupe": Sabotage(
        "an event that is recorded already is recorded again", ("duplicates", "worker-kill"), ("twice",), REPEATING),
    "ack-first": Sabotage("entries are acknowledged before they are recorded", ("worker-kill",), ("lost",)),
    "no-outbox": Sabotage(
        "what is written to an outbox is gone", ("redis-kill", "worker-kill"), ("lost", "unrewarded"), DROPPING),
    "no-reclaim": Sabotage("nobody takes over what a dead worker has left", ("worker-kill",), ("drained",)),
}
NEVER = 3_600  # seconds until entries are taken over: the most that the setting allows


def break_database(way: str, target: Stack) -> None:
    if WAYS[way].statements:
        servers.checked(servers.psql(target.superuser, WAYS[way].statements))


class Rogue:
    """Acknowledges whatever is pending, at once, as a worker would that acknowledges first."""

    def __init__(self, url: str):
        self.streams = Streams(url)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.ending.wait(0.002):
            with contextlib.suppress(Away, resp.RedisFailure):
                for stream, group in GROUPS:
                    pending = self.streams.ask("XPENDING", stream, group, "-", "+", 1_000)
                    if pending:
                        self.streams.ask("XACK", stream, group, *(entry[0] for entry in pending))

    def stop(self) -> None:
        self.ending.set()
        self.thread.join(10)
        self.streams.close()
