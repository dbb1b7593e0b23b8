"""What a front costs: a warm read of a quest by id against a bare Hummingbird route that returns the same bytes.

Both run at the same time, and one after the other is asked, in pairs, by the same wrk. Beside the requests per second, which
other work on the machine disturbs, stands the processor time that each has spent on one request, the kernel's included.
"""

import argparse
import urllib.request

import bench_wrk
import say
import web
from bench_figures import Figure, Result
from bench_options import positive
from bench_stage import Stage
from bench_wrk import Run

TITLE = "A warm read of a quest by id"


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=positive, default=5, help="how long each time (5)")
    parser.add_argument("--connections", type=positive, default=32, help="connections that ask without a pause (32)")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    base, _ = stage.start_front()
    quests = f"{base}/api/v1/quests"
    asked = f"{quests}/{web.call('GET', quests).body['data'][0]['quest_id']}"
    body = read(asked)
    bare = stage.start_floor(body)
    if read(bare) != body:
        raise say.Stop("The two do not answer the same bytes.")
    members = stage.fleet.members
    for name, url in (("floor", bare), ("front", asked)):
        bench_wrk.run(members[name], url, options.connections, seconds=2)
    floors: list[Run] = []
    fronts: list[Run] = []
    for pair in range(options.pairs):
        floors.append(bench_wrk.run(members["floor"], bare, options.connections, options.seconds))
        fronts.append(bench_wrk.run(members["front"], asked, options.connections, options.seconds))
        say.line(
            f"  pair {pair + 1}: the bare route {floors[-1].per_second:9,.0f} requests/s   "
            f"the front {fronts[-1].per_second:9,.0f} requests/s   "
            f"ratio {fronts[-1].per_second / floors[-1].per_second:.2f}, "
            f"of processor time {fronts[-1].microseconds / floors[-1].microseconds:.2f}"
        )
    stage.verify()
    what = f"{len(body)} bytes of JSON, {options.connections} connections, {options.seconds} s each, {options.pairs} pairs."
    return Result("catalog", TITLE, what, [
        Figure("catalog.rate", "a warm read, a bare route", "requests/s",
               [run.per_second for run in fronts], [run.per_second for run in floors]),
        Figure("catalog.cpu", "a warm read: processor time", "µs/request",
               [run.microseconds for run in fronts], [run.microseconds for run in floors]),
    ])


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()
