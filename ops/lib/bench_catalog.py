"""What a front costs: a warm read of a quest by id against a bare Hummingbird route that returns the same bytes.

Both run at the same time, and one after the other is asked, in pairs, by the same wrk. Beside the requests per second, which
other work on the machine disturbs, stands the processor time that each has spent on one request, the kernel's included.
"""

import argparse
import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import bench_report
import bench_worker
import packages
import ports
import processes
import say
from bench_worker import FOLDER
from fleet import Fleet
from stack import PROJECT


class Run(NamedTuple):
    per_second: float
    microseconds: float  # of processor time for each request


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each time (5)")
    parser.add_argument("--connections", type=int, default=32, help="connections that ask without a pause (32)")
    parser.add_argument("--bin", type=Path, help="a folder with the executables and BenchFloor, instead of building them")


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    packages.install([*packages.NEEDED, "wrk"])
    bench_report.catalog(FOLDER, options, *bench_worker.in_private(options, interruptions, measure))
    return 0


def measure(options: argparse.Namespace, fleet: Fleet, program: Path) -> tuple[list[Run], list[Run], int]:
    _, _, environment = bench_worker.start(fleet, program)
    if not options.bin and processes.run(["swift", "build", "-c", "release", "--product", "BenchFloor"], folder=PROJECT):
        raise say.Stop("The build of BenchFloor has failed; the compiler says why above.")
    front, floor, probe = ports.free(), ports.free(), ports.free()
    fleet.start(
        "front", [str(program.with_name("questline-front"))],
        environment=environment | {"QUESTLINE_PORT": str(front), "QUESTLINE_PROBE_PORT": str(probe)},
    )
    base = f"http://127.0.0.1:{front}/api/v1/quests"
    fleet.wait_until("front", lambda: answers(base))
    quest = json.loads(read(base))["data"][0]["quest_id"]
    asked = f"{base}/{quest}"
    body = read(asked)
    (FOLDER / "body.json").write_bytes(body)
    fleet.start("floor", [str(program.with_name("BenchFloor")), str(floor), str(FOLDER / "body.json")])
    bare = f"http://127.0.0.1:{floor}/bytes"
    fleet.wait_until("floor", lambda: answers(bare))
    if read(bare) != body:
        raise say.Stop("The two do not answer the same bytes.")
    for name, url in (("floor", bare), ("front", asked)):
        requests(options, fleet.members[name], url, seconds=2)
    floors, fronts = [], []
    for pair in range(options.pairs):
        floors.append(requests(options, fleet.members["floor"], bare, options.seconds))
        fronts.append(requests(options, fleet.members["front"], asked, options.seconds))
        say.line(
            f"  pair {pair + 1}: the bare route {floors[-1].per_second:9,.0f} requests/s   "
            f"the front {fronts[-1].per_second:9,.0f} requests/s   "
            f"ratio {fronts[-1].per_second / floors[-1].per_second:.2f}, "
            f"of processor time {floors[-1].microseconds / fronts[-1].microseconds:.2f}"
        )
    return floors, fronts, len(body)


def requests(options: argparse.Namespace, server: processes.Identity, url: str, seconds: int) -> Run:
    """Asks for so long; every answer has to be a 200."""
    before = spent(server)
    done = subprocess.run(
        ["wrk", "-t", "1", "-c", str(options.connections), "-d", f"{seconds}s", url], capture_output=True, text=True
    )
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    count = re.search(r"(\d+) requests in", done.stdout)
    if done.returncode != 0 or not rate or not count or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise say.Stop(f"wrk says:\n{done.stdout}{done.stderr}")
    return Run(float(rate.group(1)), (spent(server) - before) / int(count.group(1)) * 1e6)


def spent(server: processes.Identity) -> float:
    """Seconds of processor time since it was started, its own and the kernel's for it."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answers(url: str) -> bool:
    try:
        return bool(read(url))
    except (urllib.error.URLError, OSError):
        return False


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()
