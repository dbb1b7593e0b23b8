"""The stack that is broken on purpose: three servers, three workers, two fronts, and who of them is meant to run."""

import contextlib
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import chaos_plan
import processes
import say
import servers
import stack
import web
from chaos_plan import FRONTS, WORKERS
from fleet import SERVERS, Fleet
from processes import Identity

OURS = WORKERS + FRONTS
# Few entries at a time, so that work takes a while.
BATCH = 20
STREAK, REWARD, LIMIT = 3, 10, 1_000_000
QUEST = {
    "QUESTLINE_QUEST_STREAK": str(STREAK), "QUESTLINE_QUEST_DUPLICATION": str(LIMIT),
    "QUESTLINE_QUEST_AUTO_CLAIM": "true", "QUESTLINE_REWARD_ITEM": "diamond", "QUESTLINE_REWARD_QTY": str(REWARD),
}
# A commit waits so long before it is written, as on a slower disk: transactions are open for a realistic while.
COMMIT_DELAY_MS = 5
SLOW_DISK = (f"commit_delay={COMMIT_DELAY_MS * 1000}", "commit_siblings=0")


class Stack:
    """Every process is started, stopped and killed here, by its identity; others may ask at any time who is up."""

    def __init__(self, fleet: Fleet, program: Path, reclaim_seconds: int):
        self.fleet, self.program, self.reclaim_seconds = fleet, program, reclaim_seconds
        self.guard = threading.Lock()
        self.up: dict[str, Identity] = {}  # who must be alive
        self.stopped: set[str] = set()
        self.coming: dict[str, float] = {}  # who was started and is not ready, and since when
        self.server_back = 0.0  # when the last one was ready again
        self.lives = 0
        self.asked = 0.0

    # Starting

    def start(self) -> None:
        secrets = stack.kept_secrets(self.fleet.folder)
        self.key, password = secrets["QUESTLINE_API_KEY"], secrets["POSTGRES_PASSWORD"]
        self.redis = servers.start_redis(self.fleet, "redis", "streams.conf", secrets["REDIS_PASSWORD"])
        self.cache = servers.start_redis(self.fleet, "cache", "cache.conf", secrets["REDIS_PASSWORD"])
        self.database = servers.start_postgres(self.fleet, password, extra=SLOW_DISK)
        address = urlsplit(self.database)
        self.superuser = f"postgres://postgres:{password}@{address.hostname}:{address.port}/questline"
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("QUESTLINE_", "REDIS_", "DATABASE_"))
        }
        self.environment = inherited | QUEST | {
            "DATABASE_URL": self.database, "REDIS_URL": self.redis, "CACHE_REDIS_URL": self.cache,
            "QUESTLINE_LOG": "text", "QUESTLINE_BATCH": str(BATCH),
            "QUESTLINE_RECLAIM_SECONDS": str(self.reclaim_seconds),
        } | {name: value for name, value in secrets.items() if name.startswith("QUESTLINE_")}
        if self.command("migrate", patience=120) != 0:
            raise say.Stop(f"The migrations have failed.{self.fleet.last_words('migrate')}")
        with self.guard:
            self.up = {name: self.fleet.members[name] for name in SERVERS}

    def start_ours(self) -> None:
        for name in OURS:
            probe = servers.new_port(self.fleet, name)
            settings = {"QUESTLINE_PROBE_HOST": "127.0.0.1", "QUESTLINE_PROBE_PORT": str(probe)}
            command = [str(self.program / "questline-worker"), "run"]
            if name in FRONTS:
                port = servers.new_port(self.fleet, f"{name}-http")
                settings |= {"QUESTLINE_HOST": "127.0.0.1", "QUESTLINE_PORT": str(port)}
                command = [str(self.program / "questline-front")]
            who = self.fleet.start(name, command, environment=self.environment | settings)
            with self.guard:
                self.up[name] = who
        for name in OURS:
            self.fleet.wait_until(name, lambda: web.is_ready(self.probe(name)))

    def command(self, name: str, *options: str, patience: float) -> int:
        """Runs a command of the worker to its end, its output in the logs; the exit code."""
        who = self.fleet.start(
            name, [str(self.program / "questline-worker"), name, *options], environment=self.environment
        )
        until = time.monotonic() + patience
        while processes.is_alive(who) and time.monotonic() < until:
            time.sleep(0.02)
        self.fleet.stop(name)
        return processes.endings.get(who.pid, -1)

    def probe(self, name: str) -> str:
        return f"http://127.0.0.1:{self.fleet.ports[name]}"

    def url(self, front: str) -> str:
        return f"http://127.0.0.1:{self.fleet.ports[f'{front}-http']}/api/v1"

    # Looking

    def answering(self, names: tuple[str, ...] = OURS) -> list[str]:
        """Those who are up, ready as far as we know, and not stopped."""
        with self.guard:
            return [name for name in names if name in self.up and name not in self.stopped and name not in self.coming]

    def dead(self) -> list[str]:
        """Who ought to be alive and is not, and how it ended; each is told once."""
        with self.guard:
            ended = {name: who for name, who in self.up.items() if not processes.is_alive(who)}
            for name in ended:
                del self.up[name]
                self.coming.pop(name, None)
        return [f"{name} (pid {who.pid}) {processes.ending(who)}" for name, who in ended.items()]

    # Breaking and mending

    def kill(self, name: str) -> bool:
        """False if it was not alive any more; then `dead` tells how it ended."""
        with self.guard:
            who = self.up.get(name)
            if not who or not processes.is_alive(who):
                return False
            del self.up[name]
            self.stopped.discard(name)
            self.coming.pop(name, None)
        return processes.stop(who, (signal.SIGKILL, 20)) is not None

    def stop(self, name: str) -> bool:
        """Returns when it stands still; false if it was not alive any more."""
        with self.guard:
            self.stopped.add(name)
            who = self.up.get(name)
            return signalled(who, signal.SIGSTOP) and stands_still(who)

    def go_on(self, name: str) -> None:
        with self.guard:
            signalled(self.up.get(name), signal.SIGCONT)
            self.stopped.discard(name)

    def start_again(self, name: str) -> None:
        """Starts what was killed; `tend` sees to it that it becomes ready."""
        self.keep_log(name)
        who = self.fleet.start_again(name)
        with self.guard:
            self.coming[name] = time.monotonic()
            # A Postgres that was killed refuses to start until its orphans have gone, and is started again then.
            if name != "postgres":
                self.up[name] = who

    def tend(self) -> None:
        """Looks whether those who are coming are ready, a few times a second."""
        if not self.coming or time.monotonic() < self.asked + 0.1:
            return
        for name, since in list(self.coming.items()):
            if self.is_ready(name):
                with self.guard:
                    self.coming.pop(name, None)
                    self.up[name] = self.fleet.members[name]
                if name in SERVERS:
                    self.server_back = time.monotonic()
            elif time.monotonic() > since + 90:
                raise say.Stop(f"{name} is not ready 90 s after it was started again.{self.fleet.last_words(name)}")
            elif name == "postgres" and not processes.is_alive(self.fleet.members[name]):
                self.fleet.start_again(name)
        self.asked = time.monotonic()

    def is_ready(self, name: str) -> bool:
        if name == "postgres":
            alive = processes.is_alive(self.fleet.members[name])
            return alive and servers.psql(self.superuser, "SELECT 1").returncode == 0
        if name in ("redis", "cache"):
            return servers.redis_answers(self.redis if name == "redis" else self.cache)
        return web.call("GET", f"{self.probe(name)}/livez", timeout=1).status == 200

    def keep_log(self, name: str) -> None:
        """The log of every life is kept: a start keeps only the last one's."""
        self.lives += 1
        log = self.fleet.log(name)
        with contextlib.suppress(FileNotFoundError):
            log.rename(log.with_name(f"{name}.life-{self.lives:03}.log"))

    def mend(self) -> None:
        """Undoes whatever is broken and waits until everything runs and is ready."""
        for name in list(self.stopped):
            self.go_on(name)
        for name in (*SERVERS, *OURS):
            if name not in self.up and name not in self.coming:
                self.start_again(name)
        while self.coming:
            self.tend()
            time.sleep(0.05)
        for name in OURS:
            self.fleet.wait_until(name, lambda: web.is_ready(self.probe(name)), patience=90)


def signalled(who: Identity | None, number: signal.Signals) -> bool:
    """Sends a signal to this very process, or to nobody; whether it was sent."""
    if who and processes.is_alive(who):
        with contextlib.suppress(ProcessLookupError):
            os.kill(who.pid, number)
            return True
    return False


def stands_still(who: Identity, patience: float = 2) -> bool:
    """Waits until SIGSTOP has taken effect, which takes a moment where there are several threads."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{who.pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt":
                return True
        except OSError:
            return False
        time.sleep(0.001)
    return False


def clear(fleet: Fleet) -> None:
    """Stops everything of this run or of one that was killed, stopped processes too, and removes the data."""
    for who in fleet.living().values():
        signalled(who, signal.SIGCONT)
    fleet.stop_all(quiet=True)
    servers.remove_data(fleet.folder)
    shutil.rmtree(fleet.folder / "bin", ignore_errors=True)
