"""The account: what was recorded and credited, held one by one against what was sent and answered. Nothing here asks a
server: it is given rows."""

import collections
from dataclasses import dataclass, field
from typing import Iterable, NamedTuple

from chaos_book import EITHER, FIRST, LATER, Letter, Sent

COMPLETED = "QuestCompleted"
COUNTED = (FIRST, LATER)


class Reward(NamedTuple):
    """A completion, a claim or a credit: whose, and for what; no two for the same."""

    user_id: str
    purpose: str


@dataclass
class Account:
    """Each list names what is wrong, one entry for each case."""

    recorded: int = 0
    by_password: int = 0
    completions: int = 0
    lost: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # accepted and not recorded: id and person
    twice: list[str] = field(default_factory=list)
    unrewarded: list[str] = field(default_factory=list)
    letters_wrong: list[str] = field(default_factory=list)
    letters_found: int = 0
    # Sign-ins by password that were never answered, so that one of any id each may be there; and how many are.
    allowance: int = 0
    allowance_used: int = 0
    # Sign-ins by person that count for the quest and have a right to be there.
    explained: collections.Counter[str] = field(default_factory=collections.Counter)

    def events(
        self, rows: Iterable[Iterable[str]], accepted: Sent, maybe: Sent, unanswered: collections.Counter[str],
        by_password: dict[str, bool],
    ) -> None:
        """Compares the event table (id, person, type) with what was accepted.

        `by_password` names the people who sign in by password, and whether any of them was ever answered: then exactly
        one of their events is a first sign-in.
        """
        missing, spare = set(accepted), collections.Counter(unanswered)
        self.allowance = spare.total()
        firsts: collections.Counter[str] = collections.Counter()
        for event_id, person, kind in rows:
            if kind == COMPLETED:
                self.completions += 1
                continue
            self.recorded += 1
            firsts[person] += kind == FIRST and person in by_password
            sent = accepted.get(event_id) or maybe.get(event_id)
            if sent is None:
                if spare[person] > 0 and kind in COUNTED:
                    spare[person] -= 1
                    self.by_password += 1
                    self.allowance_used += 1
                else:
                    self.twice.append(f"{event_id} of {person} ({kind}) was recorded, and nobody sent it")
                    continue
            elif sent[0] != person or sent[1] not in (kind, EITHER) or sent[1] == EITHER and kind not in COUNTED:
                self.lost.append(f"{event_id} was accepted as {sent[1]} of {sent[0]} and recorded as {kind} of {person}")
            else:
                self.by_password += sent[1] == EITHER
            missing.discard(event_id)
            self.explained[person] += kind in COUNTED
        self.missing = {event_id: accepted[event_id][0] for event_id in sorted(missing)}
        for person, answered in by_password.items():
            if firsts[person] > 1:
                self.twice.append(f"{person} has {firsts[person]} first sign-ins")
            elif answered and not firsts[person]:
                self.lost.append(f"{person} has signed in and has no first sign-in")

    def lose(self, fates: dict[str, str]) -> None:
        """What is missing is lost; `fates` says what became of each entry in the stream."""
        self.lost = [
            f"{event_id} of {person} was accepted and is not recorded: {fates.get(event_id, 'it is not in the stream')}"
            for event_id, person in self.missing.items()
        ] + self.lost

    def rewards(self, what: str, rows: Iterable[Reward], streak: int, limit: int) -> None:
        """Compares completions, claims or credits with what the recorded events make: one for each full streak."""
        held: dict[str, collections.Counter[Reward]] = collections.defaultdict(collections.Counter)
        for row in rows:
            held[row.user_id][row] += 1
        for person in self.explained.keys() | held.keys():
            right = min(limit, self.explained[person] // streak)
            repeated = [row for row, times in held[person].items() if times > 1]
            self.twice += [f"{person} has {held[person][row]} of {what} for {row.purpose}" for row in repeated]
            if len(held[person]) > right:
                self.twice.append(f"{person} has {len(held[person])} of {what}, and a right to {right}")
            elif len(held[person]) < right:
                self.unrewarded.append(f"{person} has {len(held[person])} of {what}, and a right to {right}")

    def balances(self, rows: Iterable[tuple[str, int]], streak: int, limit: int, reward: int) -> None:
        """Compares wallets with what the recorded events are worth."""
        found = dict(rows)
        for person in self.explained.keys() | found.keys():
            right = reward * min(limit, self.explained[person] // streak)
            balance = found.get(person, 0)
            if balance != right:
                side = self.twice if balance > right else self.unrewarded
                side.append(f"{person} holds {balance}, and has a right to {right}")

    def dead_letters(self, found: Iterable[Letter], expected: set[Letter], maybe: set[Letter]) -> None:
        """Each entry that can never be recorded is one dead letter; one that perhaps never got there, at most one."""
        letters = collections.Counter(found)
        self.letters_found = letters.total()
        for letter, times in letters.items():
            if letter not in expected and letter not in maybe:
                self.letters_wrong.append(f"{letter.event_id} of {letter.user_id} ({letter.type}): nobody expected it")
            elif times > 1:
                self.letters_wrong.append(f"{letter.event_id} ({letter.type}): {times} letters instead of one")
        self.letters_wrong += [
            f"{letter.event_id} ({letter.type}): no letter" for letter in sorted(expected) if letter not in letters
        ]
