"""Every page in light and dark, on a phone and on a desk: pictures to look at, and the rules of axe-core on each."""

import stage
from playwright.sync_api import Page, expect
from resp import Redis
from stage import PageTests, call, report

WIDTHS, SCHEMES = (390, 1280), ("light", "dark")
QUESTS = (
    ("Week warrior", "UserSignIn", 7, 1, "gold", False, "Come back seven times."),
    ("Level climber", "LevelUp", 5, 10, "diamond", True, "Five levels, one diamond."),
    ("Guild helper", "HelpGiven", 4, 3, "gold", False, "Help four members of your guild."),
    ("Marathon", "UserSignIn", 30, 1, "gold", False, "Thirty sign-ins."),
)
PLACES = ("overview", "events", "people", "catalog", "dead-letters", "keys", "audit")


class PictureTests(PageTests):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.person = "mara"
        call("POST", "/users/signup", {"user_name": cls.person, "password": stage.PASSWORD})
        (found,) = call("GET", f"/users?user_name={cls.person}", headers=stage.admin())["data"]
        cls.person_id = found["user_id"]
        rewards = {item: cls.make("rewards", reward_name=name, reward_item=item, reward_qty=quantity)["reward_id"]
                   for name, item, quantity in (("A purse of gold", "gold", 250), ("One diamond", "diamond", 1))}
        for name, kind, streak, often, item, by_itself, about in QUESTS:
            cls.make("quests", name=name, event_type=kind, streak=streak, duplication=often, reward_id=rewards[item],
                     auto_claim=by_itself, description=about)
        report(cls.person_id, 5)
        report(cls.person_id, 13, "LevelUp")
        report(cls.person_id, 2, "HelpGiven")
        with Redis(stage.installation.environment["REDIS_URL"]) as redis:
            redis.command("XADD", "quest:signins", "*", "event_id", "4711", "type", "UserSignIn")

    @staticmethod
    def make(kind: str, **terms):
        return call("POST", f"/{kind}", terms, stage.admin())

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
                expect(page.locator("#view h1")).to_be_visible()
                expect(page.locator("#view [aria-busy]")).to_have_count(0)
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
