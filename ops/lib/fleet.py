"""The processes of one stack folder: who runs, under which pid, and how each of them is stopped."""

import contextlib
import fcntl
import json
import os
import signal
import time
from pathlib import Path
from typing import Callable

import processes
import say
from processes import Identity

# The first signal is the polite one and the last one always works.
ENDINGS = {
    "postgres": ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)),
    "redis": ((signal.SIGTERM, 30), (signal.SIGKILL, 10)),
    "cache": ((signal.SIGTERM, 30), (signal.SIGKILL, 10)),
}
OTHERS = ((signal.SIGTERM, 15), (signal.SIGKILL, 10))
SERVERS = ("cache", "redis", "postgres")


class Fleet:
    """What runs is written to `pids/` for people and, with the time of birth, to `state.json` for ourselves."""

    def __init__(self, folder: Path, interruptions: processes.Interruptions):
        self.folder = folder
        self.interruptions = interruptions
        for name in ("pids", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.state_file = folder / "state.json"
        state: dict = {}
        with contextlib.suppress(OSError, ValueError):
            state = json.loads(self.state_file.read_text())
        # Pids and times of birth mean nothing after the machine was started anew.
        same_boot = state.get("boot") == boot()
        self.members = {name: Identity(*who) for name, who in state.get("processes", {}).items() if same_boot}
        self.ports: dict[str, int] = state.get("ports", {})
        # How each was started; only in memory, for it holds secrets.
        self.commands: dict[str, tuple[list[str], dict]] = {}

    def save(self) -> None:
        text = json.dumps({"boot": boot(), "processes": self.members, "ports": self.ports}, indent=2)
        write_whole(self.state_file, text + "\n")

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def living(self) -> dict[str, Identity]:
        return {name: who for name, who in self.members.items() if processes.is_alive(who)}

    def start(self, name: str, arguments: list[str], **options) -> Identity:
        """Starts a process under a name. Whatever interrupts, it is on record by the time it runs."""
        log = self.log(name)
        with contextlib.suppress(FileNotFoundError):
            log.replace(log.with_suffix(".log.1"))
        with self.interruptions.later():
            who = processes.start(arguments, log, **options)
            self.commands[name] = arguments, options
            self.members[name] = who
            self.save()
            (self.folder / "pids" / f"{name}.pid").write_text(f"{who.pid}\n")
        return who

    def start_again(self, name: str) -> Identity:
        """Starts what has ended just as it was started before."""
        arguments, options = self.commands[name]
        return self.start(name, arguments, **options)

    def wait_until(self, name: str, ready: Callable[[], bool], patience: float = 60) -> None:
        """Waits for a process of ours to be ready, and says from its own log why it is not."""
        until = time.monotonic() + patience
        while not ready():
            if not processes.is_alive(self.members[name]):
                raise say.Stop(f"{name} {processes.ending(self.members[name])}.{self.last_words(name)}")
            if time.monotonic() > until:
                raise say.Stop(f"{name} is not ready after {patience:.0f} s.{self.last_words(name)}")
            time.sleep(0.05)

    def last_words(self, name: str, count: int = 15) -> str:
        try:
            rows = self.log(name).read_text(errors="replace").splitlines()[-count:]
        except OSError:
            rows = []
        return "".join(f"\n    {row}" for row in [f"The end of {self.log(name)}:", *rows]) if rows else ""

    def stop(self, name: str) -> None:
        who = self.members.get(name)
        if who and processes.is_alive(who):
            steps = ENDINGS.get(name, OTHERS)
            used = processes.stop(who, *steps)
            if used not in (None, steps[0][0]):
                say.trouble(f"  {name} did not stop politely and was ended by {used.name}.")
        self.members.pop(name, None)
        (self.folder / "pids" / f"{name}.pid").unlink(missing_ok=True)
        self.save()

    def stop_all(self, quiet: bool = False) -> bool:
        """Stops everything: first those who use the servers, all at once, then the servers. True if anything ran."""
        running = self.living()
        users = [name for name in self.members if name not in SERVERS]
        for name in users:
            if name in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running[name].pid, signal.SIGTERM)
        for name in [*users, *(server for server in SERVERS if server in self.members)]:
            self.stop(name)
            if name in running and not quiet:
                say.started(name, "stopped")
        return bool(running)


def boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes a file that is never seen half written, or readable by others even for a moment."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    beside.replace(path)


class Turn:
    """One script at a time per stack folder; the lock file names who has the turn."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.file = open(folder / "lock", "a+")

    def take(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.file.truncate(0)
        self.file.write(json.dumps(processes.identity(os.getpid())))
        self.file.flush()
        return True

    def owner(self) -> Identity | None:
        self.file.seek(0)
        try:
            who = Identity(*json.loads(self.file.read()))
        except (ValueError, TypeError):
            return None
        return who if processes.is_alive(who) else None
