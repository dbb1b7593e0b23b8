"""The load of an upgrade: sign-ins by key and by password, claims and changes of the catalog, at whatever version answers."""

import base64
import collections
import json
import random
import threading
import time
import uuid
from typing import Callable

import say
import servers
import web

PASSWORD = "a password for upgrades"
PEOPLE = 200


class Load:
    def __init__(self, versions) -> None:
        self.versions = versions
        self.open_fronts = ["old"]
        self.accepted: set[str] = set()
        self.failures: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        self.done: collections.Counter = collections.Counter()
        self.accounts: list[tuple[str, str]] = []
        self.tokens: dict[str, tuple[str, str]] = {}  # by person: which version gave it, and the token
        self.ending = threading.Event()
        self.threads: list[threading.Thread] = []
        self.guard = threading.Lock()
        self.people = [str(uuid.uuid4()) for _ in range(PEOPLE)]

    def open(self, version: str) -> None:
        self.open_fronts = [*self.open_fronts, version]

    def close(self, version: str) -> None:
        """Nobody sends anything there any more when this returns, as with a gateway that has seen it leave."""
        self.open_fronts = [one for one in self.open_fronts if one != version]
        time.sleep(2)

    def sign_up(self, version: str, count: int) -> None:
        for number in range(count):
            name = f"{version}-{number}"
            answer = web.call(
                "POST", f"{self.versions.url(version)}/users/signup", json_body={"user_name": name, "password": PASSWORD}
            )
            if answer.status != 201:
                raise say.Stop(f"Signing up at the {version} version was answered with {answer.status}: {answer.body}")
            self.accounts.append((name, answer.body["user_id"]))

    def start(self) -> None:
        for body in (self.report, self.report, self.by_password, self.by_password, self.claim, self.change_catalog):
            self.threads.append(threading.Thread(target=self.again_and_again, args=(body,), daemon=True))
            self.threads[-1].start()

    def stop(self) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(60)

    def again_and_again(self, body: Callable[[random.Random], None]) -> None:
        chance = random.Random()
        while not self.ending.is_set():
            try:
                body(chance)
            except Exception as error:
                self.fail(body.__name__, repr(error))
            self.ending.wait(chance.uniform(0.02, 0.1))

    def fail(self, what: str, answer: object) -> None:
        with self.guard:
            self.failures[what][str(answer)[:300]] += 1

    def count(self, what: str) -> None:
        with self.guard:
            self.done[what] += 1

    def pick(self, chance: random.Random) -> str:
        return chance.choice(self.open_fronts)

    def report(self, chance: random.Random) -> None:
        """Sign-ins by key; 503 and silence are tried again with the same ids."""
        events = [
            {"event_id": str(uuid.uuid4()), "user_id": chance.choice(self.people)} for _ in range(chance.choice((1, 5, 40)))
        ]
        for _ in range(20):
            version = self.pick(chance)
            answer = web.call(
                "POST", f"{self.versions.url(version)}/sign-ins", json_body=events,
                headers={"X-API-Key": self.versions.secrets["QUESTLINE_API_KEY"]}, timeout=10,
            )
            if answer.status == 202:
                with self.guard:
                    self.accepted.update(event["event_id"] for event in events)
                self.count(f"reports taken by the {version} version")
                return
            if answer.status not in (0, 503):
                return self.fail("sign-ins by key", (version, answer))
            self.count("reports sent again")
            time.sleep(0.2)
        self.fail("sign-ins by key", "never taken")

    def by_password(self, chance: random.Random) -> None:
        name, person = chance.choice(self.accounts)
        version = self.pick(chance)
        answer = web.call(
            "POST", f"{self.versions.url(version)}/login/access-token", form={"username": name, "password": PASSWORD}, timeout=10
        )
        if answer.status != 200:
            return self.fail("sign-ins by password", (version, answer))
        token = answer.body["access_token"]
        with self.guard:
            self.accepted.add(json.loads(decoded(token.split(".")[1]))["jti"])
            self.tokens[person] = version, token
        self.count(f"sign-ins by password at the {version} version")

    def claim(self, chance: random.Random) -> None:
        """With a token of either version, at either version."""
        with self.guard:
            known = list(self.tokens.items())
        if not known:
            return
        person, (maker, token) = chance.choice(known)
        version = self.pick(chance)
        what = f"claims at the {version} version with a token of the {maker} one"
        authority = {"Authorization": f"Bearer {token}"}
        waiting = web.call("GET", f"{self.versions.url(version)}/users/me/claims?status=pending", headers=authority, timeout=10)
        if waiting.status != 200:
            return self.fail(what, waiting)
        for row in waiting.body["data"][:3]:
            claimed = web.call(
                "POST", f"{self.versions.url(version)}/users/{person}/claims/{row['claim_id']}/claim", headers=authority,
                timeout=10,
            )
            if claimed.status != 200:
                return self.fail(what, claimed)
            self.count(what)

    def change_catalog(self, chance: random.Random) -> None:
        """In psql, as an operator of any version can; and by PATCH where there is a version that has it."""
        self.ending.wait(1)
        streak = chance.randint(2, 5)
        if "new" not in self.open_fronts or chance.random() < 0.5:
            servers.checked(servers.psql(
                self.versions.database, f"UPDATE catalog.quests SET streak = {streak} WHERE name = 'UserSignIn'"
            ))
            return self.count("changes of the catalog in psql")
        base = self.versions.url("new")
        token = web.call(
            "POST", f"{base}/login/access-token",
            form={"username": "admin", "password": self.versions.secrets["QUESTLINE_ADMIN_PASSWORD"]},
        ).body["access_token"]
        with self.guard:
            self.accepted.add(json.loads(decoded(token.split(".")[1]))["jti"])
        quest = web.call("GET", f"{base}/quests/name/UserSignIn").body["quest_id"]
        answer = web.call(
            "PATCH", f"{base}/quests/{quest}", json_body={"streak": streak},
            headers={"Authorization": f"Bearer {token}", "If-Match": "*"},
        )
        if answer.status not in (200, 503):
            return self.fail("changes of the catalog", answer)
        self.count(f"changes of the catalog by PATCH answered {answer.status}")
        # What the other version shows follows.
        version = self.pick(chance)
        shown = web.call("GET", f"{self.versions.url(version)}/quests/{quest}", timeout=10)
        if shown.status != 200:
            self.fail("readings of the catalog", (version, shown))
        elif answer.status == 200 and shown.body["streak"] != streak:
            self.count(f"older answers of the {version} version right after a change")
        self.count(f"readings of the catalog at the {version} version")

    def missing(self) -> list[str]:
        """Accepted events that are not recorded."""
        recorded = set(servers.checked(servers.psql(self.versions.database, "SELECT id FROM processing.events")).split())
        return sorted(self.accepted - recorded)


def decoded(part: str) -> str:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
