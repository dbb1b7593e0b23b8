"""ops/test-stack: builds the image, starts compose.yaml beside whatever runs, breaks and scales it, and takes it down."""

import argparse
import sys
import time
from typing import Callable, NamedTuple

import compose
import ports
import processes
import resp
import say
import stack
from fleet import Turn
from teststack_faults import Faults
from teststack_gateway import Gateway
from teststack_image import Image
from teststack_metrics import Metrics
from teststack_stack import Stack
from teststack_steps import Steps

FOLDER = stack.STACK / "test-stack"
PROJECT = "questline-test"
PORTS = ("QUESTLINE_PORT", "REDIS_PORT", "CACHE_PORT", "POSTGRES_PORT", "GATEWAY_STATISTICS_PORT", "ADMINER_PORT", "PROMETHEUS_PORT")


class Row(NamedTuple):
    what: str
    good: bool
    seconds: float
    found: str


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/test-stack", description=__doc__.partition(": ")[2])
    parser.add_argument("--keep", action="store_true", help="leave the stack running when a row has failed")
    return parser.parse_args()


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    turn = Turn(FOLDER)
    if not turn.take():
        raise say.Stop("Another ops/test-stack is running here.")
    taken: set[int] = set()
    settings = {"QUESTLINE_VERSION": "test", "EDGE_NETWORK": compose.free_network()}
    for name in PORTS:
        port = ports.free(taken=taken)
        taken.add(port)
        settings[name] = str(port)
    project = compose.Project(PROJECT, settings, FOLDER)
    log = FOLDER / "compose.log"
    log.unlink(missing_ok=True)
    take_down(project)  # what a killed run has left
    rows: list[Row] = []
    kept = False
    try:
        play(project, settings, rows)
        kept = options.keep and not all(row.good for row in rows)
    finally:
        interruptions.ignore()
        if rows and not all(row.good for row in rows):
            project.run("logs", "--no-color", "--timestamps", log=FOLDER / "containers.log")
        if kept:
            say.line(f"\nLeft running: docker-compose -p {PROJECT}, port {settings['QUESTLINE_PORT']}.")
        else:
            began = time.monotonic()
            left = take_down(project)
            found = f"left: {', '.join(left)}" if left else "no container, volume or network is left"
            rows.append(Row("it goes away whole", not left, time.monotonic() - began, found))
        summary(rows)
    return 0 if all(row.good for row in rows) else 1


def play(project: compose.Project, settings: dict[str, str], rows: list[Row]) -> None:
    """Carries the steps out in order. What a step cannot do is its failure; without a stack there are no further ones."""
    target = Stack(project, settings, FOLDER)
    image, steps, gateway, faults = Image(project), Steps(target), Gateway(target), Faults(target)

    def step(what: str, work: Callable[[], str]) -> bool:
        say.line(f"\n== {what}")
        began = time.monotonic()
        good, found = True, ""
        try:
            found = work()
        except (say.Stop, OSError, ValueError, LookupError, resp.RedisFailure) as reason:
            good, found = False, str(reason) or repr(reason)
        say.line(f"{'' if good else 'FAILED: '}{found}")
        rows.append(Row(what, good, time.monotonic() - began, found))
        return good

    if not step("the image is built", image.build):
        return
    step("the image is small, of one user, and has every library", image.look)
    step("production without secrets is refused", steps.refuse)
    if not step("everything is healthy", steps.start):
        return
    step("no root, nothing to write to", steps.confined)
    step("idle memory", steps.memory)
    step("the example, through the gateway", steps.example)
    step("4 workers and 2 fronts", steps.scale)
    step("a forged address counts for nothing", gateway.forge)
    step("what ends TLS before the gateway is believed", gateway.trust)
    step("bodies that are too large", gateway.too_large)
    step("a front stops politely, 50 requests/s", faults.stop_front)
    step("a front is killed, 50 reads/s", faults.kill_front)
    step("a worker is killed with entries in hand", faults.kill_worker)
    step("Redis is started again", faults.restart_redis)
    step("verify, inside", steps.verify)
    step("Adminer shows the tables", steps.adminer)
    step("Prometheus finds every replica", Metrics(project, target).watch)


def take_down(project: compose.Project) -> list[str]:
    """Removes everything of the project, and says what is left."""
    project.run("--profile", "tools", "--profile", "metrics", "down", "--volumes", "--remove-orphans", "--timeout", "20", log=FOLDER / "compose.log")
    return project.left()


def summary(rows: list[Row]) -> None:
    say.line()
    say.table(
        ["", "what", "seconds", "found"],
        [["passed" if row.good else "FAILED", row.what, f"{row.seconds:.1f}", row.found.split("\n")[0]] for row in rows],
    )


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
