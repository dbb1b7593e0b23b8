"""A private installation, in a folder that looks like a clone to whoever stands in it."""

import fcntl
import os
import pty
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 300
# ops/test has built the executables; without it they are built here.
BUILT = os.environ.get("QUESTLINE_TEST_BIN")
EXECUTABLES = f"--bin {BUILT}" if BUILT else "--debug"
# What the README says to set before anything of `Look inside` is typed.
SETTINGS = ". .stack/env\nPATH=$PATH:$PWD/.stack/bin\n"
# All lines of the README are typed into one shell: what one of them has set is there for the next.
RECALL, REMEMBER = "set -aeuo pipefail\n[ ! -f .shell ] || . ./.shell\n", "\nexport -p > .shell\n"


class Failed(AssertionError):
    """A command of the README has ended with another exit code than 0."""


class Installation:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="questline-readme-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        for name, options in (("up", f"{EXECUTABLES} --port {self.port}"), ("down", "")):
            script = self.folder / "ops" / name
            script.parent.mkdir(exist_ok=True)
            script.write_text(f'#!/bin/sh\nexec {PROJECT}/ops/{name} {options} "$@"\n')
            script.chmod(0o755)
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("QUESTLINE_", "REDIS_", "DATABASE_"))
        } | {"QUESTLINE_STACK": str(self.folder / ".stack")}

    def start(self) -> None:
        self.run("ops/up --detach", settings="")

    def remove(self) -> None:
        self.run("ops/down --erase", settings="")
        shutil.rmtree(self.folder)

    def run(self, script: str, settings: str = SETTINGS) -> str:
        """Runs a script as somebody would who pastes it, except that it ends with the first thing that fails."""
        answer = subprocess.run(
            ["bash", "-c", RECALL + settings + script + REMEMBER], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )
        if answer.returncode != 0:
            raise Failed(f"{script}\nended with {answer.returncode}:\n{answer.stdout}")
        return answer.stdout

    def show(self, command: str) -> str:
        """What a command prints at a terminal, where redis-cli, for one, writes otherwise than into a pipe."""
        mine, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 500, 250, 0, 0))
        with subprocess.Popen(
            ["bash", "-c", RECALL + SETTINGS + command], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=its, stderr=its,
        ) as child:
            os.close(its)
            output = b""
            while True:
                try:
                    some = os.read(mine, 65536)
                except OSError:  # nobody holds the other side any more
                    break
                if not some:
                    break
                output += some
            os.close(mine)
            code = child.wait(PATIENCE)
        text = output.decode().replace("\r\n", "\n")
        if code != 0:
            raise Failed(f"{command}\nended with {code}:\n{text}")
        # What `--wait` waits for, and whether it has to, is a matter of moments.
        return "".join(row for row in text.splitlines(keepends=True) if not row.startswith("waiting: "))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
