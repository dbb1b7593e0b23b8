"""What a front costs: a warm read of a quest by id against a bare Hummingbird route that returns the same bytes.

Both run at the same time, and one after the other is asked, in pairs, by the same wrk.
"""

import argparse
import json
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import bench_report
import bench_worker
import packages
import ports
import processes
import say
from bench_worker import FOLDER
from fleet import Fleet
from stack import PROJECT


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


def measure(options: argparse.Namespace, fleet: Fleet, program: Path) -> tuple[list[float], list[float], int]:
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
    for url in (bare, asked):
        requests(options, url, seconds=2)
    floors, fronts = [], []
    for pair in range(options.pairs):
        floors.append(requests(options, bare, options.seconds))
        fronts.append(requests(options, asked, options.seconds))
        say.line(
            f"  pair {pair + 1}: the bare route {floors[-1]:9,.0f} requests/s   the front {fronts[-1]:9,.0f} requests/s   "
            f"ratio {fronts[-1] / floors[-1]:.2f}"
        )
    return floors, fronts, len(body)


def requests(options: argparse.Namespace, url: str, seconds: int) -> float:
    """Requests per second; every answer has to be a 200."""
    done = subprocess.run(
        ["wrk", "-t", "1", "-c", str(options.connections), "-d", f"{seconds}s", url], capture_output=True, text=True
    )
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    if done.returncode != 0 or not rate or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise say.Stop(f"wrk says:\n{done.stdout}{done.stderr}")
    return float(rate.group(1))


def answers(url: str) -> bool:
    try:
        return bool(read(url))
    except (urllib.error.URLError, OSError):
        return False


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()
