"""``--format html`` in a real browser: one file, that asks for nothing, reads without a script, and can be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports.diagnose import conclude
from reports.document import dumps
from reports.model import Job, Plan, Run, Target, Vantage
from reports.render import html
from tests.agent.page.browser import axe_is_admitted, chromium, complaints, focused, names, tab
from tests.reports import ramps, samples
from tests.reports.building import STARTED
from tests.reports.render.html.shown import HOSTILE, renamed
from tests.reports.sweeps import VSWITCH_B, lively, observed
from tests.reports.test_comparison import VPC_HOST, compared, fine, nightly

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"


def measured():
    """A report with a saturation and a sweep."""
    plan = Plan(
        name="crowded",
        targets=(Target(name=ramps.TARGET, host="10.10.2.30", port=3306, service="mysql"),),
        networks=(VSWITCH_B,),
        job=Job(instances=20, connections=4),
    )
    states = {**lively(30, 31, 32, 40, 41, 42), "9083": {"o": [30]}}
    run = Run(id="r-1", started=STARTED, duration_s=9.0, linkdoctor="0.1.0", plan=plan)
    return conclude(run, Vantage(), [*ramps.capped(), *observed(VSWITCH_B, states, own="10.10.2.5")])


PAGES = {
    "nightly": lambda: html.render([samples.nightly()]),
    "wide": lambda: html.render([samples.no_eni(5), samples.nightly()]),
    "healthy": lambda: html.render([samples.healthy()], before=samples.nightly()),
    "measured": lambda: html.render([measured()]),
    "compared": lambda: html.render_comparison(compared(nightly(1), fine(2, vantage=VPC_HOST))),
}


@pytest.fixture(scope="module")
def browser():
    """Chromium, once for all of these."""
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The pages, as files."""
    place = tmp_path_factory.mktemp("pages")
    for name, render in PAGES.items():
        (place / f"{name}.html").write_text(render())
    return place


def at(folder, name, fragment=""):
    """The address of a page."""
    return f"file://{folder}/{name}.html{fragment}"


