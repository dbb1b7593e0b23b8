"""What every test of the pages needs: people, a browser, and an eye on everything that it complains about."""

import contextlib
import re
import signal
import unittest
import uuid
from pathlib import Path
from typing import Any, Iterator

import processes
import web
from axe_playwright_python.sync_playwright import Axe
from installation import Installation
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

PASSWORD = "a good password"
# Debian's; Playwright's own is not needed.
CHROMIUM = "/usr/bin/chromium"
# What the issue calls within a second; the patience for everything else is a machine's under load.
PATIENCE = 15_000

installation: Installation
pictures: Path


def prepare(running: Installation, folder: Path) -> None:
    global installation, pictures
    installation, pictures = running, folder
    pictures.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE)


class PageTests(unittest.TestCase):
    """Each test has contexts of its own; whatever a page says on its console fails the test unless it was expected."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        # Tests may run as root, for whom Chromium's own sandbox does not start.
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        self.complaints: list[str] = []
        self.expected: list[str] = []

    def tearDown(self) -> None:
        unexpected = [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.expected)]
        self.assertEqual(unexpected, [], "what the browser complained about")

    @contextlib.contextmanager
    def context(self, width: int = 1280, scheme: str = "light", **options: Any) -> Iterator[BrowserContext]:
        context = self.browser.new_context(
            base_url=installation.base, viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        context.set_default_timeout(PATIENCE)
        context.on("page", self.watch)
        try:
            yield context
        finally:
            context.close()

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: self.complaints.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning") else None,
        )

    def tolerate(self, *patterns: str) -> None:
        """Chromium writes every answer from 400 on to the console, also those that a test brings about."""
        self.expected += patterns

    def sign_in(self, page: Page, name: str, password: str = PASSWORD) -> None:
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()

    def open_home(self, context: BrowserContext, name: str) -> Page:
        page = context.new_page()
        page.goto("/")
        self.sign_in(page, name)
        expect(page.locator("#pulse")).to_have_text("Live")
        expect(page.locator(".quest h3").first).to_be_visible()
        return page

    def open_console(self, context: BrowserContext, place: str = "overview") -> Page:
        page = context.new_page()
        page.goto(f"/console#/{place}")
        self.sign_in(page, "admin", installation.admin_password)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        return page

    def check_access(self, page: Page, what: str) -> None:
        """No rule of axe-core is broken."""
        results = Axe().run(page)
        found = [
            f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for violation in results.response["violations"] for node in violation["nodes"]
        ]
        self.assertEqual(found, [], what)

    def check_width(self, page: Page, what: str) -> None:
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        self.assertLessEqual(wide, 0, f"{what} is wider than the screen")


def new_person() -> str:
    """A name that has signed up and never signed in."""
    name = f"p-{uuid.uuid4().hex[:8]}"
    call("POST", "/users/signup", {"user_name": name, "password": PASSWORD})
    return name


def token_of(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": f"Bearer {installation.token(name, password)}"}


def admin() -> dict[str, str]:
    return token_of("admin", installation.admin_password)


def call(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    answer = web.call(method, f"{installation.base}/api/v1{path}", json_body=body, headers=headers)
    if not 200 <= answer.status < 300:
        raise AssertionError(f"{method} {path} answered {answer.status} {answer.body}")
    return answer.body


def report(user_id: str, count: int = 1, kind: str = "UserSignIn") -> None:
    """Sign-ins by another server."""
    events = [{"user_id": user_id, "type": kind}] * count
    call("POST", "/sign-ins", events, {"X-API-Key": installation.key})


def kill_front() -> None:
    """As a machine would lose it."""
    fleet = installation.fleet
    processes.stop(fleet.members["front"], (signal.SIGKILL, 10))


def start_front() -> None:
    installation.fleet.start_again("front")
    installation.fleet.wait_until("front", lambda: web.is_ready(installation.base))
