"""ops/chaos: it finds nothing in an honest installation, and finds each way in which one is broken on purpose."""

import collections
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Iterator

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "ops" / "lib"))

from chaos_account import Account, Reward  # noqa: E402
from chaos_book import EITHER, Book, Letter  # noqa: E402
from chaos_end import Drained  # noqa: E402
from chaos_faults import Struck  # noqa: E402
from chaos_plan import KINDS, Fault, schedule  # noqa: E402
from chaos_report import Result  # noqa: E402
from chaos_sight import Evidence  # noqa: E402

PATIENCE = 180
# ops/test has built the executables; without it they are built here.
BUILT = os.environ.get("QUESTLINE_TEST_BIN")
EXECUTABLES = ("--bin", BUILT) if BUILT else ()


class Folder:
    """A stack folder, and the command in it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="questline-chaos-"))
        self.path.chmod(0o755)
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("QUESTLINE_", "REDIS_", "DATABASE_"))
        } | {"QUESTLINE_STACK": str(self.path)}

    def command(self, *options: str) -> list[str]:
        return [str(PROJECT / "ops" / "chaos"), *options]

    def run(self, *options: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*options), cwd=PROJECT, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=PATIENCE,
        )

    def strike(self, *options: str) -> subprocess.CompletedProcess:
        return self.run(*EXECUTABLES, "--seconds", "10", "--seed", "1", *options)

    def faults(self) -> list[dict]:
        try:
            return [json.loads(row) for row in (self.path / "chaos" / "faults.jsonl").read_text().splitlines()]
        except OSError:
            return []

    def pids(self) -> set[int]:
        return {int(path.read_text()) for path in (self.path / "chaos" / "pids").glob("*.pid")}

    def remove(self) -> None:
        shutil.rmtree(self.path)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    try:
        children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
                    for child in (task / "children").read_text().split()]
    except OSError:
        return set()
    return set(children).union(*map(descendants, children))


class RunTests(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Folder()
        self.addCleanup(self.folder.remove)

    def test_an_honest_installation_loses_nothing(self) -> None:
        answer = self.folder.run(*EXECUTABLES, "--seconds", "18", "--seed", "12")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("Nothing was lost, nothing was counted twice.", answer.stdout)
        self.assertRegex(answer.stdout, r"verify +\d+ people, \d+ events, .* no difference")
        landed = [fault for fault in self.folder.faults() if fault["landed"]]
        self.assertTrue(landed, answer.stdout)
        for fault in landed:
            self.assertGreater(fault["backlog"], 0, fault)
            self.assertGreater(fault["done"], 0, fault)
            if fault["target"].startswith("worker"):
                self.assertGreater(fault["own"], 0, fault)

    def test_a_repeated_event_that_is_recorded_again_is_found(self) -> None:
        self.sabotage("dedupe", r"recorded or credited more often .* was recorded, and nobody sent it")

    def test_entries_that_are_acknowledged_first_are_found(self) -> None:
        self.sabotage("ack-first", r"accepted and not recorded .* its entry was acknowledged all the same")

    def test_a_lost_outbox_is_found(self) -> None:
        self.sabotage("no-outbox", r"accepted and not recorded .* it is not in the stream")

    def test_entries_that_nobody_takes_over_are_found(self) -> None:
        self.sabotage("no-reclaim", r"not done after .* entries of group .* pending for pid \d+, which is gone")

    def sabotage(self, way: str, evidence: str) -> None:
        answer = self.folder.strike("--sabotage", way, "--drain", "5")
        self.assertEqual(answer.returncode, 1, answer.stdout + answer.stderr)
        told = answer.stdout.partition(f"The sabotage `{way}` is recognised:")[2]
        self.assertRegex(told, evidence, answer.stdout + answer.stderr)
        self.assertTrue(any((self.folder.path / "chaos" / "logs").glob("worker-1*.log")), "the logs are kept")

    def test_nothing_is_left_after_ctrl_c_or_of_a_run_that_was_killed(self) -> None:
        killed = self.interrupt(signal.SIGKILL)
        interrupted = self.interrupt(signal.SIGINT)
        self.assertFalse([pid for pid in killed | interrupted if is_alive(pid)])
        self.assertEqual(self.folder.pids(), set())
        for name in ("redis", "cache", "postgres", "bin"):
            self.assertFalse((self.folder.path / "chaos" / name).exists(), name)

    def test_down_clears_what_a_killed_run_has_left(self) -> None:
        killed = self.interrupt(signal.SIGKILL)
        left = [pid for pid in killed if is_alive(pid)]
        self.assertTrue(left, "a killed run leaves its servers")
        answer = subprocess.run(
            [str(PROJECT / "ops" / "down")], cwd=PROJECT, env=self.folder.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE,
        )
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("Stopped what a killed ops/chaos has left", answer.stdout)
        self.assertFalse([pid for pid in left if is_alive(pid)], answer.stdout)
        self.assertFalse((self.folder.path / "chaos" / "postgres").exists())

    def interrupt(self, number: signal.Signals) -> set[int]:
        """Sends the signal when the first fault has struck; the pids of all that ran then."""
        with self.broken("--seconds", "60", "--seed", "2") as (child, log):
            pids = descendants(child.pid) | self.folder.pids()
            self.assertGreater(len(pids), 7)
            child.send_signal(number)
            self.assertEqual(child.wait(90), 130 if number == signal.SIGINT else -number, log.read_text())
        (self.folder.path / "chaos" / "faults.jsonl").unlink()
        return pids

    def test_a_worker_that_ends_without_the_schedule_is_named(self) -> None:
        # The first fault of this schedule is no worker's.
        self.assertFalse(schedule(3, 10)[0].target.startswith("worker"))
        with self.broken("--seconds", "10", "--seed", "3") as (child, log):
            pid = int((self.folder.path / "chaos" / "pids" / "worker-2.pid").read_text())
            os.kill(pid, signal.SIGKILL)
            self.assertEqual(child.wait(PATIENCE), 1, log.read_text())
        self.assertIn(f"worker-2 (pid {pid}) was ended by SIGKILL", log.read_text())

    @contextlib.contextmanager
    def broken(self, *options: str) -> Iterator[tuple[subprocess.Popen, Path]]:
        """A run in which the first fault has struck, and what it says."""
        log = self.folder.path / "chaos.log"
        with log.open("w") as output:
            child = subprocess.Popen(
                self.folder.command(*EXECUTABLES, *options), cwd=PROJECT, env=self.folder.environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )
        try:
            until = time.monotonic() + PATIENCE
            while not self.folder.faults():
                self.assertIsNone(child.poll(), log.read_text())
                self.assertLess(time.monotonic(), until, log.read_text())
                time.sleep(0.05)
            yield child, log
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait(60)

    def test_bad_arguments_are_refused(self) -> None:
        for options, complaint in (
            (("--seconds", "5"), "--seconds is a number from 10 to 3600"),
            (("--seconds", "many"), "--seconds"),
            (("--seed", "x"), "--seed"),
            (("--drain", "0"), "--drain is a number from 1 to 3600"),
            (("--sabotage", "everything"), "--sabotage"),
            (("--bin", str(self.folder.path)), "does not have questline-front and questline-worker"),
        ):
            answer = self.folder.run(*options)
            self.assertEqual(answer.returncode, 2, options)
            self.assertIn(complaint, answer.stderr)

    def test_a_seed_makes_its_schedule(self) -> None:
        first = self.folder.run("--plan", "--seed", "5", "--seconds", "60")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(first.stdout, self.folder.run("--plan", "--seed", "5", "--seconds", "60").stdout)
        self.assertNotEqual(first.stdout, self.folder.run("--plan", "--seed", "6", "--seconds", "60").stdout)
        self.assertFalse((self.folder.path / "chaos").exists(), "a plan starts nothing")


class PlanTests(unittest.TestCase):
    def test_every_kind_occurs_and_there_is_enough(self) -> None:
        for seed in range(50):
            faults = schedule(seed, 300)
            self.assertEqual({fault.kind for fault in faults}, set(KINDS))
            self.assertGreaterEqual(len(faults), 75)
            self.assertEqual(faults, sorted(faults))

    def test_nobody_is_struck_while_in_trouble_and_somebody_is_always_left(self) -> None:
        for seed in range(50):
            faults = schedule(seed, 300)
            for index, fault in enumerate(faults):
                during = [other for other in faults[:index] if other.at + other.seconds > fault.at]
                self.assertNotIn(fault.target, [other.target for other in during])
                for role, most in (("worker", 1), ("front", 0), ("redis", 0), ("postgres", 0)):
                    if fault.target.startswith(role):
                        self.assertLessEqual(sum(other.target.startswith(role) for other in during), most)


class AccountTests(unittest.TestCase):
    """One accepted event of each kind, and what each fault makes of the account."""

    ACCEPTED = {"a": ("p", "UserSignIn"), "b": ("p", "UserSignIn"), "c": ("p", "PageViewed"), "t": ("q", EITHER)}
    HONEST = [["a", "p", "UserSignIn"], ["b", "p", "UserSignIn"], ["c", "p", "PageViewed"], ["t", "q", "NewUserSignIn"]]

    def account(self, rows: list[list[str]], **unanswered: int) -> Account:
        account = Account()
        account.events(
            rows, self.ACCEPTED, {"m": ("p", "UserSignIn")}, collections.Counter(unanswered), {"q": True}
        )
        account.lose({})
        return account

    def wrong(self, rows: list[list[str]], **unanswered: int) -> tuple[int, int]:
        account = self.account(rows, **unanswered)
        return len(account.lost), len(account.twice)

    def test_what_was_accepted_is_there_once(self) -> None:
        self.assertEqual(self.wrong(self.HONEST), (0, 0))
        self.assertEqual(self.wrong(self.HONEST[1:]), (1, 0))
        self.assertEqual(self.wrong(self.HONEST + [["x", "p", "UserSignIn"]]), (0, 1))

    def test_another_person_or_type_is_not_the_event(self) -> None:
        self.assertEqual(self.wrong([["a", "stranger", "UserSignIn"], *self.HONEST[1:]]), (1, 0))
        self.assertEqual(self.wrong([["a", "p", "PageViewed"], *self.HONEST[1:]]), (1, 0))

    def test_what_was_never_answered_may_be_there(self) -> None:
        self.assertEqual(self.wrong(self.HONEST + [["m", "p", "UserSignIn"]]), (0, 0))
        unknown = [["x", "q", "UserSignIn"], ["y", "q", "UserSignIn"]]
        self.assertEqual(self.wrong(self.HONEST + unknown, q=2), (0, 0))
        account = self.account(self.HONEST + unknown, q=3)
        self.assertEqual((account.allowance_used, account.allowance), (2, 3))
        self.assertEqual(self.wrong(self.HONEST + unknown, q=1), (0, 1))

    def test_a_first_sign_in_is_one(self) -> None:
        self.assertEqual(self.wrong([*self.HONEST[:3], ["t", "q", "UserSignIn"]]), (1, 0))
        self.assertEqual(self.wrong(self.HONEST + [["x", "q", "NewUserSignIn"]], q=1), (0, 1))

    def test_rewards_are_those_of_full_streaks(self) -> None:
        for rows, unrewarded, twice in (
            ([], 1, 0), ([Reward("p", "1")], 0, 0), ([Reward("p", "1"), Reward("p", "1")], 0, 1),
            ([Reward("p", "1"), Reward("p", "2")], 0, 1), ([Reward("p", "1"), Reward("q", "1")], 0, 1),
        ):
            account = self.account(self.HONEST)
            account.rewards("claims", rows, streak=2, limit=10)
            self.assertEqual((len(account.unrewarded), len(account.twice)), (unrewarded, twice), rows)

    def test_a_wallet_holds_what_it_is_worth(self) -> None:
        for balance, unrewarded, twice in ((10, 0, 0), (0, 1, 0), (20, 0, 1)):
            account = self.account(self.HONEST)
            account.balances([("p", balance), ("q", 0)], streak=2, limit=10, reward=10)
            self.assertEqual((len(account.unrewarded), len(account.twice)), (unrewarded, twice))

    def test_letters_are_one_each(self) -> None:
        one, two, unsure = (Letter(name, "UserSignIn", "p", "now") for name in "xyz")
        for found, wrong in (
            ([one, two], 0), ([one, two, unsure], 0), ([one], 1), ([one, two, two], 1), ([one, two, unsure, unsure], 1),
            ([one, two, Letter("a", "UserSignIn", "p", "now")], 1),
        ):
            account = Account()
            account.dead_letters(found, {one, two}, {unsure})
            self.assertEqual(len(account.letters_wrong), wrong, found)


class ReportTests(unittest.TestCase):
    """A run in which nothing was done proves nothing, however short it is."""

    def result(self, seconds: float, accepted: int, recorded: int, done: int, evidence: Evidence | None) -> Result:
        book = Book()
        book.accept({str(number): ("p", "UserSignIn") for number in range(accepted)}, "front-1")
        struck = [Struck(Fault(1, "postgres-cut", "postgres", 0), 1, done, evidence)]
        totals = {"reclaims": 0}
        return Result(
            seconds, struck, book, Account(recorded=recorded), Drained(0, ""), (0, ""), totals, (0, 0), {}, []
        )

    def test_a_short_run_needs_one_of_each(self) -> None:
        seen = Evidence(backlog=1, pending=1, own=0, transactions=0)
        for accepted, recorded, done, evidence, missing in (
            (1, 1, 1, seen, set()),
            (0, 1, 1, seen, {"too few accepted"}),
            (1, 0, 1, seen, {"too few recorded"}),
            (1, 1, 0, seen, {"too few faults that landed"}),
            (1, 1, 1, None, {"too few faults that landed"}),
        ):
            found = self.result(10, accepted, recorded, done, evidence).faults_found()
            self.assertEqual(set(found), missing)

    def test_a_long_run_needs_its_share(self) -> None:
        seen = Evidence(backlog=1, pending=1, own=0, transactions=0)
        self.assertEqual(set(self.result(150, 24_999, 1, 1, seen).faults_found()), {
            f"too few {name}" for name in
            ("faults that landed", "accepted", "accepted by password", "faults with a transaction open", "reclaims")
        })


if __name__ == "__main__":
    unittest.main(verbosity=2)
