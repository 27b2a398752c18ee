"""A browser on the web interface of the house that did the main job.

`TEST_BROWSER=required` fails where there is no Chromium instead of skipping.
`TEST_HOUSE=.local` uses a house that runs already.
"""

import asyncio
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bench.jobs import access
from local.demo.api import Api
from local.home import ROOT, read_state

AXE = ROOT / "services/gateway/assets/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")
# A rule says how bad what it finds is: those whose findings are no concern here need not run.
_AXE = f"""
    axe.run(document, {{
        resultTypes: ["violations"],
        rules: Object.fromEntries(axe._audit.rules
            .filter(it => !{json.dumps(SERIOUS)}.includes(it.impact))
            .map(it => [it.id, {{enabled: false}}])),
    }}).then(found => JSON.stringify(found.violations))
"""
SECONDS = 20_000
MAIL_SECONDS = 60.0
PHONE, DESKTOP, HEIGHT = 390, 1280, 900
# A pixel is left out, which is rounding.
_CUT = """
    [...document.querySelectorAll("main *")].filter(it => {
        const style = getComputedStyle(it)
        return style.overflowX === "hidden" && style.textOverflow !== "ellipsis" &&
            it.clientWidth > 1 && it.scrollWidth > it.clientWidth + 1 && it.checkVisibility()
    }).map(it => it.outerHTML.slice(0, 80))
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(300))


@dataclass(frozen=True)
class Staff:
    """Where the interface is, who signs in, and where the sandbox shows what was sent."""

    url: str
    email: str
    password: str
    inbox_url: str


@pytest.fixture(scope="session")
def home(request: pytest.FixtureRequest) -> Path:
    """The folder of the house."""
    running = os.environ.get("TEST_HOUSE")
    found: Path = ROOT / running if running else request.getfixturevalue("house").home
    return found


@pytest.fixture(scope="session")
def staff(home: Path) -> Staff:
    state = read_state(home)
    password = Path(state["first_password_file"]).read_text().strip()
    return Staff(state["gateway_url"], state["first_user"], password, state["inbox_url"])


@pytest.fixture
async def api(home: Path) -> AsyncIterator[Api]:
    """The REST API as a program of the house calls it."""
    async with Api(access(read_state(home))) as api:
        yield api


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        said = "NO CHROMIUM ON THIS MACHINE: the web interface is not tested in a browser"
        if os.environ.get("TEST_BROWSER") == "required":
            pytest.fail(said)
        pytest.skip(said)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def signed_in(browser: Browser, staff: Staff) -> Any:
    """The cookies of somebody who is signed in."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{staff.url}/sign-in")
    await page.fill("#email", staff.email)
    await page.fill("#password", staff.password)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{staff.url}/")
    cookies = await context.storage_state()
    await context.close()
    return cookies


@dataclass
class Desk:
    """A page of somebody signed in; `troubles` is what the browser complained of."""

    page: Page
    url: str
    troubles: list[str] = field(default_factory=list)

    async def open(self, path: str) -> int:
        """Go to a page of ours and return its status."""
        self.troubles.clear()
        answer = await self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    async def text(self, selector: str = "main") -> str:
        """Return what is to be read there."""
        return await self.page.inner_text(selector)

    async def press(self, name: str) -> None:
        """Press the button of that name in the page and wait for the next page."""
        async with self.page.expect_navigation():
            await self.page.get_by_role("main").get_by_role("button", name=name).first.click()

    async def resize(self, width: int) -> None:
        """Make the window so wide."""
        if width != self.wide:
            await self.page.set_viewport_size({"width": width, "height": HEIGHT})

    @property
    def wide(self) -> int:
        """How wide the window is."""
        size = self.page.viewport_size
        assert size is not None
        return size["width"]

    async def width(self) -> int:
        """Return how wide the page is, what is scrolled to included."""
        wide: int = await self.page.evaluate("document.documentElement.scrollWidth")
        return wide

    async def cut(self) -> list[str]:
        """Return what hides a part of what is in it, unless it says so with an ellipsis."""
        found: list[str] = await self.page.evaluate(_CUT)
        return found

    async def findings(self) -> list[str]:
        """Return what axe finds serious or critical."""
        # Past the page's policy, which rightly forbids code made from text.
        session = await self.page.context.new_cdp_session(self.page)
        if not await self.page.evaluate("'axe' in window"):
            await session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
        answer = await session.send("Runtime.evaluate", {"expression": _AXE, "awaitPromise": True})
        await session.detach()
        return [
            f"{it['id']}: {[node['target'] for node in it['nodes']]}"
            for it in json.loads(answer["result"]["value"])
            if it["impact"] in SERIOUS
        ]


