"""Whether the time of a refused sign-in tells if a name exists: the wrong password of a known name, an unknown name, and
the right password of somebody banned, in turn, on one connection. Exit 1 if their medians differ by more than 5 %.
"""

import argparse
import http.client
import json
import random
import statistics
import time
import urllib.parse

import say
import web
from bench_figures import Figure, Result
from bench_options import positive
from bench_stage import Stage

TITLE = "Refused sign-ins"
KINDS = ("known", "unknown", "banned")
LIMITS = ("SIGN_UPS_PER_HOUR", *(f"FAILED_SIGN_INS_PER_{of}" for of in ("NAME", "ADDRESS", "NAME_AND_ADDRESS")))
# Whoever signs in again and again for a benchmark is not to be stopped.
UNLIMITED = {f"QUESTLINE_{name}": "1000000" for name in LIMITS}


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=positive, default=200, help="how often each is tried (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within each turn (1)")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    base, _ = stage.start_front(**UNLIMITED)
    prepare(base, stage.environment)
    chance = random.Random(options.seed)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    client = http.client.HTTPConnection(base.removeprefix("http://"), timeout=30)
    for turn in range(-10, options.turns):
        for kind in chance.sample(KINDS, len(KINDS)):
            name = f"nobody {turn + 10:05}" if kind == "unknown" else f"{kind} person"
            seconds = refused(client, name, "password 1" if kind == "banned" else "password 2")
            # The first turns only warm up.
            if turn >= 0:
                times[kind].append(1000 * seconds)
    stage.verify()
    known = statistics.median(times["known"])
    titles = {
        "known": "wrong password of a known name", "unknown": "an unknown name",
        "banned": "right password of somebody banned",
    }
    return Result("timing", TITLE, f"{options.turns} turns; the ratio is that of the medians.", [
        Figure(f"timing.{kind}", titles[kind], "ms", times[kind], [] if kind == "known" else [known] * options.turns)
        for kind in KINDS
    ])


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
