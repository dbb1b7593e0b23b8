"""The example: eight sign-ins become ten events, two completions, two claims and 20 diamonds."""

import csv
import io
import json
import secrets
import time
import uuid
from typing import Any, Callable

import say
import servers
import web

SIGN_INS = 8
PATIENCE = 30  # seconds that the workers have for one sign-in
# After each sign-in: streak, duplication.
STEPS = [(1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (0, 2), (0, 2)]

# Answers a statement in CSV, with a heading.
Query = Callable[[str], str]


class Different(Exception):
    """What came out is not the example."""


class Person:
    """Somebody in the example, and the way their requests say who asks."""

    def __init__(self, environment: dict[str, str], query: Query, title: str):
        self.base = environment["QUESTLINE_URL"] + "/api/v1"
        self.query = query
        self.title = title
        self.id = ""
        self.headers: dict[str, str] = {}
        self.types: list[str] = []

    def call(self, method: str, path: str, expected: tuple[int, ...], **options) -> Any:
        answer = web.call(method, self.base + path, headers=self.headers, **options)
        if answer.status not in expected:
            what = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            raise Different(f"{method} /api/v1{path} answered {answer.status or 'nothing'}: {what}")
        return answer.body

    def list(self, what: str) -> list[dict[str, Any]]:
        return self.call("GET", f"/users/{self.id}/{what}", (200,))["data"]

    def sign_in(self) -> None:
        raise NotImplementedError


class Player(Person):
    """Somebody with a name and a password."""

    def __init__(self, environment: dict[str, str], query: Query):
        super().__init__(environment, query, "")
        self.name, self.password = f"demo-{secrets.token_hex(4)}", secrets.token_hex(8)
        body = {"user_name": self.name, "password": self.password}
        self.id = self.call("POST", "/users/signup", (201,), json_body=body)["user_id"]
        self.title = f"{self.name} ({self.id}) signs in with a password"
        self.types = ["NewUserSignIn"] + ["UserSignIn"] * (SIGN_INS - 1)

    def sign_in(self) -> None:
        form = {"username": self.name, "password": self.password}
        answer = self.call("POST", "/login/access-token", (200,), form=form)
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}


class Known(Person):
    """Somebody who signs in elsewhere and never signed up here: everything goes by the API key."""

    def __init__(self, environment: dict[str, str], query: Query):
        super().__init__(environment, query, "")
        self.id = str(uuid.uuid4())
        self.title = f"{self.id} never signed up and comes by the API key"
        self.headers = {"X-API-Key": environment["QUESTLINE_API_KEY"]}
        self.types = ["UserSignIn"] * SIGN_INS

    def sign_in(self) -> None:
        self.call("POST", "/sign-ins", (202,), json_body={"user_id": self.id})


def show(environment: dict[str, str], query: Query | None = None) -> bool:
    """Plays the example twice, once by password and once by key. False if anything differs from it.

    Without a `query` the database is asked by psql, at its URL.
    """
    def by_psql(statement: str) -> str:
        return servers.checked(servers.psql(environment["DATABASE_URL"], statement, "--csv"))

    try:
        for kind in (Player, Known):
            play(kind(environment, query or by_psql))
    except (Different, KeyError, TypeError, AttributeError) as difference:
        text = str(difference) if isinstance(difference, Different) else f"an answer lacks {difference}"
        say.trouble(f"\nThis is not the example: {text}")
        return False
    say.line("\nExactly the example: ten events, two completions, two claims and 20 diamonds, each time.")
    return True