async def fits(desk: Desk, *, axe: bool = True, first: int = PHONE) -> None:
    """The page that is open fits a phone and a desk; with `axe` it is accessible on both too."""
    for width in sorted((PHONE, DESKTOP), key=lambda it: it != first):
        await desk.resize(width)
        if axe:
            assert await desk.findings() == [], desk.page.url
        assert await desk.width() <= width, desk.page.url
        assert await desk.cut() == [], desk.page.url


async def mailed(inbox_url: str, address: str, path: str) -> str:
    """The one link to `path` (`/p/`) in the mails that the sandbox got, once it is there."""
    deadline = time.monotonic() + MAIL_SECONDS
    async with aiohttp.ClientSession(inbox_url) as http:
        while time.monotonic() < deadline:
            query = {"channel": "email", "q": address}
            async with http.get("/api/messages", params=query) as answer:
                found = (await answer.json())["items"]
            links: list[str] = []
            for it in found:
                async with http.get(f"/api/messages/{it['seq']}") as answer:
                    text = (await answer.json())["text"]
                links += re.findall(rf"http\S+{path}\S+", text)
            if links:
                assert len(links) == 1, f"several mails to {address} lead to {path}"
                return links[0]
            await asyncio.sleep(0.2)
    raise TimeoutError(f"no mail to {address} leads to {path}")


async def looked_at(desk: Desk, path: str) -> None:
    """A page fits in both languages and breaks no policy."""
    for language in ("vi", "en"):
        joined = "&" if "?" in path else "?"
        assert await desk.open(f"{path}{joined}lang={language}") == 200
        await fits(desk, axe=language == "vi")  # both have the same markup
        assert desk.troubles == [], (path, language)


async def person(desk: Desk, name: str, *, phone: str = "", email: str = "") -> str:
    """Write down a person; return the id."""
    await desk.open("/contacts/new")
    await desk.page.fill("[name=display_name]", name)
    await desk.page.fill("[name='phones[0].number']", phone)
    await desk.page.fill("[name='emails[0].address']", email)
    await desk.press("Save")
    return desk.page.url.rpartition("/")[2]


async def _desk(
    browser: Browser, staff: Staff, cookies: Any, language: str, width: int = DESKTOP
) -> tuple[BrowserContext, Desk]:
    context = await browser.new_context(
        storage_state=cookies,
        viewport={"width": width, "height": HEIGHT},
        reduced_motion="reduce",
    )
    context.set_default_timeout(SECONDS)
    await context.add_cookies([{"name": "lang", "value": language, "url": staff.url}])
    desk = Desk(await context.new_page(), staff.url)
    await _without_frame(desk.page)
    desk.page.on(
        "console", lambda said: desk.troubles.append(said.text) if said.type == "error" else None
    )
    desk.page.on("pageerror", lambda error: desk.troubles.append(str(error)))
    return context, desk


async def _without_frame(page: Page) -> None:
    """Leave out tabs and address, which are drawn at each step of each load."""
    session = await page.context.new_cdp_session(page)
    window = await session.send("Browser.getWindowForTarget")
    full = {"windowId": window["windowId"], "bounds": {"windowState": "fullscreen"}}
    await session.send("Browser.setWindowBounds", full)
    await session.detach()


@pytest.fixture
async def desk(browser: Browser, staff: Staff, signed_in: Any) -> AsyncIterator[Desk]:
    """A desk in English."""
    context, desk = await _desk(browser, staff, signed_in, "en")
    yield desk
    await context.close()


@pytest.fixture
async def phone(browser: Browser, staff: Staff) -> AsyncIterator[Desk]:
    """The phone of somebody who has no account, in Vietnamese."""
    context, phone = await _desk(browser, staff, None, "vi", PHONE)
    yield phone
    await context.close()


@pytest.fixture(scope="session", params=["vi", "en"])
async def any_desk(
    request: pytest.FixtureRequest, browser: Browser, staff: Staff, signed_in: Any
) -> AsyncIterator[Desk]:
    """A desk of each language: what one opens on a phone the other opens on a desk."""
    width = PHONE if request.param == "vi" else DESKTOP
    context, desk = await _desk(browser, staff, signed_in, request.param, width)
    yield desk
    await context.close()
