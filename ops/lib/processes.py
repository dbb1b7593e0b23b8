"""Starting and stopping processes, always by pid and never a stranger's."""

import codecs
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Iterator, NamedTuple

import say

POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Identity(NamedTuple):
    """A process for certain: a pid alone may have passed to another one since."""

    pid: int
    born: int  # clock ticks since the machine started


# How our own children ended: their exit code, or minus the signal.
endings: dict[int, int] = {}


def identity(pid: int) -> Identity | None:
    """The process with this pid, or nothing if it has ended (one that is only waiting to be reaped has)."""
    has_yet_to_end(pid)
    try:
        # The name, in brackets, may hold spaces and brackets of its own.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # It may have ended since it was asked for; or only its first thread has, and then its exit code is still to come.
    if fields[0] in "ZX" and not has_yet_to_end(pid):
        return None
    return Identity(pid, int(fields[19]))


def has_yet_to_end(pid: int) -> bool:
    """Whether it is a child of ours that still runs; notes how it ended if it has."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False
    if ended:
        endings[pid] = os.waitstatus_to_exitcode(status)
    return not ended


def ending(process: Identity) -> str:
    """How it ended, for a person; only our own children tell."""
    code = endings.get(process.pid)
    if code is None:
        return "has ended"
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"has ended with exit code {code}"


def is_alive(process: Identity) -> bool:
    return identity(process.pid) == process


def start(
    arguments: list[str],
    log: Path,
    *,
    user: str | None = None,
    environment: dict[str, str] | None = None,
    text: str | None = None,
    folder: Path | str | None = None,
) -> Identity:
    """Starts a process in a session of its own, so that Ctrl-C reaches only the script, which then stops it in order.

    `text` is what it reads on its standard input: the way to hand over a secret that `ps` must not show.
    """
    with open(log, "ab") as output:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder or ("/" if user else None),
            start_new_session=True,
            **as_user(user),
        )
    if text is not None:
        with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
            pipe.write(text.encode())
    # subprocess would reap what it has lost sight of, and the exit code with it: that is for `has_yet_to_end` alone.
    child.returncode = 0
    # A child that has already ended is known by an identity that nothing alive can have.
    return identity(child.pid) or Identity(child.pid, -1)


def as_user(user: str | None) -> dict:
    """The arguments with which subprocess runs something as somebody else."""
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def stop(process: Identity, *steps: tuple[signal.Signals, float]) -> signal.Signals | None:
    """Sends each signal in turn until the process has ended; the one that did it, or nothing if none was needed."""
    for number, patience in steps:
        if not is_alive(process):
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not is_alive(process):
                return number
            time.sleep(0.02)
    raise say.Stop(f"Process {process.pid} does not end, not even by {steps[-1][0].name}.")


def adopt_orphans() -> None:
    """From now on, whatever a killed child of ours leaves behind becomes our own child instead of nobody's."""
    set_child_subreaper = 36
    ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0)


def end_orphans() -> list[str]:
    """Ends every child that is still there, and theirs as they become ours; the names of what had to be ended."""
    names = []
    until = time.monotonic() + 60
    while time.monotonic() < until:
        parents = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        orphans = [who for who in map(identity, map(int, parents)) if who]
        if not orphans:
            break
        for who in orphans:
            with contextlib.suppress(OSError):
                names.append(f"{Path(f'/proc/{who.pid}/comm').read_text().strip()} (pid {who.pid})")
            stop(who, (signal.SIGTERM, 3), (signal.SIGQUIT, 3), (signal.SIGKILL, 10))
    return names


class Interruptions:
    """Turns Ctrl-C and requests to end into one exception, except where that would leave something behind."""

    def __init__(self) -> None:
        self.held = 0
        self.waiting: int | None = None
        for number in POLITE:
            signal.signal(number, self.arrived)

    def arrived(self, number: int, _frame: object) -> None:
        if self.held:
            self.waiting = number
        else:
            raise say.Interrupted(number)

    @contextlib.contextmanager
    def later(self) -> Iterator[None]:
        """Inside, an interruption waits until the end of the block."""
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
        if self.waiting is not None and not self.held:
            number, self.waiting = self.waiting, None
            raise say.Interrupted(number)

    def ignore(self) -> None:
        """From now on nothing interrupts: the script is tidying up."""
        for number in POLITE:
            signal.signal(number, signal.SIG_IGN)


def run(
    arguments: list[str],
    *,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
    limit: float | None = None,
    output: IO[str] | None = None,
    stdin: int | None = None,
) -> int:
    """Runs a command in front of the person and ends it with the script; each line also goes to `output` if given."""
    piped = subprocess.PIPE if output else None
    child = subprocess.Popen(
        arguments, env=environment, cwd=folder, stdin=stdin, stdout=piped, stderr=subprocess.STDOUT if output else None
    )
    try:
        until = time.monotonic() + limit if limit else None
        if output:
            copy(child, output, until)
        return child.wait(until and max(0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        say.trouble(f"{arguments[0]} has not ended after {limit / 60:.0f} minutes and is stopped.")
        return 124
    finally:
        running = identity(child.pid) if child.poll() is None else None
        if running:
            stop(running, (signal.SIGINT, 10), (signal.SIGTERM, 10), (signal.SIGKILL, 10))


def copy(child: subprocess.Popen, output: IO[str], until: float | None) -> None:
    """Shows and writes what a child prints, until it ends; grandchildren that hold its pipe do not outlast `until`."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while select.select([child.stdout], [], [], until and max(0, until - time.monotonic()))[0]:
        piece = os.read(child.stdout.fileno(), 65_536)
        text = decoder.decode(piece, final=not piece)
        print(text, end="", flush=True)
        output.write(text)
        if not piece:
            return
    raise subprocess.TimeoutExpired(child.args, 0)