def play(person: Person) -> None:
    say.line(f"\n{person.title}, eight times")
    seen: set[str] = set()
    rows: list[list[object]] = []
    for number, step in enumerate(STEPS, start=1):
        person.sign_in()
        wait_recorded(person, number)
        now = progress(person)
        fresh = [event for event in events(person) if event["id"] not in seen]
        seen.update(event["id"] for event in fresh)
        # The cause stands before what it caused.
        for event in sorted(fresh, key=lambda event: event["type"] == "QuestCompleted"):
            rows.append([len(rows) + 1, number, event["at"], event["type"], *now, event["completion"]])
        expect(f"streak and duplication after sign-in {number}", step, now)

    say.line("\nThe event table (processing.events)")
    say.table(["event", "sign-in", "timestamp", "event_type", "streak", "duplication", "completion"], rows)
    completed = person.types[:3] + ["QuestCompleted"] + person.types[3:6] + ["QuestCompleted"] + person.types[6:]
    expect("the event table", completed, [row[3] for row in rows])

    say.line("\nThe progress")
    listed = person.list("progress")
    show_list(listed, ["quest_name", "name", "quest_id", "status", "streak", "duplication"])
    expect("quests with progress", 1, len(listed))

    claims = wait_claims(person)
    say.line("\nThe claims")
    show_claims(claims)
    expect("the completions that the claims are for", [1, 2], [claim["completion"] for claim in claims])
    expect("the status of the claims", ["pending"] * 2, [claim["status"] for claim in claims])
    expect("the wallet before the claims", [], person.list("wallet"))

    for claim in claims:
        for _ in range(2):  # the second time is answered the same and credits nothing
            answer = person.call("POST", f"/users/{person.id}/claims/{claim['claim_id']}/claim", (200,))
            expect("the status of a claimed claim", "claimed", answer["status"])
    say.line("\nThe claims, after each was claimed (twice, which counts once)")
    show_claims(wait_claims(person))

    say.line("\nThe wallet")
    wallet = sorted(person.list("wallet"), key=lambda entry: entry["balance_after"])
    show_list(wallet, ["created_at", "kind", "item", "amount", "balance_after", "ref"])
    expect("the wallet", [("diamond", 10, 10), ("diamond", 10, 20)], [
        (entry["item"], entry["amount"], entry["balance_after"]) for entry in wallet
    ])
    holder = person.call("GET", f"/users/{person.id}", (200, 401, 403))
    if "diamond" in holder:
        expect("the account's diamonds", 20, holder["diamond"])


def wait_recorded(person: Person, number: int) -> None:
    """Waits until the workers have recorded this many sign-ins of a person."""
    until = time.monotonic() + PATIENCE
    while True:
        recorded = sum(event["type"] != "QuestCompleted" for event in events(person))
        if recorded >= number:
            return
        if time.monotonic() > until:
            raise Different(
                f"sign-in {number} was accepted but is not recorded after {PATIENCE} s "
                f"({recorded} are). Is a worker running? .stack/logs has what it says."
            )
        time.sleep(0.02)


def wait_claims(person: Person) -> list[dict[str, Any]]:
    """Waits until both completions have become claims."""
    until = time.monotonic() + PATIENCE
    while True:
        claims = person.list("claims")
        if len(claims) >= 2:
            return sorted(claims, key=lambda claim: claim["completion"])
        if time.monotonic() > until:
            raise Different(f"two completions have become {len(claims)} claims after {PATIENCE} s")
        time.sleep(0.02)


def events(person: Person) -> list[dict[str, str]]:
    """A person's rows of the event table, in the order in which they were recorded."""
    statement = (
        "SELECT id, event_type AS type, event_data->>'completion' AS completion, "
        "to_char(\"timestamp\" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') AS at "
        f"FROM processing.events WHERE user_id = '{uuid.UUID(person.id)}' ORDER BY recorded_at, id"
    )
    return list(csv.DictReader(io.StringIO(person.query(statement))))


def progress(person: Person) -> tuple[int, int]:
    listed = person.list("progress")
    return (listed[0]["streak"], listed[0]["duplication"]) if listed else (0, 0)


def show_claims(claims: list[dict[str, Any]]) -> None:
    show_list(claims, ["completion", "status", "reward_item", "reward_qty", "created_at", "claimed_at", "claim_id"])


def show_list(items: list[dict[str, Any]], fields: list[str]) -> None:
    known = [field for field in fields if any(field in item for item in items)]
    say.table(known, [[item.get(field) for field in known] for item in items])


def expect(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise Different(f"{what}: expected {expected}, found {found}")
