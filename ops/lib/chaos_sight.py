"""Looking into the two servers while they are broken: quickly, and again after a connection was lost."""

import contextlib
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

import resp
import say
import servers

SIGN_INS, COMPLETIONS, DEAD_LETTERS = "quest:signins", "quest:completions", "quest:dead-letters"
GROUPS = ((SIGN_INS, "progress"), (COMPLETIONS, "claims"))
COUNT = "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])"
ANSWER = 5  # seconds that a look may take
TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'questline-%' AND xact_start IS NOT NULL
"""
LISTENING, TIME_WAIT = "0A", "06"  # states in /proc/net/tcp


class Away(Exception):
    """The server does not answer now."""


class Streams:
    """One connection to Redis, made again when it was lost."""

    def __init__(self, url: str):
        self.url = url
        self.redis: resp.Redis | None = None

    def ask(self, *command: object):
        """The answer; `resp.RedisFailure` if Redis refuses, `Away` if it is not known whether it got the command."""
        fresh = self.redis is None
        try:
            self.redis = self.redis or resp.Redis(self.url, timeout=ANSWER)
            return self.redis.command(*command)
        except (OSError, ValueError) as error:
            self.close()
            raise Away(str(error)) from None
        except resp.RedisFailure as failure:
            # Such as LOADING; one that was refused at AUTH is of no use.
            if fresh:
                self.close()
            if str(failure).startswith("LOADING"):
                raise Away(str(failure)) from None
            raise

    def close(self) -> None:
        if self.redis:
            with contextlib.suppress(OSError):
                self.redis.__exit__()
        self.redis = None

    def reading(self, *command: object):
        """For a command that may be repeated: once more if only the connection was lost."""
        try:
            return self.ask(*command)
        except Away:
            return self.ask(*command)

    def group(self, stream: str, name: str) -> dict | None:
        with contextlib.suppress(resp.RedisFailure):
            groups = map(resp.pairs, self.reading("XINFO", "GROUPS", stream))
            return next((group for group in groups if group["name"] == name), None)
        return None

    def consumers(self, stream: str = SIGN_INS, group: str = "progress") -> list[dict]:
        with contextlib.suppress(resp.RedisFailure):
            return [resp.pairs(flat) for flat in self.reading("XINFO", "CONSUMERS", stream, group)]
        return []

    def count(self, stream: str, after: str, through: str, most: int) -> int:
        """How many entries there are after one id and through another, counted up to `most`."""
        return self.reading("EVAL", COUNT, 1, stream, f"({after}", through, most)

    def undone(self, stream: str, name: str, most: int = 10_000) -> int:
        """How many entries this group has yet to be given (counted up to `most`) or to acknowledge.

        The server's own `lag` is of no use: what a group has read is not in the append-only file of Redis 7.0, and after
        a restart that follows a rewrite of that file the lag is too large for good.
        """
        group = self.group(stream, name)
        group = group or {"last-delivered-id": "0-0", "pending": 0}
        return self.count(stream, group["last-delivered-id"], "+", most) + group["pending"]


class Database:
    """A psql that stays, asked over pipes: an answer takes about a millisecond."""

    END = "the end of an answer"

    def __init__(self, url: str):
        self.address, self.environment = servers.psql_address(url)
        self.child: subprocess.Popen | None = None
        self.rest = b""

    def ask(self, statement: str) -> list[str]:
        """The rows, columns parted by `|`. Raises `Away`."""
        if not self.child or self.child.poll() is not None:
            self.close()
            self.child = subprocess.Popen(
                ["psql", "-X", "-q", "-A", "-t", *self.address], env=self.environment, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            )
        try:
            self.child.stdin.write(f"{statement};\n\\echo {self.END}\n".encode())
            self.child.stdin.flush()
            rows = self.answer()
        except OSError as error:
            self.close()
            raise Away(str(error)) from None
        if not rows:
            # An error went elsewhere; whoever asks here always asks for a row.
            self.close()
            raise Away("no answer")
        return rows

    def answer(self) -> list[str]:
        until, end = time.monotonic() + ANSWER, f"{self.END}\n".encode()
        while not self.rest.endswith(end):
            readable, _, _ = select.select([self.child.stdout], [], [], max(0, until - time.monotonic()))
            more = os.read(self.child.stdout.fileno(), 65_536) if readable else b""
            if not more:
                raise ConnectionError("psql has ended" if readable else "Postgres does not answer")
            self.rest += more
        text, self.rest = self.rest.removesuffix(end).decode(), b""
        return text.splitlines()

    def reading(self, statement: str) -> list[str]:
        try:
            return self.ask(statement)
        except Away:
            return self.ask(statement)

    def close(self) -> None:
        if self.child:
            self.child.kill()
            self.child.wait()
            for pipe in (self.child.stdin, self.child.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
        self.child, self.rest = None, b""


# Enough to see that there is work; counting more would slow the server down.
FEW = 200


class Evidence(NamedTuple):
    """What was true immediately before a fault struck."""

    backlog: int  # entries that group `progress` has yet to be given (at most `FEW` are counted) or to acknowledge
    pending: int
    own: int  # pending for the worker that is struck
    # Open ones of the process that is struck, right after it was stopped for that; of anybody when a server is struck.
    transactions: int


class Sight:
    def __init__(self, redis: str, superuser: str):
        self.streams, self.database = Streams(redis), Database(superuser)

    def look(self, pid: int | None = None, ports: set[int] | None = None) -> Evidence:
        """What is under way, of the process with this pid and these ports if one is named. Raises `Away`."""
        # First: a commit that is under way ends even if its process stands still.
        transactions = self.transactions(ports)
        group = self.streams.group(SIGN_INS, "progress") or {"pending": 0}
        backlog = self.streams.undone(SIGN_INS, "progress", FEW)
        own = sum(each["pending"] for each in self.streams.consumers() if pid and pid_of(each["name"]) == pid)
        return Evidence(backlog, group["pending"], own, transactions)

    def transactions(self, ports: set[int] | None = None) -> int:
        """How many transactions our executables have open, or the one that holds these ports. Raises `Away`."""
        mine = "" if ports is None else f"AND client_port = ANY('{{{','.join(map(str, ports))}}}')"
        return int(self.database.reading(f"{TRANSACTIONS} {mine}")[0])

    def close(self) -> None:
        self.streams.close()
        self.database.close()


def pid_of(consumer: str) -> int | None:
    """A consumer's name is host, process and a random start id."""
    parts = consumer.rsplit("-", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else None


def ports_of(pids: Iterable[int]) -> set[int]:
    """The local ports of the connections that these processes have open: a server knows its clients by them."""
    held: set[str] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    held.add(os.readlink(descriptor))
    ports: set[int] = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                columns = row.split()
                if columns[3] not in (LISTENING, TIME_WAIT) and f"socket:[{columns[9]}]" in held:
                    ports.add(int(columns[1].rpartition(":")[2], 16))
    return ports


def rows(url: str, query: str) -> Iterator[list[str]]:
    """Streams the rows of a query, however many; no column may hold a tab or be null."""
    arguments, environment = servers.psql_address(url)
    child = subprocess.Popen(
        ["psql", "-X", "-q", *arguments, "-c", f"COPY ({query}) TO STDOUT"], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, text=True,
    )
    with child.stdout as lines:
        for line in lines:
            yield line.rstrip("\n").split("\t")
    if child.wait() != 0:
        raise say.Stop("psql could not read what was recorded.")
