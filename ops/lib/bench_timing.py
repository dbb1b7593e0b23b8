"""Whether the time of a refused sign-in tells if a name exists: the wrong password of a known name, an unknown name, and
the right password of somebody banned, in turn, on one connection. Exit 1 if their medians differ by more than 5 %.
"""

import argparse
import http.client
import json
import random
import time
import urllib.parse
from pathlib import Path

import bench_report
import bench_worker
import ports
import processes
import say
import web
from bench_worker import FOLDER
from fleet import Fleet

MOST = 0.05
KINDS = ("known", "unknown", "banned")


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--pairs", type=int, default=200, help="how often each is tried (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within each turn (1)")
    parser.add_argument("--bin", type=Path, help="a folder with the executables, instead of building them")


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    times = bench_worker.in_private(options, interruptions, measure)
    worst = bench_report.timing(FOLDER, options, times)
    return 0 if worst <= MOST else 1


def measure(options: argparse.Namespace, fleet: Fleet, program: Path) -> dict[str, list[float]]:
    """Seconds of each sign-in, by kind."""
    _, _, environment = bench_worker.start(fleet, program)
    port = ports.free()
    base = f"http://127.0.0.1:{port}"
    limits = ("SIGN_UPS_PER_HOUR", *(f"FAILED_SIGN_INS_PER_{of}" for of in ("NAME", "ADDRESS", "NAME_AND_ADDRESS")))
    fleet.start(
        "front", [str(program.with_name("questline-front"))],
        environment=environment | {"QUESTLINE_PORT": str(port)} | {f"QUESTLINE_{name}": "1000000" for name in limits},
    )
    fleet.wait_until("front", lambda: web.is_ready(base))
    prepare(base, environment)
    chance, times = random.Random(options.seed), {kind: [] for kind in KINDS}
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for turn in range(-10, options.pairs):
        for kind in chance.sample(KINDS, len(KINDS)):
            name = f"nobody {turn + 10:05}" if kind == "unknown" else f"{kind} person"
            seconds = refused(client, name, "password 1" if kind == "banned" else "password 2")
            # The first turns only warm up.
            if turn >= 0:
                times[kind].append(seconds)
    fleet.stop("front")
    return times


def prepare(base: str, environment: dict[str, str]) -> None:
    ids = {}
    for kind in ("known", "banned"):
        account = {"user_name": f"{kind} person", "password": "password 1"}
        made = web.call("POST", f"{base}/api/v1/users/signup", json_body=account)
        if made.status != 201:
            raise say.Stop(f"Sign-up answered {made.status}: {made.body}")
        ids[kind] = made.body["user_id"]
    admin = {
        "username": environment.get("QUESTLINE_ADMIN_USER", "admin"),
        "password": environment.get("QUESTLINE_ADMIN_PASSWORD", "admin-password"),
    }
    token = web.call("POST", f"{base}/api/v1/login/access-token", form=admin)
    if token.status != 200:
        raise say.Stop(f"The admin's sign-in answered {token.status}: {token.body}")
    banned = web.call(
        "PATCH", f"{base}/api/v1/users/{ids['banned']}", json_body={"status": 2},
        headers={"Authorization": f"Bearer {token.body['access_token']}"},
    )
    if banned.status != 200:
        raise say.Stop(f"The ban answered {banned.status}: {banned.body}")


def refused(client: http.client.HTTPConnection, name: str, password: str) -> float:
    form = urllib.parse.urlencode({"username": name, "password": password})
    began = time.perf_counter()
    client.request(
        "POST", "/api/v1/login/access-token", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = client.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - began
    if answer.status != 400 or json.loads(body).get("error") != "invalid_grant":
        raise say.Stop(f"The sign-in of '{name}' answered {answer.status}: {body.decode(errors='replace')}")
    return seconds
