"""What ops/bench does with its arguments and its figures. No benchmark runs here but one, as small as it can be."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = tempfile.mkdtemp(prefix="questline-bench-")
os.environ["QUESTLINE_STACK"] = FOLDER
sys.path.insert(0, str(PROJECT / "ops" / "lib"))

import bench_backlog  # noqa: E402
import bench_fill  # noqa: E402
import bench_latency  # noqa: E402
import bench_report  # noqa: E402
import bench_scale  # noqa: E402
import bench_targets  # noqa: E402
import measure  # noqa: E402
from bench_figures import Figure, Result, quantile  # noqa: E402

BUILT = os.environ.get("QUESTLINE_TEST_BIN") or str(PROJECT / ".build" / "debug")


def setUpModule() -> None:
    Path(FOLDER).chmod(0o755)


def tearDownModule() -> None:
    shutil.rmtree(FOLDER)


def refusal(*words: str) -> str:
    """What is said to wrong arguments."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        try:
            measure.arguments(list(words))
        except SystemExit as end:
            assert end.code == 2, end.code
            return told.getvalue()
    return ""


class ArgumentTests(unittest.TestCase):
    def test_wrong_ones_are_named(self) -> None:
        for words, part in (
            (["forker"], "invalid choice: 'forker'"),
            (["worker", "--pairs", "0"], "'0' is not a whole number from 1 on"),
            (["--pairs", "many"], "'many' is not a whole number"),
            (["worker", "--pairs", "٣"], "is not a whole number"),
            (["--bin", FOLDER], "holds no questline-front and no questline-worker"),
            (["worker", "--variants", "one,three"], "'three' is none of one, two, five, single"),
            (["worker", "--variants", ""], "'' is none of"),
            (["scale", "--rows", "0,x"], "'0,x' is not a list of millions of rows"),
            (["scale", "--rows", "101"], "at most 100"),
            (["scale", "--parts", "rows,columns"], "'columns' is none of workers, backlog, rows"),
            (["front", "--rows", "0"], "unrecognized arguments: --rows 0"),
            (["worker", "letters"], "unrecognized arguments: letters"),
        ):
            self.assertIn(part, refusal(*words), words)

    def test_without_a_subject_all_of_them_are_measured(self) -> None:
        options = measure.arguments(["--check", "--pairs", "3"])
        self.assertEqual((options.subject, options.check, options.pairs), ("all", True, 3))
        chosen = measure.chosen_subjects(options)
        self.assertEqual(list(chosen), ["worker", "front", "sign-in", "catalog", "latency", "scale"])
        self.assertEqual({one.pairs for one in chosen.values()}, {3})
        self.assertEqual(chosen["scale"].rows, [0, 5, 20])
        self.assertEqual(measure.arguments([]).pairs, 5)
        self.assertEqual(measure.chosen_subjects(measure.arguments(["--rows", "0,1"]))["scale"].rows, [0, 1])

    def test_sizes_are_sorted_and_single(self) -> None:
        self.assertEqual(measure.arguments(["scale", "--rows", "20,0,5,5"]).rows, [0, 5, 20])


def result(*figures: Figure, subject: str = "worker") -> Result:
    return Result(subject, "Workers", "In a test.", list(figures))


def as_asked() -> list[Figure]:
    return [Figure(f"worker.{name}", name, "events/s", [95.0, 90.0, 1.0], [100.0, 100.0, 100.0])
            for name in ("one", "two", "single")]


