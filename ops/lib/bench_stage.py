"""What every benchmark runs on: private servers as `ops/up` starts them, and the executables of a release build."""

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Iterator

import build
import packages
import ports
import processes
import resp
import say
import servers
import stack
import web
from fleet import Fleet

FOLDER = stack.STACK / "bench"
FLOOR = "BenchFloor"  # the bare Hummingbird routes


def prepare(folder: Path | None, with_floor: bool) -> Path:
    """Installs and builds what is missing. Returns the folder with the executables."""
    packages.install([*packages.NEEDED, "wrk"])
    found = (folder or build.executables("release")).resolve()
    if not with_floor:
        return found
    if not folder and processes.run(["swift", "build", "-c", "release", "--product", FLOOR], folder=stack.PROJECT):
        raise say.Stop(f"The build of {FLOOR} has failed; the compiler says why above.")
    if not (found / FLOOR).exists():
        raise say.Stop(f"{found} holds no {FLOOR}, which this subject is compared with: swift build -c release --product {FLOOR}")
    return found


class Stage:
    """The servers, and a database that is migrated and otherwise empty: all others are copied from it."""

    def __init__(self, fleet: Fleet, folder: Path):
        self.fleet, self.folder = fleet, folder
        self.worker = folder / "questline-worker"
        secrets = stack.kept_secrets(FOLDER)
        redis = servers.start_redis(fleet, "redis", "streams.conf", secrets["REDIS_PASSWORD"])
        cache = servers.start_redis(fleet, "cache", "cache.conf", secrets["REDIS_PASSWORD"])
        self.template = servers.start_postgres(fleet, secrets["POSTGRES_PASSWORD"])
        self.superuser = self.template.replace("://questline:", "://postgres:").removesuffix("questline") + "postgres"
        # Settings that the person's shell may have for another installation would be measured too.
        own = {name: value for name, value in os.environ.items() if not name.startswith("QUESTLINE_")}
        self.environment = own | secrets | {
            "REDIS_URL": redis, "CACHE_REDIS_URL": cache, "DATABASE_URL": self.template, "QUESTLINE_LOG": "text",
        }
        if processes.run([str(self.worker), "migrate"], environment=self.environment) != 0:
            raise say.Stop("The migrations have failed.")

    def redis(self) -> resp.Redis:
        return resp.Redis(self.environment["REDIS_URL"])

    def sql(self, statement: str, database: str | None = None) -> str:
        """Runs it as the superuser, or in a database as its owner, and returns what it answers."""
        return servers.checked(servers.psql(database or self.superuser, statement)).strip()

    def url(self, name: str) -> str:
        return self.template.removesuffix("questline") + name

    def database(self, name: str, of: str = "questline") -> str:
        """A copy of a database, which nobody may be connected to. Returns its URL."""
        self.sql(f"CREATE DATABASE {name} TEMPLATE {of} OWNER questline")
        return self.url(name)

    def drop(self, *names: str) -> None:
        for name in names:
            self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def settle(self) -> None:
        """Nothing left over from what went before is written while the next one is measured."""
        self.sql("CHECKPOINT")

    def clear_cache(self) -> None:
        with resp.Redis(self.environment["CACHE_REDIS_URL"]) as cache:
            cache.command("FLUSHALL")

    def verify(self, database: str | None = None, wait: int | None = None) -> None:
        """A fast wrong answer is no answer. `wait`: workers are running and may need so many seconds to be done."""
        done = subprocess.run(
            [str(self.worker), "verify", *(("--wait", "--timeout", str(wait)) if wait else ())],
            env=self.environment | ({"DATABASE_URL": database} if database else {}), capture_output=True, text=True,
        )
        if done.returncode != 0:
            rows = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise say.Stop(f"verify has found differences, so the figures are worth nothing:\n{rows}")

    def start_front(self, database: str | None = None, **settings: str) -> tuple[str, str]:
        """Starts a front. Returns its address and that of its probe port."""
        front, probe = ports.free(), ports.free()
        self.fleet.start(
            "front", [str(self.folder / "questline-front")],
            environment=self.environment | ({"DATABASE_URL": database} if database else {})
            | {"QUESTLINE_PORT": str(front), "QUESTLINE_PROBE_PORT": str(probe)} | settings,
        )
        self.fleet.wait_until("front", lambda: web.is_ready(f"http://127.0.0.1:{front}"))
        return f"http://127.0.0.1:{front}", f"http://127.0.0.1:{probe}"

    def start_floor(self, body: bytes, name: str = "floor") -> str:
        """Starts the bare routes, which answer these bytes. Returns the URL of both, for GET and for POST."""
        port, file = ports.free(), FOLDER / f"{name}.body"
        file.write_bytes(body)
        self.fleet.start(name, [str(self.folder / FLOOR), str(port), str(file)])
        url = f"http://127.0.0.1:{port}/bytes"
        self.fleet.wait_until(name, lambda: web.call("GET", url, timeout=2).status == 200)
        return url


@contextlib.contextmanager
def private(folder: Path, interruptions: processes.Interruptions) -> Iterator[Stage]:
    """A stage for as long as the block lasts; nothing of it is left behind."""
    fleet = Fleet(FOLDER, interruptions)
    fleet.stop_all(quiet=True)
    servers.remove_data(FOLDER)
    try:
        yield Stage(fleet, folder)
    finally:
        with interruptions.later():
            fleet.stop_all(quiet=True)
            servers.remove_data(FOLDER)
            for file in [part for kind in ("csv", "sql", "body", "lua", "so", "count", "half") for part in FOLDER.glob(f"*.{kind}")]:
                file.unlink()
