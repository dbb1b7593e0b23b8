"""ops/test: builds everything, starts private servers and runs every check and every test against them."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable
from xml.etree import ElementTree

import build
import packages
import processes
import say
import servers
import stack
from fleet import Fleet, Turn

FOLDER = stack.STACK / "test"
TOP_LEVEL = {
    ".ci", ".dockerignore", ".env.example", ".gitignore", ".swift-format", "Package.resolved", "Package.swift", "README.md", "Sources", "Tests",
    "compose.yaml", "ops",
}
# Longer than everything takes on a slow machine, and shorter than continuous integration waits.
LIMIT = 45 * 60


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/test", description=__doc__.partition(": ")[2])
    parser.add_argument("--filter", metavar="X", help="only tests whose name matches, and no checks")
    return parser.parse_args()


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    turn = Turn(FOLDER)
    if not turn.take():
        owner = turn.owner()
        raise say.Stop(f"Another ops/test is running here{f' (pid {owner.pid}); Ctrl-C there stops it' if owner else ''}.")
    processes.adopt_orphans()
    results: list[tuple[str, bool, float]] = []
    failures: list[str] = []

    def step(name: str, work: Callable[[], bool]) -> bool:
        say.line(f"\n== {name}")
        began = time.monotonic()
        good = work()
        results.append((name, good, time.monotonic() - began))
        return good

    fleet = Fleet(FOLDER, interruptions)
    fleet.stop_all(quiet=True)  # what a killed run has left
    servers.remove_data(FOLDER)
    try:
        packages.install([*packages.NEEDED, *packages.TESTS])
        build.need_swift()
        if not options.filter:
            step("top level", top_level)
            step("format", formatted)
        warnings: list[str] = []
        if step("build", lambda: built(warnings)):
            step("no warnings", lambda: say.each(warnings, none="None about our own code."))
            environment = start(fleet)
            step("tests", lambda: swift_tests(options, environment, failures))
            for suite in sorted(stack.PROJECT.glob("Tests/*/run.py")):
                if not options.filter or options.filter in suite.parent.name:
                    step(suite.parent.name, lambda: python_suite(suite, environment, failures))
    finally:
        interruptions.ignore()
        fleet.stop_all(quiet=True)
        servers.remove_data(FOLDER)
        left = processes.end_orphans()
        if left:
            say.trouble(f"Tests have left these running, which are ended now: {', '.join(left)}")
        if results:
            summary(results, failures)
    return 0 if all(good for _, good, _ in results) else 1


def top_level() -> bool:
    """Only the agreed names stand at the top: whoever looks for something knows where it can be."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=stack.PROJECT, capture_output=True, text=True,
    )
    if listing.returncode == 0:
        names = {row.strip('"').split("/")[0] for row in listing.stdout.splitlines()}
    else:
        names = {path.name for path in stack.PROJECT.iterdir()} - {".build", ".git", ".stack", ".swiftpm"}
    strangers = sorted(name for name in names - TOP_LEVEL if (stack.PROJECT / name).exists())
    say.line(f"Not agreed on at the top: {', '.join(strangers)}" if strangers else "Only the agreed names.")
    return not strangers


def formatted() -> bool:
    code = processes.run(
        ["swift", "format", "lint", "--strict", "--parallel", "-r", "Sources", "Tests", "Package.swift"],
        folder=stack.PROJECT,
    )
    say.line("As .swift-format says." if code == 0 else "To format it: swift format -i -r Sources Tests Package.swift")
    return code == 0


def built(warnings: list[str]) -> bool:
    good, found = build.everything_strictly()
    warnings += found
    return good


def start(fleet: Fleet) -> dict[str, str]:
    """Starts the servers for the tests, which make databases, schemas and streams of their own in them."""
    secrets = stack.kept_secrets(FOLDER)
    redis = servers.start_redis(fleet, "redis", "streams.conf", secrets["REDIS_PASSWORD"])
    database = servers.start_postgres(
        fleet, secrets["POSTGRES_PASSWORD"], owner=None, extra=("max_connections=500",)
    )
    return os.environ | {
        "QUESTLINE_TEST_REDIS_URL": redis,
        "QUESTLINE_TEST_DATABASE_URL": database,
        "QUESTLINE_TEST_BIN": str(build.folder("debug").resolve()),
        "QUESTLINE_TEST_POSTGRES_BIN": str(servers.POSTGRES_BIN),
        "QUESTLINE_TEST_PGBOUNCER": str(packages.unpacked(packages.PGBOUNCER, stack.STACK / "tools" / "pgbouncer")),
        # Hundreds at once on two cores would measure how long tests take to begin.
        "SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH": str(4 * (os.cpu_count() or 2)),
    }


def swift_tests(options: argparse.Namespace, environment: dict[str, str], failures: list[str]) -> bool:
    report = FOLDER / "tests.xml"
    command = ["swift", "test", "--skip-build", "--disable-xctest", "--parallel", "--xunit-output", str(report)]
    if options.filter:
        command += ["--filter", options.filter]
    report.unlink(missing_ok=True)
    good = processes.run(
        command, environment=environment, folder=stack.PROJECT, limit=LIMIT, stdin=subprocess.DEVNULL
    ) == 0
    if not good:
        failures += failed_tests(report)
    return good


def failed_tests(report: Path) -> list[str]:
    """Each test that failed and the first of its reasons: they stand far up in the output."""
    try:
        cases = ElementTree.parse(report).iter("testcase")
    except (OSError, ElementTree.ParseError):
        return ["The tests have ended without a report: the last lines above them say how."]
    return [
        f"FAIL: {case.get('classname')}.{case.get('name')}: {failure.get('message')}"
        for case in cases if (failure := case.find("failure")) is not None
    ]


def python_suite(suite: Path, environment: dict[str, str], failures: list[str]) -> bool:
    with tempfile.TemporaryFile("w+") as output:
        good = processes.run(
            [sys.executable, "-B", "-u", str(suite)],
            environment=environment, folder=stack.PROJECT, limit=LIMIT, stdin=subprocess.DEVNULL, output=output,
        ) == 0
        output.seek(0)
        if not good:
            failures += [row.strip() for row in output if row.startswith(("FAIL: ", "ERROR: "))]
    return good


def summary(results: list[tuple[str, bool, float]], failures: list[str]) -> None:
    say.line("\n== summary")
    # Why it failed stands far up: here it is once more, in short.
    for failure in failures:
        say.line(f"  {failure}")
    for name, good, seconds in results:
        say.line(f"  {'passed' if good else 'FAILED'}  {name:<16} {seconds:7.1f} s")


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
