"""Every page in light and dark, on a phone and on a desk: pictures to look at, and the rules of axe-core on each."""

import stage
from playwright.sync_api import Page, expect
from stage import PageTests, call, new_person, report

WIDTHS, SCHEMES = (390, 1280), ("light", "dark")
PLACES = ("overview", "events", "people", "catalog", "dead-letters", "keys", "audit")


class PictureTests(PageTests):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.person = new_person()
        (found,) = call("GET", f"/users?user_name={cls.person}", headers=stage.admin())["data"]
        cls.person_id = found["user_id"]
        report(cls.person_id, 5)

    def test_the_way_in(self) -> None:
        for width, scheme, context in self.contexts():
            page = context.new_page()
            page.goto("/")
            expect(page.locator("#entry")).to_be_visible()
            self.look(page, f"entry-{width}-{scheme}")

    def test_the_players_page(self) -> None:
        for width, scheme, context in self.contexts():
            page = self.open_home(context, self.person)
            # The celebration is over.
            expect(page.locator(".spark")).to_have_count(0)
            self.look(page, f"player-{width}-{scheme}")

    def test_the_console(self) -> None:
        for width, scheme, context in self.contexts():
            page = self.open_console(context)
            for place in PLACES:
                page.goto(f"/console#/{place}")
                expect(page.locator(f'#nav a[href="#/{place}"]')).to_have_attribute("aria-current", "page")
                expect(page.locator("#view [aria-busy]")).to_have_count(0)
                expect(page.locator("#view h1")).to_be_visible()
                self.look(page, f"console-{place}-{width}-{scheme}")
            page.goto(f"/console#/person/{self.person_id}")
            expect(page.locator(".why .card").first).to_be_visible()
            expect(page.locator("#view [aria-busy]")).to_have_count(0)
            self.look(page, f"console-person-{width}-{scheme}")
            page.goto("/console#/catalog")
            page.get_by_role("button", name="Edit UserSignIn").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            self.look(page, f"console-edit-{width}-{scheme}", full=False)

    def contexts(self):
        for width in WIDTHS:
            for scheme in SCHEMES:
                with self.context(width, scheme) as context:
                    yield width, scheme, context

    def look(self, page: Page, name: str, full: bool = True) -> None:
        page.screenshot(path=stage.pictures / f"{name}.png", full_page=full, animations="disabled")
        self.check_width(page, name)
        self.check_access(page, name)
