"""ops/test-upgrade: runs an older version beside this one under load, migrates in the middle, and proves what became of it."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import build
import packages
import processes
import say
import servers
import stack
import web
from fleet import Fleet, Turn
from upgrade_load import Load

FOLDER = stack.STACK / "upgrade"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/test-upgrade", description=__doc__.partition(": ")[2])
    parser.add_argument("--from", dest="old", required=True, metavar="COMMIT", help="the older version, which is built first")
    parser.add_argument("--old-bin", type=Path, metavar="FOLDER", help="take its executables from there instead")
    parser.add_argument("--bin", type=Path, metavar="FOLDER", help="take this version's executables from there")
    parser.add_argument("--seconds", type=int, default=20, metavar="N", help="for each of the four stages (20)")
    return parser.parse_args()


def build_old(commit: str) -> Path:
    """Builds a commit in a folder of its own, which stays for the next time."""
    name = subprocess.run(
        ["git", "rev-parse", "--verify", "--short=12", f"{commit}^{{commit}}"], cwd=stack.PROJECT, capture_output=True, text=True
    )
    if name.returncode != 0:
        raise say.Stop(f"There is no commit {commit} here.")
    folder = FOLDER / "versions" / name.stdout.strip()
    if not folder.exists():
        folder.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", name.stdout.strip()], cwd=stack.PROJECT, capture_output=True, check=True)
        subprocess.run(["tar", "x"], cwd=folder, input=archive.stdout, check=True)
    say.line(f"Building {commit} in {stack.shown(folder)}: about eight minutes on two cores the first time.")
    if processes.run(["swift", "build"], folder=folder) != 0:
        raise say.Stop("The older version could not be built.")
    return folder / ".build" / "debug"


class Versions:
    """Processes of both versions on the same servers."""

    def __init__(self, fleet: Fleet, programs: dict[str, Path]):
        self.fleet, self.programs = fleet, programs
        secrets = stack.kept_secrets(fleet.folder)
        redis = servers.start_redis(fleet, "redis", "streams.conf", secrets["REDIS_PASSWORD"])
        cache = servers.start_redis(fleet, "cache", "cache.conf", secrets["REDIS_PASSWORD"])
        self.database = servers.start_postgres(fleet, secrets["POSTGRES_PASSWORD"])
        self.secrets = secrets
        self.environment = {
            "PATH": "/usr/bin:/bin", "DATABASE_URL": self.database, "REDIS_URL": redis, "CACHE_REDIS_URL": cache,
            "QUESTLINE_LOG": "text", "QUESTLINE_QUEST_DUPLICATION": "1000000", "QUESTLINE_BATCH": "50",
            "QUESTLINE_FAILED_SIGN_INS_PER_ADDRESS": "100000",
        } | {name: value for name, value in secrets.items() if name.startswith("QUESTLINE_")}

    def start(self, version: str, number: int = 1) -> None:
        for kind in ("worker", "front"):
            name = f"{version}-{kind}-{number}"
            settings = {"QUESTLINE_PROBE_PORT": str(servers.new_port(self.fleet, name))}
            command = [str(self.programs[version] / f"questline-{kind}")]
            if kind == "front":
                settings["QUESTLINE_PORT"] = str(servers.new_port(self.fleet, f"{name}-http"))
            else:
                command.append("run")
            self.fleet.start(name, command, environment=self.environment | settings)

    def probe(self, name: str) -> str:
        return f"http://127.0.0.1:{self.fleet.ports[name]}"

    def url(self, version: str, number: int = 1) -> str:
        return f"http://127.0.0.1:{self.fleet.ports[f'{version}-front-{number}-http']}/api/v1"

    def wait_ready(self, version: str, number: int = 1) -> None:
        for kind in ("worker", "front"):
            name = f"{version}-{kind}-{number}"
            self.fleet.wait_until(name, lambda: web.is_ready(self.probe(name)))

    def command(self, version: str, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self.programs[version] / "questline-worker"), *arguments],
            env=self.environment, capture_output=True, text=True, timeout=300,
        )

    def number(self, statement: str) -> int:
        return int(servers.checked(servers.psql(self.database, statement)).strip())


class Account:
    """What was found, row by row."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, bool]] = []

    def note(self, what: str, found: object, good: bool) -> None:
        self.rows.append((what, str(found), good))
        say.line(f"  {'good' if good else 'BAD '}  {what}: {found}")


