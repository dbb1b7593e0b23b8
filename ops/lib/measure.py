"""ops/bench: measures Questline against what its parts can do alone, on private servers, in release builds."""

import argparse
import sys
import time

import bench_catalog
import bench_front
import bench_latency
import bench_letters
import bench_options
import bench_report
import bench_scale
import bench_sign_in
import bench_stage
import bench_targets
import bench_timing
import bench_worker
import processes
import say
from bench_figures import Result
from bench_stage import FOLDER
from fleet import Turn

SUBJECTS = {
    "worker": (bench_worker, "how fast workers drain a backlog"),
    "front": (bench_front, "what the front makes of sign-ins by key"),
    "sign-in": (bench_sign_in, "password sign-ins, against what the machine can hash"),
    "catalog": (bench_catalog, "what the front costs, for a warm read of a quest"),
    "latency": (bench_latency, "from a sign-in to its completion in the stream"),
    "scale": (bench_scale, "how cost grows with workers, backlog and table"),
    "letters": (bench_letters, "how much bad entries cost a worker"),
    "timing": (bench_timing, "whether refused sign-ins tell which names exist"),
}
ALL = ["worker", "front", "sign-in", "catalog", "latency", "scale"]
WITH_FLOOR = {"front", "sign-in", "catalog"}  # compared with BenchFloor
ALWAYS_CHECKED = {"timing"}


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ops/bench", description=__doc__.partition(": ")[2],
        epilog="Without a subject: all. `ops/bench SUBJECT --help` says what it measures. Figures are written to .stack/bench.")
    subjects = parser.add_subparsers(dest="subject", metavar="SUBJECT", required=True)
    for name, (module, words_of_it) in SUBJECTS.items():
        subject = subjects.add_parser(name, help=words_of_it, description=module.__doc__)
        common(subject)
        module.describe(subject)
    everything = subjects.add_parser("all", help=", ".join(ALL), description=f"One after the other: {', '.join(ALL)}.")
    common(everything)
    bench_scale.describe_rows(everything)
    # Options alone are those of all; only --help is the program's own.
    if not words or words[0].startswith("-") and words[0] not in ("-h", "--help"):
        words = ["all", *words]
    return parser.parse_args(words)


def common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", type=bench_options.positive, default=5, help="how often each is measured (5)")
    parser.add_argument(
        "--bin", type=bench_options.executables, metavar="FOLDER", help="the executables, instead of building them")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short of what is asked of it")


def chosen_subjects(options: argparse.Namespace) -> dict[str, argparse.Namespace]:
    """Each subject to be measured, with its options: those of `all` are the defaults."""
    if options.subject != "all":
        return {options.subject: options}
    shared = ["--pairs", str(options.pairs), *(("--bin", str(options.bin)) if options.bin else ())]
    found = {name: arguments([name, *shared]) for name in ALL}
    found["scale"].rows = options.rows
    return found


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    turn = Turn(FOLDER)
    if not turn.take():
        raise say.Stop("Another ops/bench is running here.")
    subjects = chosen_subjects(options)
    folder = bench_stage.prepare(options.bin, with_floor=bool(WITH_FLOOR & set(subjects)))
    results: list[Result] = []
    for name, options_of_it in subjects.items():
        began = time.monotonic()
        say.line(f"\n== {name}")
        with bench_stage.private(folder, interruptions) as stage:
            results.append(SUBJECTS[name][0].measure(options_of_it, stage))
        bench_report.write(FOLDER, name, results[-1:])
        say.line(f"  {name}: {time.monotonic() - began:.0f} s")
    if options.subject == "all":
        bench_report.write(FOLDER, "all", results)
    bench_report.show(FOLDER, options.subject, results)
    short = bench_targets.shortfalls(results)
    for row in short:
        say.line(f"Falls short: {row}.")
    if not short and options.check:
        say.line("Everything is as asked.")
    return 1 if short and (options.check or options.subject in ALWAYS_CHECKED) else 0


if __name__ == "__main__":
    chosen, held = arguments(sys.argv[1:]), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
