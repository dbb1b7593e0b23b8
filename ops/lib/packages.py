"""Debian packages: installs the ones that are missing, and says so."""

import os
import shutil
import subprocess
from pathlib import Path

import processes
import say

# The servers, and the headers of the C libraries that the executables link.
NEEDED = [
    "redis-server", "postgresql-15", "postgresql-client-15",
    "libhiredis-dev", "libpq-dev", "libargon2-dev", "zlib1g-dev", "curl",
]
# What only ops/test needs: promtool and a Prometheus to try the rules on.
TESTS = ["prometheus"]

# For tests, unpacked and not installed.
PGBOUNCER = ["pgbouncer", "libc-ares2", "libevent-2.1-7"]
KUBECTL = ["kubernetes-client"]

# Only for the tests of the pages.
BROWSER = ["chromium", "fonts-dejavu-core", "python3-venv"]


def missing(names: list[str]) -> list[str]:
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True, text=True,
    ).stdout
    present = {row.split()[0] for row in answer.splitlines() if row.endswith(" installed")}
    return [name for name in names if name not in present]


def install(names: list[str] = NEEDED) -> None:
    """Installs what is missing as root or through sudo."""
    if not shutil.which("dpkg-query"):
        say.line("This is not a Debian machine: the servers and the headers must already be here.")
        return
    absent = missing(names)
    if not absent:
        return
    listed = " ".join(absent)
    as_root = root_command(f"Packages are missing. As root: apt-get install {listed}")
    say.line(f"Installing {listed} {'through sudo' if as_root else 'as root'}.")
    if {"redis-server", "postgresql-15"} & set(absent):
        say.line("Debian may start a Redis and a PostgreSQL of its own with them; Questline leaves those alone.")
    if "prometheus" in absent:
        say.line("Debian may start a Prometheus of its own at port 9090: `systemctl disable --now prometheus` stops it.")
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    command = [*apt, "install", "-y", "--no-install-recommends", *absent]
    known = subprocess.run(["apt-cache", "show", *absent], capture_output=True).returncode == 0
    if known and processes.run(command) == 0:
        return
    if processes.run([*apt, "update"]) != 0 or processes.run(command) != 0:
        raise say.Stop(f"These packages could not be installed: {listed}")


def root_command(otherwise: str) -> list[str]:
    """What to put before a command that needs root."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        raise say.Stop(otherwise)
    return ["sudo"]


def unpacked(names: list[str], folder: Path) -> Path:
    """Debian packages unpacked into a folder, once, and not installed: for what only tests use, so that no server of theirs is
    started and no program of the machine's own is replaced."""
    marker = folder / "unpacked"
    if marker.exists() and marker.read_text() == " ".join(names):
        return folder
    if not shutil.which("dpkg-deb"):
        raise say.Stop(f"This is not a Debian machine, from whose packages {', '.join(names)} would be taken.")
    say.line(f"Unpacking {', '.join(names)} into {folder} (once).")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    download = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *names]
    if processes.run(download, folder=folder) != 0:
        update = [*root_command("The lists of packages are missing. As root: apt-get update"), "apt-get", "-q", "update"]
        if processes.run(update) != 0 or processes.run(download, folder=folder) != 0:
            raise say.Stop(f"These packages could not be downloaded: {' '.join(names)}")
    for archive in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
        archive.unlink()
    marker.write_text(" ".join(names))
    return folder