def run(options: argparse.Namespace, fleet: Fleet, programs: dict[str, Path]) -> Account:
    account, versions = Account(), Versions(fleet, programs)

    def schema() -> int:
        return versions.number("SELECT max(version) FROM public.questline_migrations")

    say.line("\n1. The older version alone")
    migrated = versions.command("old", "migrate")
    if migrated.returncode != 0:
        raise say.Stop(f"The older version does not migrate: {migrated.stderr}")
    before = schema()
    versions.start("old")
    versions.wait_ready("old")
    load = Load(versions)
    load.sign_up("old", 12)
    load.start()
    time.sleep(options.seconds)

    say.line("\n2. The new version is started, and waits for the migrations")
    versions.start("new")
    time.sleep(options.seconds)
    for kind in ("worker", "front") if before < newest_migration() else ():
        probe = versions.probe(f"new-{kind}-1")
        answer = web.call("GET", f"{probe}/readyz", timeout=5)
        lives = web.call("GET", f"{probe}/livez", timeout=5).status == 200
        said = f"{answer.status} {str(answer.body).strip()}"
        account.note(f"the new {kind} on the older schema", said, answer.status == 503 and lives)
    consumed = versions.number("SELECT count(*) FROM processing.events")
    account.note("events recorded by the older version alone", consumed, consumed > 0)

    say.line("\n3. The migrations, under load, and both versions side by side")
    began = time.monotonic()
    migrated = versions.command("new", "migrate")
    account.note("migrate", f"{before} to {schema()} in {time.monotonic() - began:.1f} s", migrated.returncode == 0)
    versions.wait_ready("new")
    load.open("new")
    load.sign_up("new", 6)
    time.sleep(options.seconds)
    for version in ("old", "new"):
        work = versions.command(version, "status")
        account.note(f"status by the {version} version", (work.stdout.strip().splitlines() or ["?"])[-1], work.returncode == 0)
    for name in ("old-worker-1", "old-front-1", "new-worker-1", "new-front-1"):
        ready = web.is_ready(versions.probe(name))
        account.note(name, "ready" if ready else "not ready", ready)

    say.line("\n4. The older version is stopped")
    load.close("old")
    for kind in ("front", "worker"):
        fleet.stop(f"old-{kind}-1")
    time.sleep(options.seconds)
    load.stop()

    say.line("\n5. What became of it")
    verified = versions.command("new", "verify", "--wait")
    account.note("verify", (verified.stdout.strip().splitlines() or [verified.stderr.strip()])[-1], verified.returncode == 0)
    lost = load.missing()
    account.note("accepted events", len(load.accepted), len(load.accepted) > 0)
    account.note("accepted events that are not recorded", len(lost), not lost)
    for what, answers in sorted(load.failures.items()):
        account.note(f"unexpected answers to {what}", dict(answers), False)
    for what, count in sorted(load.done.items()):
        account.note(what, count, count > 0)
    status = json.loads(versions.command("new", "status", "--json").stdout)
    account.note("dead letters", status["dead_letters"], status["dead_letters"] == 0)
    account.note("losses", status["loss_count"], status["loss_count"] == 0)
    return account


def newest_migration() -> int:
    """The schema that this version needs."""
    folder = stack.PROJECT / "Sources" / "Common" / "Storage" / "Migrations"
    return max(int(path.name[9:13]) for path in folder.glob("Migration[0-9]*.swift"))


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    turn = Turn(FOLDER)
    if not turn.take():
        raise say.Stop("Another ops/test-upgrade is running here.")
    packages.install()
    programs = {
        "old": (options.old_bin or build_old(options.old)).resolve(),
        "new": (options.bin or build.executables("debug")).resolve(),
    }
    fleet = Fleet(FOLDER, interruptions)
    fleet.stop_all(quiet=True)
    servers.remove_data(FOLDER)
    shutil.rmtree(FOLDER / "logs", ignore_errors=True)
    fleet = Fleet(FOLDER, interruptions)
    try:
        account = run(options, fleet, programs)
    finally:
        interruptions.ignore()
        fleet.stop_all(quiet=True)
        servers.remove_data(FOLDER)
    bad = [row for row in account.rows if not row[2]]
    say.line(f"\n{len(account.rows) - len(bad)} good, {len(bad)} bad. The logs are in {stack.shown(FOLDER / 'logs')}.")
    return 1 if bad else 0


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
