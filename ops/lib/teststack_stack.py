"""The stack that ops/test-stack tries: waiting for it, asking it, and the account of what it has accepted."""

import time
from pathlib import Path
from typing import Callable

import compose
import resp
import say
import web

# Those of a local installation, which compose.yaml names.
PASSWORD, API_KEY = "questline", "questline-local-key"
OURS = ("front", "worker")
PATIENCE = 180


class Stack:
    def __init__(self, project: compose.Project, settings: dict[str, str], folder: Path):
        self.project, self.settings, self.log = project, settings, folder / "compose.log"
        self.url = f"http://127.0.0.1:{settings['QUESTLINE_PORT']}"
        self.redis = f"redis://default:{PASSWORD}@127.0.0.1:{settings['REDIS_PORT']}/0"
        self.accepted: list[str] = []  # ids of events that were answered with 202

    def up(self, *services: str, workers: int = 1, fronts: int = 1, profile: str | None = None) -> None:
        """Starts what is missing and waits until everything is healthy."""
        options = ["--profile", profile] if profile else []
        scale = [] if services else ["--scale", f"worker={workers}", "--scale", f"front={fronts}"]
        if self.project.run(*options, "up", "--detach", "--no-build", *scale, *services, log=self.log) != 0:
            raise say.Stop("compose up has failed:" + last_lines(self.log))
        self.wait_healthy()

    def wait_healthy(self) -> None:
        conditions: dict[str, str] = {}

        def are_healthy() -> bool:
            conditions.clear()
            conditions.update((each.name, each.condition()) for each in self.project.containers())
            conditions.update(
                (each.name, each.condition()) for each in self.project.containers("migrate", all=True)
                if each.condition() != "exited with 0"
            )
            return bool(conditions) and set(conditions.values()) == {"healthy"}

        until(are_healthy, lambda: "not healthy: " + ", ".join(
            f"{name} {state}" for name, state in sorted(conditions.items()) if state != "healthy"))

    def wait_fronts(self, count: int) -> None:
        """Waits until the gateway sends requests to so many fronts."""
        until(lambda: self.fronts_up() == count, lambda: f"the gateway sees {self.fronts_up()} fronts, not {count}")

    def fronts_up(self) -> int:
        answer = web.call("GET", f"http://127.0.0.1:{self.settings['GATEWAY_STATISTICS_PORT']}/;csv", timeout=5)
        rows = [row.split(",") for row in str(answer.body).splitlines()]
        # pxname, svname, …, status stands eighteenth.
        return sum(len(row) > 17 and row[0] == "fronts" and row[1] != "BACKEND" and row[17] == "UP" for row in rows)

    def query(self, statement: str, *options: str) -> str:
        """What psql answers inside; CSV with a heading unless other options are given."""
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "questline", "-d", "questline"]
        answer = self.project.the("postgres").run(*command, *(options or ("--csv",)), "-f", "-", text=statement)
        if answer.returncode != 0:
            raise say.Stop(f"psql has failed: {answer.stderr.strip()}")
        return answer.stdout

    def missing(self) -> int:
        """How many of the accepted events are not recorded."""
        wanted = ",".join(f"'{id}'" for id in self.accepted)
        return int(self.query(
            f"SELECT count(*) FROM unnest(ARRAY[{wanted}]::uuid[]) AS wanted (id) "
            "LEFT JOIN processing.events USING (id) WHERE event_type IS NULL", "-A", "-t"))

    def proved(self) -> str:
        """Lets everything finish, verifies it and holds it against what was accepted.

        Raises `say.Stop` if anything differs."""
        answer = self.project.the("worker").run("questline-worker", "verify", "--wait", "--timeout", str(PATIENCE))
        words = (answer.stdout.strip() or answer.stderr.strip()).splitlines()
        if answer.returncode != 0:
            raise say.Stop(f"verify: {' '.join(words[-3:])}")
        missing = self.missing()
        if missing:
            raise say.Stop(f"{missing} of {len(self.accepted)} accepted events are not recorded")
        return f"all {len(self.accepted)} accepted events recorded; verify: {words[-1]}"

    def streams(self) -> resp.Redis:
        return resp.Redis(self.redis, timeout=10)


def until(is_so: Callable[[], bool], otherwise: Callable[[], str], patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > end:
            raise say.Stop(f"{otherwise()} after {patience:.0f} s")
        time.sleep(0.3)


def last_lines(log: Path, count: int = 15) -> str:
    return "".join(f"\n    {row}" for row in log.read_text(errors="replace").splitlines()[-count:])
