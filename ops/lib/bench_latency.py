"""From an accepted sign-in to its completion in the stream, at 100, 1,000 and 10,000 sign-ins a second; the last ones are sent
ten to a request. A third of them complete a streak.

It is accepted when its 202 has arrived; a completion that was there before took no time at all. How long it took since the
request was sent stands below. The floor: one after the other with nothing else going on, an entry is read from a stream, one
statement of floor A commits it, and the completion is added to a stream.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import bench_drain
import bench_latency_floor
import say
from bench_figures import Figure, Result, quantile
from bench_options import positive
from bench_stage import Stage

TITLE = "From a sign-in to its completion"
RATES = {100: 1, 1_000: 1, 10_000: 10}  # sign-ins a second, and how many a request
PARTS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
CONNECTIONS = 32
FLOOR_EVENTS = 200  # a pair
APART = 0.2  # seconds between the sign-ins of one person


class Times(NamedTuple):
    accepted: list[float]  # ms from the answer to the completion
    sent: list[float]  # ms from the request to the completion
    per_second: float  # sign-ins that were really sent


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=positive, default=4, help="how long each rate is sent each time (4)")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    floor = bench_latency_floor.Chain(stage, FLOOR_EVENTS * options.pairs)
    base, _ = stage.start_front()
    floors: list[list[float]] = []
    times: dict[int, list[Times]] = {rate: [] for rate in RATES}
    with bench_drain.running(stage, 1, {}):
        send(stage, base, 1_000, 1, seconds=1)  # warms up
        for pair in range(options.pairs):
            floors.append(floor.times(FLOOR_EVENTS))
            for rate, size in RATES.items():
                times[rate].append(send(stage, base, rate, size, options.seconds))
            say.line(
                f"  pair {pair + 1}: the floor p99 {quantile(floors[-1], 0.99):5.1f} ms   " + "   ".join(
                    f"{rate:,}/s p50 {quantile(times[rate][-1].accepted, 0.5):5.1f}, "
                    f"p99 {quantile(times[rate][-1].accepted, 0.99):5.1f} ms" for rate in RATES)
            )
        stage.verify(wait=120)
    floor.close()
    figures = []
    for rate in RATES:
        figures += told(rate, times[rate], floors)
    what = (
        f"{options.seconds} s each, {options.pairs} pairs, {CONNECTIONS} connections, one worker; 10,000 a second as 1,000 requests of "
        "ten. The floor reads, commits and publishes one event after the other."
    )
    return Result("latency", TITLE, what, figures)


def told(rate: int, times: list[Times], floors: list[list[float]]) -> list[Figure]:
    figures = [
        Figure(f"latency.{rate}.{name}", f"{rate:,}/s, from accepted: {name}", "ms",
               [quantile(one.accepted, part) for one in times], [quantile(floor, part) for floor in floors])
        for name, part in PARTS.items()
    ]
    figures += [
        Figure(f"latency.{rate}.sent.{name}", f"{rate:,}/s, from sent: {name}", "ms",
               [quantile(one.sent, part) for one in times]) for name, part in PARTS.items()
    ]
    sent = Figure(f"latency.{rate}.rate", f"{rate:,}/s: really sent", "sign-ins/s",
                  [one.per_second for one in times], [float(rate)] * len(times))
    return [*figures, sent]


def people_of(rate: int, seconds: float) -> tuple[list[str], dict[int, str]]:
    """Who signs in with each event, and which events complete a streak of whom. Three kinds of events take turns: first
    sign-ins, second and third ones, the latter of people whose earlier ones lie a moment back."""
    lag = max(1, round(rate * APART / 3))
    turns = round(rate * seconds / 3)
    people = [str(uuid.uuid4()) for _ in range(turns)]
    events, completing = [], {}
    for turn in range(turns):
        for kind in range(3):
            place = turn - kind * lag
            # Before there are people with a past, strangers take their turn, who are never seen again.
            events.append(people[place] if place >= 0 else str(uuid.uuid4()))
            if kind == 2 and place >= 0:
                completing[len(events) - 1] = people[place]
    return events, completing


def send(stage: Stage, base: str, rate: int, size: int, seconds: float) -> Times:
    events, completing = people_of(rate, seconds)
    url = urlsplit(base)
    reader = started("bench_reader.py")
    hand_over(reader, {
        "url": stage.environment["REDIS_URL"], "stream": "quest:completions", "expected": len(completing), "patience": 10 + seconds,
    })
    if reader.stdout.readline() != "ready\n":
        raise say.Stop(f"The reader has ended: {reader.communicate()[1]}")
    sender = started("bench_sender.py")
    hand_over(sender, {
        "host": url.hostname, "port": url.port, "rate": rate / size, "connections": CONNECTIONS,
        "began": time.monotonic_ns() + 300_000_000,
        "head": f"POST /api/v1/sign-ins HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"X-API-Key: {stage.environment['QUESTLINE_API_KEY']}\r\n",
        "bodies": [body(events[start:start + size]) for start in range(0, len(events), size)],
    })
    requests, arrived = answer_of(sender, "The sender"), answer_of(reader, "The reader")
    if len(arrived) != len(completing):
        raise say.Stop(f"{len(arrived)} completions came of {len(completing)}.")
    accepted, sent = [], []
    for number, person in completing.items():
        request = number // size
        accepted.append(max(0, arrived[person] - requests["answered"][request]) / 1e6)
        sent.append((arrived[person] - requests["sent"][request]) / 1e6)
    whole = (max(requests["sent"]) - requests["due"][0]) / 1e9 + size / rate
    return Times(accepted, sent, len(events) / whole)


def body(people: list[str]) -> str:
    items = [{"user_id": person} for person in people]
    return json.dumps(items if len(items) > 1 else items[0], separators=(",", ":"))


def started(script: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-B", str(Path(__file__).with_name(script))], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )


def hand_over(child: subprocess.Popen, plan: dict) -> None:
    json.dump(plan, child.stdin)
    child.stdin.close()
    child.stdin = None


def answer_of(child: subprocess.Popen, name: str) -> dict:
    output, trouble = child.communicate()
    if child.returncode != 0:
        raise say.Stop(f"{name} has failed: {trouble.strip()}")
    return json.loads(output)
