"""ops/bench: measures Questline against what its parts can do alone, on private servers, in release builds."""

import argparse
import sys

import bench_catalog
import bench_letters
import bench_timing
import bench_worker
import processes
import say


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/bench", description=__doc__.partition(": ")[2])
    subjects = parser.add_subparsers(dest="subject", required=True)
    bench_worker.describe(subjects.add_parser("worker", help="how fast one worker drains a backlog"))
    bench_letters.describe(subjects.add_parser("letters", help="how much bad entries cost that worker"))
    bench_catalog.describe(subjects.add_parser("catalog", help="what the front costs, for a warm read of a quest"))
    bench_timing.describe(subjects.add_parser("timing", help="whether refused sign-ins tell which names exist"))
    return parser.parse_args()


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        mains = {
            "worker": bench_worker.main, "letters": bench_letters.main, "catalog": bench_catalog.main,
            "timing": bench_timing.main,
        }
        sys.exit(mains[chosen.subject](chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
