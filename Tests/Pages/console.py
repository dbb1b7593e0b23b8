"""The console."""

import time
import uuid

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
            report(str(uuid.uuid4()), 40)
            sign_ins = page.get_by_role("img", name="Sign-ins per second")
            expect(sign_ins).not_to_have_attribute("aria-label", "Sign-ins per second over the last minutes: 0 now, 1 at most")
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
            expect(page.get_by_role("region", name="Audit log")).to_contain_text("user.ban")

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
            while not rows.count() == 2:
                page.reload()
                page.wait_for_timeout(200)
            retried = rows.filter(has_text="nonsense")
            retried.get_by_role("button", name="Retry").click()
            page.get_by_role("dialog").get_by_role("button", name="Retry").click()
            expect(page.locator("#notice")).to_have_text("Sent again.")
            rows.filter(has_text="rubbish").get_by_role("button", name="Drop").click()
            expect(page.get_by_role("dialog")).to_contain_text("Its event will not be recorded.")
            page.get_by_role("dialog").get_by_role("button", name="Drop").click()
            expect(rows.filter(has_text="rubbish")).to_have_count(0)
            # The other one is refused again, and is dropped, too.
            while not rows.filter(has_text="nonsense").count():
                page.reload()
                page.wait_for_timeout(200)
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
        until = time.monotonic() + 30
        while time.monotonic() < until:
            events = call("GET", f"/events?user_id={person}&limit=100", headers=stage.admin())["data"]
            if len([event for event in events if event["event_type"] != "QuestCompleted"]) >= count:
                return
            time.sleep(0.1)
        raise AssertionError("not recorded")
