"""ops/chaos: breaks a private stack under load, by a seeded schedule, and proves that nothing is lost and nothing twice."""

import argparse
import random
import shutil
import sys
from pathlib import Path

import build
import chaos_end
import chaos_plan
import chaos_report
import chaos_sabotage
import packages
import processes
import say
import stack
from chaos_book import Book
from chaos_faults import Faults
from chaos_load import Load
from chaos_plan import Fault
from chaos_sabotage import WAYS, Rogue
from chaos_sight import Sight
from chaos_stack import COMMIT_DELAY_MS, Stack, clear
from chaos_watch import Watch
from fleet import Fleet, Turn

FOLDER = stack.STACK / "chaos"
# People who sign in by password: signing up costs a hash each.
PEOPLE, FEW_PEOPLE = 40, 10


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/chaos", description=__doc__.partition(": ")[2])
    parser.add_argument("--seconds", type=int, default=300, metavar="N", help="how long, from 10 to 3600 (300)")
    parser.add_argument("--seed", type=int, metavar="S", help="the same seed and seconds give the same schedule")
    parser.add_argument("--bin", type=Path, metavar="FOLDER", help="take the executables from there instead of building")
    parser.add_argument("--drain", type=int, metavar="N", help="seconds to let everything finish in the end (120)")
    parser.add_argument("--plan", action="store_true", help="only print the schedule")
    parser.add_argument(
        "--sabotage", choices=WAYS,
        help="break the installation too, which must be found: "
        + "; ".join(f"{name}: {way.help}" for name, way in WAYS.items()),
    )
    options = parser.parse_args()
    if not 10 <= options.seconds <= 3_600:
        parser.error("--seconds is a number from 10 to 3600")
    if options.seed is None:
        options.seed = random.randrange(10_000)
    if options.drain is None:
        options.drain = 10 if options.sabotage else 120
    if not 1 <= options.drain <= 3_600:
        parser.error("--drain is a number from 1 to 3600")
    if options.bin and not all((options.bin / name).is_file() for name in stack.EXECUTABLES):
        parser.error(f"{options.bin} does not have {' and '.join(stack.EXECUTABLES)}")
    return options


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    plan = chaos_plan.schedule(
        options.seed, options.seconds, WAYS[options.sabotage].faults if options.sabotage else ()
    )
    if options.plan:
        for fault in plan:
            say.line(str(fault))
        return 0
    turn = Turn(FOLDER)
    if not turn.take():
        raise say.Stop("Another ops/chaos is running here.")
    packages.install()
    built = (options.bin or build.executables("release")).resolve()
    fleet = Fleet(FOLDER, interruptions)
    clear(fleet)  # what a killed run has left
    shutil.rmtree(FOLDER / "logs", ignore_errors=True)
    fleet = Fleet(FOLDER, interruptions)
    try:
        result = run(options, plan, fleet, built)
        good = judge(options, result)
    finally:
        interruptions.ignore()
        clear(fleet)
    return 0 if good else 1


def run(options: argparse.Namespace, plan: list[Fault], fleet: Fleet, built: Path) -> chaos_report.Result:
    program = FOLDER / "bin"
    program.mkdir()
    for name in stack.EXECUTABLES:
        # The next build must not change what is started again in the middle.
        shutil.copy2(built / name, program / name)
    say.line(f"Seed {options.seed}, {options.seconds} s, {len(plan)} faults planned.")
    say.line(f"Commits wait {COMMIT_DELAY_MS} ms (commit_delay), as on a slower disk: transactions are open longer.")
    never = options.sabotage == "no-reclaim"
    target = Stack(fleet, program, chaos_sabotage.NEVER if never else chaos_plan.RECLAIM_SECONDS)
    target.start()
    if options.sabotage:
        say.line(f"Sabotage: {WAYS[options.sabotage].help}.")
        chaos_sabotage.break_database(options.sabotage, target)
    target.start_ours()
    book = Book()
    load = Load(target, book, options.seed)
    load.sign_up(PEOPLE if options.seconds >= chaos_report.LONG else FEW_PEOPLE)
    watch = Watch(target, load, chaos_plan.warm_up(options.seconds))
    sight = Sight(target.redis, target.superuser)
    journal = FOLDER / "faults.jsonl"
    journal.unlink(missing_ok=True)
    faults = Faults(target, load, book, watch, sight, options.seed, journal)
    rogue = Rogue(target.redis) if options.sabotage == "ack-first" else None
    say.line("Everything runs. Breaking it.")
    try:
        watch.start()
        load.start()
        faults.carry_out(plan, options.seconds)
        target.mend()
        load.stop()
        say.line("Everything is mended, the load has ended. Waiting until all is done.")
        drained = chaos_end.drain(target, sight, watch, options.drain)
        for name in target.answering():
            watch.scrape(name)
        verified = chaos_end.verify(target)
        account = chaos_end.account(target, book, [person for _, person in load.accounts])
        growth, died = watch.growth(), watch.died
    finally:
        load.abandon()
        for helper in (rogue, watch):
            if helper:
                helper.stop()
        sight.close()
    return chaos_report.Result(
        options.seconds, faults.struck, book, account, drained, verified, watch.totals(),
        (watch.longest_stall, watch.stalled_until), growth, died,
    )


def judge(options: argparse.Namespace, result: chaos_report.Result) -> bool:
    """Shows the result; true if nothing is wrong."""
    chaos_report.show(result)
    found = result.faults_found()
    chaos_report.tell(found)
    if options.sabotage:
        expected = [found[name] for name in WAYS[options.sabotage].found_as if name in found]
        if expected:
            say.line(f"\nThe sabotage `{options.sabotage}` is recognised:")
            for text, samples in expected:
                say.line(f"  {text}{f', for instance {samples[0]}' if samples else ''}")
        else:
            say.line(f"\nThe sabotage `{options.sabotage}` is NOT recognised by what it breaks.")
    if not found:
        say.line("\nNothing was lost, nothing was counted twice.")
        return True
    folder = stack.shown(FOLDER)
    say.line(f"\nThe logs are in {folder}/logs, the faults with what was seen before each in {folder}/faults.jsonl.")
    return False


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
