"""Debian packages: installs the ones that are missing, and says so."""

import os
import shutil
import subprocess

import processes
import say

# The servers, and the headers of the C libraries that the executables link.
NEEDED = [
    "redis-server", "postgresql-15", "postgresql-client-15",
    "libhiredis-dev", "libpq-dev", "libargon2-dev", "zlib1g-dev", "curl",
]

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
    as_root: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise say.Stop(f"Packages are missing. As root: apt-get install {listed}")
        as_root = ["sudo"]
    say.line(f"Installing {listed} {'through sudo' if as_root else 'as root'}.")
    if {"redis-server", "postgresql-15"} & set(absent):
        say.line("Debian may start a Redis and a PostgreSQL of its own with them; Questline leaves those alone.")
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    command = [*apt, "install", "-y", "--no-install-recommends", *absent]
    known = subprocess.run(["apt-cache", "show", *absent], capture_output=True).returncode == 0
    if known and processes.run(command) == 0:
        return
    if processes.run([*apt, "update"]) != 0 or processes.run(command) != 0:
        raise say.Stop(f"These packages could not be installed: {listed}")
