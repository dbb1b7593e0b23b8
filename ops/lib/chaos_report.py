"""What a run has shown: a table, and whether it is good."""

from dataclasses import dataclass

import say
from chaos_account import Account
from chaos_book import Book
from chaos_end import Drained
from chaos_faults import Struck
from chaos_plan import KINDS
from chaos_watch import Growth

# In so many seconds there must be so much of it; in runs from `LONG` on, in proportion. A shorter run is mostly start and
# end, and what it reaches depends on the machine: it needs one of each that every run needs.
PER, FAULTS, ACCEPTED, BY_PASSWORD = 300, 60, 50_000, 2_000
# A run this long, in seconds, must have used every way to recover too.
LONG = 120
SAMPLES = 10


@dataclass
class Result:
    seconds: float
    struck: list[Struck]
    book: Book
    account: Account
    drained: Drained
    verify: tuple[int, str]
    totals: dict[str, int]
    stall: tuple[float, float]  # the longest: how long, and when it ended
    growth: dict[str, Growth | None]
    died: list[str]

    @property
    def landed(self) -> int:
        return sum(each.landed for each in self.struck)

    def faults_found(self) -> dict[str, tuple[str, list[str]]]:
        """What is not as promised: by a short name what it is, and samples."""
        account, code = self.account, self.verify[0]
        checks = {
            "lost": (account.lost, "accepted and not recorded as it was sent"),
            "twice": (account.twice, "recorded or credited more often than it was sent"),
            "unrewarded": (account.unrewarded, "without the rewards that their recorded events make"),
            "letters": (account.letters_wrong, "dead letters that are not as expected"),
            "died": (self.died, "ended without the schedule"),
            "answers": (self.book.strange, "answers that no client should get"),
        }
        found = {name: (f"{len(cases):,} {text}", cases) for name, (cases, text) in checks.items() if cases}
        if self.drained.left:
            found["drained"] = (f"not done after {self.drained.seconds:.0f} s: {self.drained.left}", [])
        if code != 0:
            found["verify"] = (f"verify has ended with exit code {code}: {self.verify[1]}", [])
        return found | self.too_little()

    def too_little(self) -> dict[str, tuple[str, list[str]]]:
        """Without them nothing is proved, however short the run is."""
        is_long, share = self.seconds >= LONG, self.seconds / PER
        quotas = [
            ("faults that landed", self.landed, FAULTS * share if is_long else 1),
            ("accepted", len(self.book.accepted), ACCEPTED * share if is_long else 1),
            ("recorded", self.account.recorded, 1),
        ]
        if is_long:
            quotas += [
                ("accepted by password", self.book.by_password, BY_PASSWORD * share),
                ("faults with a transaction open", sum(each.in_transaction for each in self.struck), self.landed / 2),
                *((name, count, 1) for name, count in self.totals.items()),
            ]
        return {
            f"too few {name}": (f"{name}: {count:,}, and at least {least:,.0f} are needed", [])
            for name, count, least in quotas if count < least
        }


def show(result: Result) -> None:
    book, account = result.book, result.account
    say.line()
    rows = []
    for kind, (title, *_) in KINDS.items():
        of_kind = [each for each in result.struck if each.fault.kind == kind]
        if of_kind:
            landed = sum(each.landed for each in of_kind)
            rows.append([title, landed, len(of_kind) - landed, sum(each.in_transaction for each in of_kind)])
    rows.append(["all", *(sum(column) for column in zip(*(row[1:] for row in rows)))] if rows else ["none", 0, 0, 0])
    say.table(["fault", "landed", "missed", "transaction open"], rows)
    say.line("(of the very process that was struck; where a server or what it holds was struck, of anybody)")
    say.line()
    totals = result.totals
    by_front = ", ".join(f"{front} {count:,}" for front, count in sorted(book.answered.items()))
    facts = [
        ("accepted", f"{len(book.accepted):,}, {book.by_password:,} of them by password ({by_front})"),
        ("sent again", f"{book.again[503]:,} requests after 503, {book.again[0]:,} after no answer"),
        ("never answered", f"{len(book.maybe):,} events, {book.unanswered.total():,} requests by password"),
        ("recorded", f"{account.recorded:,}, {account.by_password:,} of them by password"),
        ("allowance", f"{account.allowance_used:,} used of {account.allowance:,}, for passwords never answered"),
        ("completions", f"{account.completions:,}"),
        ("lost", f"{len(account.lost):,}"),
        ("twice", f"{len(account.twice):,}"),
        ("unrewarded", f"{len(account.unrewarded):,}"),
        ("dead letters", f"{account.letters_found:,}, expected {expected_letters(book)}"),
        ("reclaims", f"{totals['reclaims']:,}"),
        ("duplicates absorbed", f"{totals['duplicates']:,}"),
        ("outbox publishes", f"{totals['published']:,}"),
        ("retries", f"{totals['retries']:,}"),
        ("longest stall", f"{result.stall[0]:.1f} s, until {result.stall[1]:.0f} s after the start"),
        *((f"memory of {role}", grown(growth)) for role, growth in result.growth.items()),
        ("drained", f"in {result.drained.seconds:.1f} s" if not result.drained.left else f"no: {result.drained.left}"),
        ("verify", result.verify[1]),
    ]
    for name, value in facts:
        say.line(f"  {name:<20} {value}")


def expected_letters(book: Book) -> str:
    return f"{len(book.letters):,}" + (f" and up to {len(book.maybe_letters):,} more" if book.maybe_letters else "")


def grown(growth: Growth | None) -> str:
    if growth is None:
        return "no process lived long enough to tell"
    return f"{growth.before:.1f} MB after warm-up, {growth.after:.1f} MB at the end ({growth.percent:+.0f} %)"


def tell(found: dict[str, tuple[str, list[str]]]) -> None:
    """Names what is wrong, each with a few samples."""
    for text, samples in found.values():
        say.line(f"\n{text}")
        for sample in samples[:SAMPLES]:
            say.line(f"    {sample}")
