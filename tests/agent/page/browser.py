"""Debian's Chromium under Playwright: pages on which nothing may go unnoticed, and what axe finds in them."""

import contextlib

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.tls_servers import program

WIDTHS = {"desk": 1280, "tablet": 768, "phone": 360}
# No name leads anywhere: whatever a page asked of another host fails, and is seen.
_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
_WORRYING = ("serious", "critical")


@contextlib.contextmanager
def chromium():
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def tab(browser, *, width="desk", scheme="light", quiet=True, **options):
    """A page in a profile of its own. ``quiet``: what it writes to the console, and every error in it, is a failure.

    ``tab.asked`` are the addresses that it asked for.
    """
    size = {"width": WIDTHS[width], "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, **options)
    said, asked = [], []
    try:
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.asked = asked
        yield page
        if quiet:
            assert said == []
    finally:
        context.close()


def complaints(page):
    """What axe finds that is serious, in a page of which everything is open."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = Axe().run(page).response["violations"]
    return [
        f"{one['impact']}: {one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in _WORRYING
        for node in one["nodes"]
    ]


def axe_is_admitted():
    """Axe comes as a script of its own, which the pages' policy keeps out: for its sake the policy is put aside."""
    return {"bypass_csp": True}


def names(page, region="targets"):
    """The names of the rows that are shown."""
    return page.eval_on_selector_all(
        f"[data-region={region}] .row:not([hidden]) .n", "rows => rows.map(row => row.textContent.trim())"
    )


def focused(page):
    """The key of the finding or row that has the focus; "" where it is elsewhere."""
    return page.evaluate("document.activeElement.closest('[data-v]')?.id ?? ''")