def test_what_the_command_writes_asks_for_nothing(browser, tmp_path):
    """One file, from the command itself: the browser asks for it and for nothing else, and does not complain."""
    (tmp_path / "saved.json").write_text(dumps(samples.nightly()))
    arguments = ("diagnose", "saved.json", "--format", "html", "--output", "page.html")
    environment = {"PATH": os.environ["PATH"]}
    subprocess.run([LINKDOCTOR, *arguments], cwd=tmp_path, env=environment, timeout=60, check=False)
    with tab(browser) as page:
        page.goto(at(tmp_path, "page"))
        assert page.title() == "\u2717 nightly-etl, FAILING: 1 of 6 targets, 3.2 s"
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        page.wait_for_load_state("networkidle")
        others = [address for address in page.asked if not address.startswith("data:")]
        assert others == [at(tmp_path, "page")]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, folder, name, scheme):
    """Landmarks, names, order, contrast, in both schemes, with everything open."""
    with tab(browser, scheme=scheme, **axe_is_admitted()) as page:
        page.set_viewport_size({"width": 1280, "height": 6000})
        page.goto(at(folder, name))
        assert complaints(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_at_phone_width_nothing_sticks_out(browser, folder, name):
    """Nobody scrolls sideways at 360 pixels, and the way stands upright."""
    with tab(browser, width="phone") as page:
        page.goto(at(folder, name))
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for way in page.query_selector_all(".card .path"):
            assert way.query_selector(".tall").is_visible()
            assert not way.query_selector(".wide").is_visible()


def test_without_a_script_everything_can_be_read(browser, folder):
    """Findings, the way as a picture, rows that open; and no control that would do nothing."""
    with tab(browser, java_script_enabled=False) as page:
        page.goto(at(folder, "nightly"))
        card = page.locator(".card").first
        for words in ("estination's security group drops", "3 SYNs to 10.10.2.30:9083", "protocol TCP, port 9083"):
            assert words in card.inner_text()
        assert card.locator("svg.way.wide .stop.broken").is_visible()
        assert not page.locator("#find").is_visible()
        assert not page.locator(".copy").first.is_visible()
        row = page.locator("#targets .row", has_text="namenode")
        assert not row.locator(".fall").is_visible()
        row.locator("summary").click()
        assert row.locator(".fall").is_visible()
        assert "need JavaScript" in page.locator("footer").inner_text()


def test_the_copy_button_copies_the_statement(browser, folder):
    """Line by line what is shown, and it says that it did."""
    with tab(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(at(folder, "wide"))
        button = page.locator(".card .copy").first
        shown = page.locator(".card .snippet code").first.inner_text()
        button.click()
        page.wait_for_function("document.querySelector('.card .copy').textContent === 'Copied'")
        assert page.evaluate("navigator.clipboard.readText()") == shown
        assert page.locator("#say").inner_text() == "copied"


def test_where_there_is_no_clipboard_it_copies_all_the_same(browser, folder):
    """A page that is served without TLS has none: the old way serves."""
    with tab(browser, permissions=["clipboard-read"]) as page:
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
        page.goto(at(folder, "nightly"))
        page.locator(".card .copy").first.click()
        page.wait_for_function("document.querySelector('.card .copy').textContent === 'Copied'")
        page.evaluate("delete navigator.clipboard")
        shown = page.locator(".card .snippet code").first.inner_text()
        assert page.evaluate("navigator.clipboard.readText()") == shown


def test_search_and_filters_are_in_the_address_and_come_back_with_it(browser, folder):
    """What one sees can be sent to somebody else; Esc shows everything again."""
    with tab(browser) as page:
        page.goto(at(folder, "nightly"))
        assert len(names(page)) == 6
        page.keyboard.press("/")
        page.keyboard.type("datanode")
        assert names(page) == ["datanode1", "datanode2", "datanode3"]
        assert page.locator("#shown").inner_text() == "3 of 6 targets"
        assert page.locator(".card:visible").count() == 0
        shared = page.url
        assert shared.endswith("#q=datanode")
        page.keyboard.press("Escape")
        assert len(names(page)) == 6
        assert page.url == at(folder, "nightly")
        page.click("[data-verdict=failing]")
        assert names(page) == ["metastore"]
        page.select_option("#by-cause", "sg_drop")
        assert page.url.endswith("#verdict=failing&cause=sg_drop")
        page.click("#clear")
        page.select_option("#by-group", "hadoop")
        assert names(page) == ["metastore", "namenode"]
        page.goto("about:blank")
        page.goto(shared)
        assert names(page) == ["datanode1", "datanode2", "datanode3"]
        assert page.input_value("#q") == "datanode"
        page.fill("#q", "no such thing")
        assert page.locator("#none").is_visible()


def test_everything_can_be_done_with_the_keyboard(browser, folder):
    """J and k go through findings and targets, Enter opens, ? tells of it; and whoever wants none switches them off."""
    with tab(browser) as page:
        page.goto(at(folder, "nightly"))
        page.keyboard.press("j")
        assert focused(page).startswith("f-")
        page.keyboard.press("Enter")
        assert page.locator(".card details.more").evaluate("one => one.open")
        page.keyboard.press("j")
        page.keyboard.press("j")
        key = focused(page)
        assert page.locator(f"#{key} .n").inner_text() == "namenode"
        assert page.url.endswith(f"#at={key}")
        page.keyboard.press("Enter")
        assert page.locator(f"#{key} details").evaluate("one => one.open")
        page.keyboard.press("k")
        assert page.locator(f"#{focused(page)} .n").inner_text() == "metastore"
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.uncheck("#single")
        page.keyboard.press("Escape")
        assert not page.locator("#help").is_visible()
        before = focused(page)
        page.keyboard.press("j")
        assert focused(page) == before


def test_a_link_to_a_target_opens_it(browser, folder):
    """From the list of a finding, and from the address that somebody sent."""
    with tab(browser) as page:
        page.goto(at(folder, "nightly"))
        key = page.locator("#targets .row", has_text="oss").get_attribute("id")
        page.goto("about:blank")
        page.goto(at(folder, "nightly", f"#{key}"))
        page.wait_for_function("key => document.getElementById(key).firstElementChild.open", arg=key)
        assert focused(page) == key


def test_light_and_dark_follow_the_system_and_the_switch(browser, folder):
    """The system decides until a person does, and that stays."""

    def ground(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    with tab(browser, scheme="light") as page:
        page.goto(at(folder, "nightly"))
        light = ground(page)
    with tab(browser, scheme="dark") as page:
        page.goto(at(folder, "nightly"))
        dark = ground(page)
        page.click("#theme")
        assert (page.locator("#theme").inner_text(), ground(page)) == ("Light", light)
        page.reload()
        assert ground(page) == light
        page.click("#theme")
        assert ground(page) == dark
    assert light != dark


def test_on_paper_there_is_what_is_wrong_and_no_controls(browser, folder):
    """Printed from a dark screen it is dark on light."""
    with tab(browser, scheme="dark") as page:
        page.goto(at(folder, "nightly"))
        page.emulate_media(media="print")
        assert not page.locator("#find").is_visible()
        assert not page.locator(".tools").is_visible()
        assert page.locator(".card .fall").first.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_hostile_names_do_nothing(browser, tmp_path):
    """All of them at once: no script of theirs runs, nothing is asked for, the page works, and fits a phone."""
    report = samples.nightly()
    for target, name in zip(report.targets, HOSTILE, strict=False):
        report = renamed(report, target.name, name)
    reports = [renamed(samples.nightly(), "metastore", name) for name in HOSTILE]
    (tmp_path / "hostile.html").write_text(html.render([report, *reports]))
    with tab(browser, width="phone") as page:
        page.goto(at(tmp_path, "hostile"))
        page.keyboard.press("j")
        assert focused(page).startswith("f-")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert [address for address in page.asked if not address.startswith("data:")] == [at(tmp_path, "hostile")]


def test_of_many_only_what_is_seen_is_laid_out(browser, tmp_path):
    """A thousand targets: those out of sight cost nothing until they come into it, and a search finds them."""
    (tmp_path / "many.html").write_text(html.render([samples.no_eni(1000)]))
    with tab(browser) as page:
        page.goto(at(tmp_path, "many"))
        seen = (
            "rows => rows.filter(row => row.querySelector('.n').checkVisibility({contentVisibilityAuto: true})).length"
        )
        laid_out = page.eval_on_selector_all("#targets .row", seen)
        assert page.locator("#targets .row").count() == 1001
        assert laid_out < 200
        page.fill("#q", "worker-0934")
        assert names(page) == ["worker-0934"]
