"""The floor of bench_latency.py: read an entry, commit it, publish, one after the other, by libpq and one socket."""

import ctypes
import time

import bench_backlog
import bench_floor
import say
from bench_stage import Stage

STREAM = "bench:floor"
COMMAND_OK = 1


class Chain:
    """A connection to a database with staged events, one a batch, and one to Redis."""

    def __init__(self, stage: Stage, count: int):
        self.redis = stage.redis()
        self.batch = 0
        self.events = bench_backlog.backlog(-(-count // 5), seed=7)
        url = stage.database("floor_latency")
        bench_floor.stage_events(url, self.events, size=1)
        self.library = ctypes.CDLL("libpq.so.5")
        self.library.PQconnectdb.restype = self.library.PQexec.restype = ctypes.c_void_p
        self.library.PQerrorMessage.restype = ctypes.c_char_p
        self.library.PQerrorMessage.argtypes = self.library.PQfinish.argtypes = [ctypes.c_void_p]
        self.library.PQresultStatus.argtypes = self.library.PQclear.argtypes = [ctypes.c_void_p]
        self.library.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self.connection = self.library.PQconnectdb(url.encode())
        for statement in filter(str.strip, bench_floor.statement(stage, url).split(";")):
            self.execute(statement)

    def times(self, count: int) -> list[float]:
        """Milliseconds of so many events, each from when it stands in the stream until its completion stands in one."""
        found = []
        for event in self.events[self.batch:self.batch + count]:
            fields = ("event_id", event.id, "type", event.type, "user_id", event.user_id, "occurred_at", event.occurred_at)
            last = self.redis.command("XADD", STREAM, "MAXLEN", "~", 1000, "*", *fields)
            began = time.perf_counter()
            self.redis.command("XRANGE", STREAM, last, last)
            self.execute(f"EXECUTE batch ({self.batch})")
            self.redis.command("XADD", STREAM, "*", *fields)
            found.append(1000 * (time.perf_counter() - began))
            self.batch += 1
        return found

    def execute(self, statement: str) -> None:
        result = self.library.PQexec(self.connection, statement.encode())
        status = self.library.PQresultStatus(result)
        self.library.PQclear(result)
        if status != COMMAND_OK:
            raise say.Stop(f"The floor has failed: {self.library.PQerrorMessage(self.connection).decode()}")

    def close(self) -> None:
        self.library.PQfinish(self.connection)
        self.redis.__exit__()
