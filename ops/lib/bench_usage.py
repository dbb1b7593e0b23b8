"""What a process has used: processor time, memory, and allocations where a compiler is at hand to count them."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import processes
import say
from fleet import Fleet

TICKS = os.sysconf("SC_CLK_TCK")
COUNTER = Path(__file__).with_name("bench_allocations.c")


def spent(process: processes.Identity) -> float:
    """Seconds of processor time since it was started, its own and the kernel's for it."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def spent_by_family(process: processes.Identity) -> float:
    """The same, with its children: those that have ended, and those that live."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    total = sum(map(int, fields[11:15])) / TICKS
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        try:
            total += spent(processes.Identity(int(child), 0))
        except OSError:
            pass  # it has ended since
    return total


def meter(fleet: Fleet, workers: list[processes.Identity]) -> dict[str, float]:
    """Seconds of processor time so far: of the workers together, of Redis and of Postgres."""
    return {
        "worker": sum(map(spent, workers)),
        "redis": spent(fleet.members["redis"]),
        "postgres": spent_by_family(fleet.members["postgres"]),
    }


def between(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in before}


def memory(process: processes.Identity, field: str) -> float:
    """A figure of /proc/<pid>/status in MB."""
    try:
        for row in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if row.startswith(f"{field}:"):
                return int(row.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Allocations:
    """Counts the allocations of a process that is started with `environment`; without a compiler there is no count."""

    def __init__(self, folder: Path):
        self.file, library = folder / "allocations.count", folder / "allocations.so"
        compiler = shutil.which("clang") or shutil.which("gcc")
        made = compiler and subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(COUNTER)], capture_output=True, text=True
        )
        self.environment: dict[str, str] = {}
        if made and made.returncode == 0:
            self.environment = {"LD_PRELOAD": str(library), "BENCH_ALLOCATIONS": str(self.file)}
        else:
            say.line(f"  Allocations are not counted: {made.stderr.strip() if made else 'there is no C compiler'}.")

    def count(self) -> int:
        try:
            return struct.unpack("<Q", self.file.read_bytes()[:8])[0]
        except (OSError, struct.error):
            return 0
