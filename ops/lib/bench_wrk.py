"""Requests without a pause by wrk, and what they cost the server that answers them."""

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import bench_usage
import processes
import say
from bench_stage import FOLDER
from fleet import write_whole


class Run(NamedTuple):
    per_second: float
    microseconds: float  # of the server's processor time for each request
    failed: int  # answers that are none or another than 2xx, and connections that failed or waited for too long


def run(
    server: processes.Identity, url: str, connections: int, seconds: int, script: Path | None = None,
    may_fail: bool = False,
) -> Run:
    before = bench_usage.spent(server)
    done = subprocess.run(
        ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "10s",
         *(("-s", str(script)) if script else ()), url],
        capture_output=True, text=True,
    )
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    count = re.search(r"(\d+) requests in", done.stdout)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    failed = sum(int(part) for found in (refused, broken) if found for part in found.groups())
    if done.returncode != 0 or not rate or not count or failed and not may_fail:
        raise say.Stop(f"wrk says:\n{done.stdout}{done.stderr}")
    cost = (bench_usage.spent(server) - before) / max(1, int(count.group(1))) * 1e6
    return Run(float(rate.group(1)), cost, failed)


def posts(name: str, headers: dict[str, str], bodies: list[str]) -> Path:
    """A script for wrk that posts these bodies in turn."""
    # What JSON writes of ASCII text is a string of Lua, too.
    lines = [
        'wrk.method = "POST"',
        *(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()),
        "local requests, turn = {}, 0",
        "local bodies = {", *(f"{json.dumps(body)}," for body in bodies), "}",
        "function init() for place, body in ipairs(bodies) do requests[place] = wrk.format(nil, nil, nil, body) end end",
        "function request() turn = turn % #requests + 1 return requests[turn] end",
    ]
    file = FOLDER / f"{name}.lua"
    write_whole(file, "\n".join(lines) + "\n")  # it may hold a key
    return file
