"""Names as long as they may be, and as people write them who try what a page does with them."""

import uuid

import stage
from playwright.sync_api import Page, expect
from stage import PageTests, call, report

NOTE = "<img src=x onerror=alert(1)><script>alert(1)</script>"


class StrangeTests(PageTests):
    def test_what_people_write_is_text_and_fits(self) -> None:
        mark = uuid.uuid4().hex
        name = f"{NOTE}{mark}".ljust(255, "x")
        person = call("POST", "/users/signup", {"user_name": name, "password": stage.PASSWORD})["user_id"]
        reward = call("GET", "/rewards")["data"][0]["reward_id"]
        terms = {"name": name, "description": "y" * 300, "event_type": "Strange", "streak": 1, "duplication": 2, "reward_id": reward}
        quest = f"/quests/{call('POST', '/quests', terms, stage.admin())['quest_id']}"
        report(person, 1, "Strange")
        correction = {"kind": "correction", "ref": "r" * 100, "item": "gold", "amount": 1, "note": NOTE}
        call("POST", f"/users/{person}/wallet/entries", correction, stage.admin())
        try:
            for width in (390, 1280):
                with self.context(width) as context:
                    page = self.open_home(context, name)
                    expect(page.get_by_role("heading", name=mark)).to_be_visible()
                    expect(page.locator("#account-name")).to_have_text(name)
                    self.is_plain(page, f"home-{width}")
                with self.context(width) as context:
                    page = self.open_console(context, "people")
                    expect(page.get_by_role("link", name=mark)).to_be_visible()
                    self.is_plain(page, f"people-{width}")
                    page.get_by_role("link", name=mark).click()
                    expect(page.locator(".why .card").filter(has_text=mark)).to_be_visible()
                    expect(page.locator("#view [aria-busy]")).to_have_count(0)
                    self.is_plain(page, f"person-{width}")
                    page.get_by_role("button", name="Ban", exact=True).click()
                    self.is_plain(page, f"ban-{width}")
                    page.get_by_role("button", name="Cancel").click()
                    page.goto("/console#/catalog")
                    page.get_by_role("button", name=f"Edit {NOTE}{mark}").click()
                    expect(page.get_by_role("dialog")).to_be_visible()
                    self.is_plain(page, f"edit-{width}")
                    page.goto("/console#/audit")
                    expect(page.get_by_role("region", name="Audit log")).to_contain_text(mark)
                    self.is_plain(page, f"audit-{width}")
        finally:
            call("DELETE", quest, headers={**stage.admin(), "If-Match": "*"})

    def is_plain(self, page: Page, what: str) -> None:
        """Nothing became an element, and nothing is wider than its place."""
        self.assertEqual(page.locator("img:not(.brand img), script:not([src])").count(), 0, what)
        self.check_width(page, what)
        wide = page.evaluate(
            "[...document.querySelectorAll('dialog, .card, .head, .wide')].filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => `${box.className} ${box.scrollWidth}`)"
        )
        self.assertEqual(wide, [], what)
