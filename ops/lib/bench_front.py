"""What the front makes of trusted sign-ins, against a bare Hummingbird route that reads the same bodies and answers as many
bytes: one event a request and a hundred, with `appendfsync always` (which the stack has) and with `everysec` beside it.

No worker runs meanwhile; one drains the stream afterwards, and what it has recorded is verified.
"""

import argparse
import json
import random
import uuid

import bench_drain
import bench_usage
import bench_wrk
import processes
import say
import web
from bench_figures import Figure, Result
from bench_options import positive
from bench_stage import Stage
from bench_wrk import Run

TITLE = "Sign-ins by key through the front"
SIZES = {"one": 1, "hundred": 100}
MODES = ("always", "everysec")


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=positive, default=2, help="how long each time (2)")
    parser.add_argument("--connections", type=positive, default=64, help="connections that send without a pause (64)")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    # Everything that is sent waits in the stream.
    base, _ = stage.start_front(QUESTLINE_BACKLOG_LIMIT="100000000")
    figures = []
    for name, size in SIZES.items():
        figures += of_size(options, stage, f"{base}/api/v1/sign-ins", name, size)
    front = stage.fleet.members["front"]
    figures.append(Figure("front.anonymous", "the front's anonymous memory afterwards", "MB",
                          [bench_usage.memory(front, "RssAnon")]))
    with bench_drain.running(stage, 1, {}):
        stage.verify(wait=300)
    what = (
        f"`POST /sign-ins`, {options.connections} connections, {options.seconds} s each (half as long with a hundred), "
        f"{options.pairs} pairs, against a bare route; no worker runs. Processor time is that of the front and of the bare route."
    )
    return Result("front", TITLE, what, figures)


def of_size(options: argparse.Namespace, stage: Stage, url: str, name: str, size: int) -> list[Figure]:
    headers = {"Content-Type": "application/json", "X-API-Key": stage.environment["QUESTLINE_API_KEY"]}
    bodies = made(size)
    answer = web.call("POST", url, json_body=json.loads(bodies[0]), headers=headers)
    if answer.status != 202:
        raise say.Stop(f"The front answered {answer.status}: {answer.body}")
    # The front writes its JSON without blanks.
    bare = stage.start_floor(json.dumps(answer.body, separators=(",", ":")).encode(), f"floor-{name}")
    script = bench_wrk.posts(f"sign-ins-{name}", headers, bodies)
    front, floor = stage.fleet.members["front"], stage.fleet.members[f"floor-{name}"]

    # All of it has to be recorded afterwards.
    moment = options.seconds if size == 1 else max(1, options.seconds // 2)

    def asked(server: processes.Identity, to: str, seconds: int = moment) -> Run:
        return bench_wrk.run(server, to, options.connections, seconds, script)

    floors: list[Run] = []
    runs: dict[str, list[Run]] = {mode: [] for mode in MODES}
    asked(floor, bare, 1)
    asked(front, url, 1)
    for pair in range(options.pairs):
        floors.append(asked(floor, bare))
        for mode in MODES:
            with stage.redis() as redis:
                redis.command("CONFIG", "SET", "appendfsync", mode)
            runs[mode].append(asked(front, url))
        say.line(
            f"  {name}, pair {pair + 1}: the bare route {floors[-1].per_second * size:9,.0f} events/s   "
            + "   ".join(f"the front, {mode}, {runs[mode][-1].per_second * size:9,.0f} events/s" for mode in MODES)
        )
    stage.fleet.stop(f"floor-{name}")
    a = "one event a request" if size == 1 else f"{size} events a request"
    rates = [Figure(f"front.{name}.{mode}", f"{a}, {mode}", "events/s", [run.per_second * size for run in runs[mode]],
                    [run.per_second * size for run in floors]) for mode in MODES]
    costs = [Figure(f"front.{name}.{mode}.cpu", f"{a}, {mode}: processor time", "µs/request",
                    [run.microseconds for run in runs[mode]], [run.microseconds for run in floors]) for mode in MODES]
    return rates + costs


def made(size: int) -> list[str]:
    """Bodies of as many people as there are events in all of them."""
    chance = random.Random(size)
    people = [{"user_id": str(uuid.UUID(int=chance.getrandbits(128), version=4))} for _ in range(max(1000, 100 * size))]
    if size == 1:
        return [json.dumps(person, separators=(",", ":")) for person in people]
    return [json.dumps(people[start:start + size], separators=(",", ":")) for start in range(0, len(people), size)]
