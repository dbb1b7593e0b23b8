"""The player's page."""

import time

import stage
import web
from playwright.sync_api import Page, expect
from stage import PageTests, call, new_person, report


def card(page: Page):
    return page.locator(".quest").filter(has=page.get_by_role("heading", name="UserSignIn", exact=True))


class PlayerTests(PageTests):
    def test_the_whole_example_with_claims_by_hand(self) -> None:
        with self.context() as context:
            page = context.new_page()
            page.goto("/")
            name = f"p-{time.time_ns():x}"
            page.get_by_role("button", name="I have no account yet").click()
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(stage.PASSWORD)
            page.get_by_role("button", name="Create an account").click()
            expect(page.locator("#account-name")).to_have_text(name)
            quest = card(page)
            # After each of eight sign-ins: the streak, the completions, and what is waiting.
            rows = [
                (1, 0, 0), (2, 0, 0), (0, 1, 1), (1, 1, 1), (2, 1, 1), (3, 2, 2), (3, 2, 2), (3, 2, 2),
            ]
            for number, (streak, completed, waiting) in enumerate(rows, start=1):
                if number > 1:
                    page.get_by_role("button", name="Sign out").click()
                    self.sign_in(page, name)
                expect(quest.locator(".steps .done")).to_have_count(streak)
                expect(quest.locator(".line")).to_contain_text(f"{completed} of 2 completions")
                if waiting:
                    badge = "Reward waiting" if waiting == 1 else f"{waiting} rewards waiting"
                    expect(quest.locator(".badge")).to_have_text(badge)
                else:
                    expect(quest.locator(".badge")).to_have_text("In progress")
            for balance in ("10", "20"):
                quest.get_by_role("button", name="Claim 10 diamonds").click()
                expect(page.locator("#diamond")).to_have_text(balance)
            expect(quest.locator(".badge")).to_have_text("Done")
            expect(quest.get_by_role("button")).to_have_count(0)
            expect(page.locator("#ledger li")).to_have_count(2)
            expect(page.locator("#gold")).to_have_text("0")
            events = call("GET", "/events?user_id=" + self.id_of(name), headers=stage.admin())["data"]
            self.assertEqual(len(events), 10)

    def test_two_tabs_see_what_happens_elsewhere_and_sign_out_together(self) -> None:
        name = new_person()
        with self.context() as context:
            one = self.open_home(context, name)
            two = context.new_page()
            two.goto("/")
            expect(two.locator("#account-name")).to_have_text(name)
            expect(card(two).locator(".steps .done")).to_have_count(1)
            report(self.id_of(name), 2)
            for page in (one, two):
                expect(card(page).locator(".badge")).to_have_text("Reward waiting")
                # The celebration is for ears, too.
                expect(page.locator("#news")).to_have_text("UserSignIn completed: 10 diamonds.")
            card(one).get_by_role("button", name="Claim 10 diamonds").click()
            expect(two.locator("#diamond")).to_have_text("10")
            two.get_by_role("button", name="Sign out").click()
            for page in (one, two):
                expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
            expect(one.locator("#notice")).to_have_text("Your session has ended. Sign in again.")
            self.assertEqual(context.cookies(), [])

    def test_a_page_outlives_its_front(self) -> None:
        self.tolerate("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
        name = new_person()
        with self.context() as context:
            page = self.open_home(context, name)
            user_id = self.id_of(name)
            stage.kill_front()
            expect(page.locator("#pulse")).to_have_text("Reconnecting…")
            stage.start_front()
            report(user_id, 1)
            expect(card(page).locator(".steps .done")).to_have_count(2)
            expect(page.locator("#pulse")).to_have_text("Live")

    def test_a_session_is_a_cookie_that_no_script_reads(self) -> None:
        with self.context() as context:
            page = self.open_home(context, new_person())
            (cookie,) = context.cookies()
            self.assertTrue(cookie["httpOnly"])
            self.assertEqual(cookie["sameSite"], "Strict")
            self.assertEqual(page.evaluate("document.cookie"), "")
            self.assertEqual(page.evaluate("localStorage.length + sessionStorage.length"), 0)
            inline = page.evaluate(
                "() => { const s = document.createElement('script'); s.textContent = 'window.bad = 1'; document.body.append(s); return window.bad ?? 0 }"
            )
            self.assertEqual(inline, 0)
            self.tolerate("Content Security Policy", "Content-Security-Policy")

    def test_what_is_wrong_is_said_in_words(self) -> None:
        self.tolerate("status of 401", "status of 409")
        name = new_person()
        with self.context() as context:
            page = context.new_page()
            page.goto("/")
            self.sign_in(page, name, "a wrong password")
            expect(page.get_by_role("alert").filter(has_text="Wrong name or password.")).to_be_visible()
            page.get_by_role("button", name="I have no account yet").click()
            page.get_by_label("Password").fill("short")
            page.get_by_role("button", name="Create an account").click()
            expect(page.locator("#entry-fault")).to_have_text("A password has at least 8 characters.")
            page.get_by_label("Password").fill(stage.PASSWORD)
            page.get_by_role("button", name="Create an account").click()
            expect(page.locator("#entry-fault")).to_have_text("Somebody else has this name.")

    def test_everything_goes_by_keyboard(self) -> None:
        name = new_person()
        report(self.id_of(name), 2)
        with self.context() as context:
            page = context.new_page()
            page.goto("/")
            expect(page.get_by_label("Name")).to_be_focused()
            page.keyboard.type(name)
            page.keyboard.press("Tab")
            page.keyboard.type(stage.PASSWORD)
            page.keyboard.press("Enter")
            claim = card(page).get_by_role("button", name="Claim 10 diamonds")
            expect(claim).to_be_visible()
            for _ in range(12):
                page.keyboard.press("Tab")
                if claim.evaluate("element => element === document.activeElement"):
                    break
            page.keyboard.press("Enter")
            expect(page.locator("#diamond")).to_have_text("10")
            # The button is gone, and the focus is still at its card.
            self.assertTrue(card(page).evaluate("element => element.contains(document.activeElement)"))

    def test_a_change_of_the_catalog_shows_on_an_open_page(self) -> None:
        name = f"Quest {time.time_ns():x}"
        reward = call("GET", "/rewards")["data"][0]["reward_id"]
        with self.context() as context:
            page = self.open_home(context, new_person())
            terms = {"name": name, "event_type": "Dance", "streak": 2, "duplication": 1, "reward_id": reward}
            made = call("POST", "/quests", terms, stage.admin())
            heading = page.get_by_role("heading", name=name)
            expect(heading).to_be_visible()
            call("DELETE", f"/quests/{made['quest_id']}", headers={**stage.admin(), "If-Match": "*"})
            expect(heading).to_have_count(0)

    def test_no_other_site_can_use_the_session(self) -> None:
        with self.context() as context:
            self.open_home(context, new_person())
            (cookie,) = context.cookies()
            answer = web.call(
                "POST", f"{stage.installation.base}/api/v1/logout",
                headers={"Cookie": f"{cookie['name']}={cookie['value']}", "Origin": "https://elsewhere.example"},
            )
            self.assertEqual(answer.status, 403)

    def id_of(self, name: str) -> str:
        (found,) = call("GET", f"/users?user_name={name}", headers=stage.admin())["data"]
        return found["user_id"]
