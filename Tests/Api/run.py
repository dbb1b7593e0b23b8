"""The API as strangers call it: schemathesis against a running front and its own description, and raw HTTP beside it.

`run.py --seed N` repeats a run; `--role player` runs one of anonymous, key, player and admin.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "ops" / "lib"), str(Path(__file__).resolve().parent)]

import build  # noqa: E402
import packages  # noqa: E402
import processes  # noqa: E402
import say  # noqa: E402
import servers  # noqa: E402
import stack  # noqa: E402
import tools  # noqa: E402
import web  # noqa: E402
import wire  # noqa: E402
from fleet import Fleet, Turn  # noqa: E402
from installation import PASSWORD, PLAYER, Installation  # noqa: E402

FOLDER = stack.STACK / "test" / "api"
# The admin comes last: it may ban the player and revoke the key.
ROLES = ("anonymous", "key", "player", "admin")
LEAST_CASES = 2_000
# The front may keep this much more than before everything; its heap is trimmed every ten seconds.
MOST_GROWTH_MB = 150


class Run(NamedTuple):
    role: str
    cases: int
    seconds: float
    passed: bool


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="repeats a run")
    parser.add_argument("--role", choices=ROLES, help="only this one")
    parser.add_argument("--max-examples", type=int, default=10, help="fuzzed requests per operation and role (10)")
    # Hypothesis parses its own lambdas, and in two threads at once Python 3.11 may fail at that (SystemError: AST constructor).
    parser.add_argument("--workers", type=int, default=1, help="operations at once (1)")
    return parser.parse_args()


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    turn = Turn(FOLDER)
    if not turn.take():
        raise say.Stop("Another Tests/Api is running here.")
    packages.install()
    programs = Path(os.environ["QUESTLINE_TEST_BIN"]) if "QUESTLINE_TEST_BIN" in os.environ else build.executables("debug")
    executables = tools.install(stack.STACK / "test" / "tools")
    fleet = Fleet(FOLDER, interruptions)
    fleet.stop_all(quiet=True)
    servers.remove_data(FOLDER)
    try:
        installation = Installation(fleet, programs.resolve())
        installation.start()
        installation.fill()
        return test(options, installation, executables)
    finally:
        interruptions.ignore()
        fleet.stop_all(quiet=True)
        servers.remove_data(FOLDER)


def test(options: argparse.Namespace, installation: Installation, executables: Path) -> int:
    say.line(f"Seed {options.seed}: Tests/Api/run.py --seed {options.seed} repeats this run.")
    faults: list[str] = []
    document = web.call("GET", f"{installation.base}/openapi.json").body
    if not is_valid(document, executables):
        faults.append("openapi.json is not valid")
    before = installation.resident_mb()
    slow = wire.Slow(installation.base)
    runs = []
    for role in [options.role] if options.role else ROLES:
        runs.append(call(role, options, installation, executables))
        faults += aftermath(role, installation)
    faults += [f"schemathesis as {run.role}" for run in runs if not run.passed]
    wrong, sent = wire.check(installation.base, document)
    faults += [f"raw HTTP, {fault}" for fault in wrong]
    if fault := slow.fault():
        faults.append(f"slow senders, {fault}")
    grown = installation.resident_mb() - before
    if grown > MOST_GROWTH_MB:
        faults.append(f"the front has grown by {grown:.0f} MB")
    faults += errors(installation)
    say.table(["role", "cases", "seconds"], [[run.role, run.cases, f"{run.seconds:.0f}"] for run in runs])
    cases = sum(run.cases for run in runs)
    say.line(f"{cases} cases of schemathesis, {sent} of raw HTTP, {3 * slow.COUNT} slow senders ended after {slow.longest:.0f} s at the latest.")
    say.line(f"The front grew by {grown:.0f} MB.")
    if cases < LEAST_CASES and not options.role:
        faults.append(f"only {cases} cases, fewer than {LEAST_CASES}")
    for fault in faults:
        say.trouble(f"FAILED: {fault}")
    return 1 if faults else 0


def is_valid(document: dict, executables: Path) -> bool:
    file = FOLDER / "openapi.json"
    file.write_text(json.dumps(document, indent=2))
    return processes.run([str(executables / "openapi-spec-validator"), str(file)]) == 0


def call(role: str, options: argparse.Namespace, installation: Installation, executables: Path) -> Run:
    say.line(f"\n-- schemathesis, {role}")
    name, password = (PLAYER, PASSWORD) if role == "player" else ("admin", installation.admin_password)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("QUESTLINE_")}
    environment = inherited | {
        "QUESTLINE_API_ROLE": role, "QUESTLINE_API_URL": installation.base, "QUESTLINE_API_KEY": installation.key,
        "QUESTLINE_API_NAME": name, "QUESTLINE_API_PASSWORD": password,
        "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("hooks.py")), "PYTHONDONTWRITEBYTECODE": "1",
    }
    report = FOLDER / f"{role}.json"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    code = processes.run(
        [
            str(executables / "schemathesis"), "--config-file", str(Path(__file__).with_name("schemathesis.toml")),
            "run", f"{installation.base}/openapi.json", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful",
            "--workers", str(options.workers), "--max-examples", str(options.max_examples), "--seed", str(options.seed),
            "--no-color", "--warnings", "off", "--report", "json", "--report-json-path", str(report),
        ],
        environment=environment, folder=FOLDER, stdin=subprocess.DEVNULL,
    )
    return Run(role, counted(report), time.monotonic() - began, code == 0)


def counted(report: Path) -> int:
    """How many requests it generated and sent."""
    try:
        return json.loads(report.read_text())["test_cases"]["generated"]
    except (OSError, ValueError, KeyError):
        return 0


def aftermath(role: str, installation: Installation) -> list[str]:
    """Whatever was sent, everything adds up and nothing was thrown away."""
    faults = []
    try:
        installation.ask("verify", "--wait")
    except say.Stop as reason:
        faults.append(f"after {role}: {reason}")
    # Schemathesis uses ids again, for other people too, and such an event has to end here. Nothing else may.
    token = {"Authorization": f"Bearer {installation.admin_token()}"}
    letters = web.call("GET", f"{installation.base}/api/v1/dead-letters?limit=100", headers=token).body["data"]
    faults += [f"a dead letter after {role}: {letter}" for letter in letters if not letter["error"].startswith("event-id-conflict")]
    return faults


def errors(installation: Installation) -> list[str]:
    """What has failed within."""
    faults = []
    for name in ("front", "worker"):
        rows = installation.fleet.log(name).read_text(errors="replace").splitlines()
        found = [row for row in rows if re.search(r" (error|critical) ", row)]
        if found:
            faults.append(f"{len(found)} errors in the log of the {name}, the first: {found[0]}")
    return faults


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