class CheckTests(unittest.TestCase):
    def test_a_median_that_is_exactly_as_asked_is_enough(self) -> None:
        self.assertEqual(bench_targets.shortfalls([result(*as_asked())]), [])

    def test_a_ratio_that_falls_short_is_named_with_both_figures(self) -> None:
        slow = Figure("worker.two", "two workers", "events/s", [80.0, 84.0, 99.0], [100.0, 100.0, 100.0])
        rows = bench_targets.shortfalls([result(as_asked()[0], slow, as_asked()[2])])
        self.assertEqual(rows, ["worker.two (two workers): ratio at least 0.85 is asked, measured 0.84"])

    def test_the_median_of_ratios_is_not_the_ratio_of_medians(self) -> None:
        figure = Figure("worker.one", "", "", [50.0, 90.0, 300.0], [50.0, 100.0, 100.0])
        self.assertEqual(figure.ratio, 1.0)

    def test_less_than_does_not_include_the_bound(self) -> None:
        for value, short in ((19.99, False), (20.0, True)):
            found = bench_targets.shortfalls([result(Figure("latency.1000.p99", "", "ms", [value]), subject="latency")])
            self.assertEqual(bool(found), short, value)

    def test_what_was_not_measured_is_no_success(self) -> None:
        rows = bench_targets.shortfalls([result(*as_asked()[:2])])
        self.assertEqual(rows, ["worker.single: ratio at least 0.8 is asked, and it was not measured"])
        without_floor = Figure("worker.single", "", "events/s", [1.0])
        self.assertEqual(bench_targets.shortfalls([result(*as_asked()[:2], without_floor)]), rows)

    def test_other_subjects_are_not_asked(self) -> None:
        self.assertEqual(bench_targets.shortfalls([result(subject="letters")]), [])

    def test_every_target_is_of_a_subject(self) -> None:
        self.assertEqual({target.key.partition(".")[0] for target in bench_targets.TARGETS} - set(measure.SUBJECTS), set())


class ReportTests(unittest.TestCase):
    def test_page_and_file_say_the_same(self) -> None:
        alone = Figure("worker.memory", "memory", "MB", [3.0])
        bench_report.write(Path(FOLDER), "all", [result(*as_asked(), alone), result(subject="letters")])
        page = (Path(FOLDER) / "all.md").read_text()
        self.assertIn("| one | events/s | 90.0 | 1.00 | 95.0 | 100 | 0.90 | 0.01 | 0.95 | ratio at least 0.9 |", page)
        self.assertIn("| memory | MB | 3.00 | 3.00 | 3.00 |  |  |  |  |  |", page)
        told = json.loads((Path(FOLDER) / "all.json").read_text())
        self.assertEqual(told["subjects"]["worker"]["figures"]["worker.one"]["ratio"]["median"], 0.9)
        self.assertEqual(told["short"], [])

    def test_quantiles(self) -> None:
        values = [float(number) for number in range(100, 0, -1)]
        self.assertEqual([quantile(values, part) for part in (0.5, 0.99, 0.999, 1)], [50, 99, 100, 100])
        self.assertEqual(quantile([7.0], 0.5), 7)


class LoadTests(unittest.TestCase):
    def test_a_third_of_a_steady_load_completes_a_streak(self) -> None:
        events, completing = bench_latency.people_of(1_000, 3)
        self.assertEqual(len(events), 3_000)
        seen: dict[str, list[int]] = {}
        for number, person in enumerate(events):
            seen.setdefault(person, []).append(number)
            self.assertEqual(len(seen[person]) == 3, number in completing, number)
        # So many events apart as there are in 0.2 s.
        apart = {after - before for numbers in seen.values() for before, after in zip(numbers, numbers[1:])}
        self.assertEqual(apart, {3 * 67 + 1})
        self.assertGreater(len(completing), 800)

    def test_the_filled_people_are_those_of_the_database(self) -> None:
        # SELECT md5('person 0')::uuid
        self.assertEqual(bench_fill.person(0), "73421c04-958f-7c6d-252c-732f284003b2")

    def test_nobody_is_the_floors_and_the_workers(self) -> None:
        # So many of the 500,000 who are known that some would be both by chance.
        floor, worker = (set(bench_scale.mixed_people(40_000, 1, 0, whose)) for whose in ("floor", "worker"))
        self.assertEqual((len(floor), len(worker), len(floor & worker)), (40_000, 40_000, 0))

    def test_ids_of_two_backlogs_differ(self) -> None:
        first, second = (bench_backlog.backlog(100, seed) for seed in (1, 2))
        self.assertEqual(len({event.id for event in first + second}), 1_000)


class RunTests(unittest.TestCase):
    def test_the_smallest_benchmark(self) -> None:
        done = subprocess.run(
            [str(PROJECT / "ops" / "bench"), "worker", "--bin", BUILT, "--pairs", "1", "--people", "40",
             "--variants", "one", "--check"],
            cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )
        # Nothing that small is fast, and two variants are missing.
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("Falls short: worker.two: ratio at least 0.85 is asked, and it was not measured.", done.stdout)
        told = json.loads((Path(FOLDER) / "bench" / "worker.json").read_text())
        self.assertGreater(told["subjects"]["worker"]["figures"]["worker.one"]["ratio"]["median"], 0)
        self.assertFalse((Path(FOLDER) / "bench" / "postgres").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
