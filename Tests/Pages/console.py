"""The console."""

import re
import time
import uuid
from typing import Callable

import stage
from playwright.sync_api import expect
from resp import Redis
from stage import PageTests, call, new_person, report


class ConsoleTests(PageTests):
    def test_only_admins_come_in(self) -> None:
        name = new_person()
        with self.context() as context:
            page = context.new_page()
            page.goto("/console")
            self.sign_in(page, name)
            expect(page.locator("#entry-notice")).to_have_text(f"{name} is not an admin. Sign in with an admin's account.")
            expect(page.locator("#frame")).to_be_hidden()

    def test_the_overview_tells_how_things_stand(self) -> None:
        with self.context() as context:
            page = self.open_console(context)
            expect(page.locator(".verdict")).to_be_visible()
            expect(page.locator(".chart")).to_have_count(3)
            report(str(uuid.uuid4()), 900)
            # More than any other test sends, whatever interval they fall into.
            for name in ("Sign-ins", "Events recorded"):
                shown = page.get_by_role("img", name=f"{name} per second")
                expect(shown).to_have_attribute("aria-label", re.compile(r" now, [1-9][\d,]\d[\d.]* at most"))
            expect(page.get_by_role("region", name="Servers")).to_contain_text("Durable as promised")
            expect(page.get_by_role("region", name="Consumers").locator("tbody tr")).to_have_count(2)

    def test_events_are_found_by_person_type_and_time(self) -> None:
        person = str(uuid.uuid4())
        report(person, 60)
        report(person, 1, "LevelUp")
        self.until_recorded(person, 61)
        with self.context() as context:
            page = self.open_console(context, "events")
            rows = page.get_by_role("region", name="Events").locator("tbody tr")
            page.get_by_label("Person").fill(person)
            page.get_by_role("button", name="Filter").click()
            expect(rows).to_have_count(50)
            page.get_by_role("button", name="Show more").click()
            expect(rows).to_have_count(63)
            page.get_by_label("Type").fill("LevelUp")
            page.get_by_role("button", name="Filter").click()
            expect(rows).to_have_count(1)
            page.get_by_label("Recorded before").fill("2020-01-01T00:00:00")
            page.get_by_role("button", name="Filter").click()
            expect(page.get_by_text("No event fits.")).to_be_visible()

    def test_further_pages_belong_to_the_question_that_was_asked(self) -> None:
        self.tolerate("status of 400")
        person = str(uuid.uuid4())
        report(person, 60, "LevelUp")
        self.until_recorded(person, 60)
        with self.context() as context:
            page = self.open_console(context, f"events/{person}")
            rows = page.get_by_role("region", name="Events").locator("tbody tr")
            expect(rows).to_have_count(50)
            page.get_by_label("Type").fill("UserSignIn")
            page.get_by_role("button", name="Show more").click()
            expect(rows).to_have_count(60)
            # What was wrong is told until it is right, and the rows of another question go.
            page.get_by_label("Person").fill("nobody")
            page.get_by_role("button", name="Filter").click()
            expect(page.locator("#notice")).to_be_visible()
            expect(page.locator("#view")).to_contain_text("This could not be read.")
            page.get_by_label("Person").fill(person)
            page.get_by_label("Type").fill("")
            page.get_by_role("button", name="Filter").click()
            expect(rows).to_have_count(50)
            expect(page.locator("#notice")).to_be_hidden()

    def test_addresses_lead_nowhere_else(self) -> None:
        with self.context() as context:
            page = self.open_console(context)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto("/console#/person/..%2Fapi-keys%3Fx=")
            expect(page.get_by_text("This address has no person's id.")).to_be_visible()
            self.assertEqual([url for url in asked if "api-keys" in url or "/users/" in url], [])
            page.goto("/console#/constructor")
            expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    def test_the_skip_link_stays_on_the_view(self) -> None:
        with self.context() as context:
            page = self.open_console(context, "audit")
            page.locator(".skip").focus()
            page.keyboard.press("Enter")
            expect(page.locator("#main")).to_be_focused()
            expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")

    def test_a_question_goes_with_its_view(self) -> None:
        with self.context() as context:
            page = self.open_console(context, "catalog")
            page.goto("/console#/keys")
            page.get_by_role("button", name="New key").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.go_back()
            expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")
            expect(page.get_by_role("dialog")).to_have_count(0)

    def test_the_overview_says_which_server_is_away_and_which_is_weak(self) -> None:
        with self.context() as context:
            status = call("GET", "/status", headers=stage.admin())
            weak = "appendfsync is everysec: a power failure loses up to two seconds of accepted events."
            answers = [
                {**status, "healthy": False, "durability_warnings": [weak]},
                {**status, "healthy": False, "groups": [], "unreachable": ["Redis at 127.0.0.1:1: refused"]},
            ]
            shown = [("Redis", weak, "Durable as promised"), ("Redis", "Redis at 127.0.0.1:1: refused", "Durable as promised")]
            for answer, (server, text, other) in zip(answers, shown):
                page = context.new_page()
                page.route("**/api/v1/status", lambda route, _, answer=answer: route.fulfill(json=answer))
                page.goto("/console")
                if not context.cookies():
                    self.sign_in(page, "admin", stage.installation.admin_password)
                rows = page.get_by_role("region", name="Servers").locator("tbody tr")
                expect(rows.filter(has_text=server).first).to_contain_text(text)
                expect(rows.filter(has_text="Postgres")).to_contain_text(other)
                expect(rows.filter(has_text="Postgres")).not_to_contain_text(text)
            expect(page.get_by_text("Not known while Redis is away")).to_be_visible()

    def test_times_are_clear(self) -> None:
        events = {"data": [
            {"id": str(uuid.uuid4()), "user_id": str(uuid.uuid4()), "event_type": "UserSignIn", "event_data": None,
             "timestamp": "2019-03-01T23:30:05.250Z", "recorded_at": "2019-03-02T00:05:06.000Z"},
        ], "next_cursor": None}
        with self.context(timezone_id="UTC") as context:
            page = self.open_console(context)
            page.route(re.compile(r"/api/v1/events\?"), lambda route: route.fulfill(json=events))
            page.goto("/console#/events")
            times = page.get_by_role("region", name="Events").locator("time")
            # Midnight is 00, and another year is told.
            expect(times.first).to_have_text("Mar 2, 2019, 00:05:06")
            expect(times.first).to_have_attribute("title", "2019-03-02 00:05:06 UTC")
            expect(times.last).to_have_text("Mar 1, 2019, 23:30:05")

    def test_a_person_is_explained_and_banned(self) -> None:
        name = new_person()
        with self.context() as theirs, self.context() as context:
            home = self.open_home(theirs, name)
            (found,) = call("GET", f"/users?user_name={name}", headers=stage.admin())["data"]
            report(found["user_id"], 4)
            page = self.open_console(context, "people")
            page.get_by_label("Beginning of a name, or an id").fill(name)
            page.get_by_role("button", name="Find").click()
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(name)
            why = page.locator(".why .card").filter(has=page.get_by_role("heading", name="UserSignIn", exact=True))
            expect(why).to_contain_text("5 events counted.")
            expect(page.get_by_role("region", name="Claims").locator("tbody tr")).to_have_count(1)
            page.get_by_role("button", name="Ban", exact=True).click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text(f"Ban {name}? All sessions end at once")
            dialog.get_by_role("button", name="Cancel").click()
            expect(home.locator("#home")).to_be_visible()
            page.get_by_role("button", name="Ban", exact=True).click()
            dialog.get_by_role("button", name="Ban").click()
            expect(page.get_by_role("button", name="Lift the ban")).to_be_visible()
            expect(home.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
            page.get_by_role("button", name="Lift the ban").click()
            dialog.get_by_role("button", name="Lift the ban").click()
            expect(page.get_by_role("button", name="Ban", exact=True)).to_be_visible()
            page.goto("/console#/audit")
            page.get_by_label("Done to").fill(found["user_id"])
            page.get_by_role("button", name="Filter").click()
            expect(page.get_by_role("row").filter(has_text="user.ban")).to_contain_text("known → banned")

    def test_a_conflict_in_the_catalog_is_shown_and_resolved(self) -> None:
        self.tolerate("status of 412")
        reward = call("GET", "/rewards")["data"][0]["reward_id"]
        name = f"Conflict {time.time_ns():x}"
        terms = {"name": name, "event_type": "Fish", "streak": 2, "duplication": 1, "reward_id": reward}
        made = call("POST", "/quests", terms, stage.admin())
        path = f"/quests/{made['quest_id']}"
        with self.context() as context:
            page = self.open_console(context, "catalog")
            page.get_by_role("button", name=f"Edit {name}").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("Completions per person").fill("9")
            call("PATCH", path, {"streak": 5, "duplication": 3}, {**stage.admin(), "If-Match": "*"})
            dialog.get_by_role("button", name="Save").click()
            expect(dialog.get_by_role("alert").first).to_contain_text("Somebody else has changed this meanwhile")
            # What was entered stays, what was not touched follows, and both are told.
            expect(dialog.get_by_label("Completions per person")).to_have_value("9")
            expect(dialog.locator("#hint-duplication")).to_have_text("Now 3")
            expect(dialog.get_by_label("Streak: events per completion")).to_have_value("5")
            self.assertEqual(call("GET", path)["duplication"], 3)
            dialog.get_by_role("button", name="Save").click()
            expect(dialog).to_have_count(0)
            saved = call("GET", path)
            self.assertEqual((saved["streak"], saved["duplication"]), (5, 9))
            page.get_by_role("button", name=f"Retire {name}").click()
            page.get_by_role("dialog").get_by_role("button", name="Retire").click()
            expect(page.get_by_role("button", name=f"Bring back {name}")).to_be_visible()
            self.assertFalse(call("GET", path)["active"])

    def test_a_quest_is_made(self) -> None:
        self.tolerate("status of 422", "status of 409")
        name = f"Made {time.time_ns():x}"
        with self.context() as context:
            page = self.open_console(context, "catalog")
            page.get_by_role("button", name="New quest").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_role("button", name="Save").click()
            expect(dialog.get_by_role("alert").filter(has_text="Name ")).to_be_visible()
            dialog.get_by_label("Name").fill(name)
            dialog.get_by_role("button", name="Save").click()
            expect(page.get_by_role("region", name="Quests")).to_contain_text(name)
            path = f"/quests/name/{name.replace(' ', '%20')}"
            call("DELETE", f"/quests/{call('GET', path)['quest_id']}", headers={**stage.admin(), "If-Match": "*"})

    def test_dead_letters_are_retried_and_dropped(self) -> None:
        with Redis(stage.installation.environment["REDIS_URL"]) as redis:
            for error in ("nonsense", "rubbish"):
                redis.command("XADD", "quest:signins", "*", "event_id", error, "type", "UserSignIn")
        with self.context() as context:
            page = self.open_console(context, "dead-letters")
            rows = page.get_by_role("region", name="Dead letters").locator("tbody tr")
            self.until_letters("nonsense", "rubbish")
            page.reload()
            expect(rows).to_have_count(2)
            retried = rows.filter(has_text="nonsense")
            retried.get_by_role("button", name="Retry").click()
            page.get_by_role("dialog").get_by_role("button", name="Retry").click()
            expect(page.locator("#notice")).to_have_text("Sent again.")
            rows.filter(has_text="rubbish").get_by_role("button", name="Drop").click()
            expect(page.get_by_role("dialog")).to_contain_text("Its event will not be recorded.")
            page.get_by_role("dialog").get_by_role("button", name="Drop").click()
            expect(rows.filter(has_text="rubbish")).to_have_count(0)
            # The other one is refused again, and is dropped, too.
            self.until_letters("nonsense")
            page.reload()
            expect(rows).to_have_count(1)
            rows.get_by_role("button", name="Drop").click()
            page.get_by_role("dialog").get_by_role("button", name="Drop").click()
            expect(page.get_by_text("No dead letters. Everything that came could be recorded.")).to_be_visible()

    def test_a_key_is_made_shown_once_and_revoked(self) -> None:
        with self.context() as context:
            page = self.open_console(context, "keys")
            page.get_by_role("button", name="New key").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("Name").fill("shop")
            dialog.get_by_role("button", name="New key").click()
            key = dialog.locator(".secret").inner_text()
            self.assertGreater(len(key), 20)
            call("POST", "/sign-ins", {"user_id": str(uuid.uuid4())}, {"X-API-Key": key})
            dialog.get_by_role("button", name="Close").click()
            # It is closed at once, and removed by the event that tells of it.
            expect(page.locator("dialog")).to_have_count(0)
            self.assertNotIn(key, page.content())
            page.get_by_role("button", name="Revoke shop").click()
            dialog.get_by_role("button", name="Revoke").click()
            expect(page.get_by_role("row").filter(has_text="shop")).to_contain_text("revoked")
            with self.assertRaises(AssertionError):
                call("POST", "/sign-ins", {"user_id": str(uuid.uuid4())}, {"X-API-Key": key})

    def test_signing_out_ends_both_pages(self) -> None:
        with self.context() as context:
            page = self.open_console(context)
            home = context.new_page()
            home.goto("/")
            expect(home.locator("#account-name")).to_have_text("admin")
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("heading", name="The console is for admins")).to_be_visible()
            expect(home.get_by_role("button", name="Sign in", exact=True)).to_be_visible()

    def until_recorded(self, person: str, count: int) -> None:
        token = stage.admin()

        def is_recorded() -> bool:
            events = call("GET", f"/events?user_id={person}&limit=100", headers=token)["data"]
            return len([event for event in events if event["event_type"] != "QuestCompleted"]) >= count

        self.until(is_recorded, "not recorded")

    def until_letters(self, *ids: str) -> None:
        """Exactly these are dead letters; a worker that was told to send one again has refused it."""
        token = stage.admin()

        def are_there() -> bool:
            letters = call("GET", "/dead-letters", headers=token)["data"]
            return sorted(letter["fields"]["event_id"] for letter in letters) == sorted(ids)

        self.until(are_there, f"the dead letters are not {ids}")

    def until(self, holds: Callable[[], bool], otherwise: str) -> None:
        until = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), until, otherwise)
            time.sleep(0.1)
