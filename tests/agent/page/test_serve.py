"""`linkdoctor serve` in a real browser: the page is live, and what a person did to it stays."""

import contextlib
import re
import socketserver
import threading

import pytest

from tests.agent.page.browser import axe_is_admitted, chromium, complaints, focused, names, tab
from tests.agent.server.serving import serve, write_plan

PATIENCE = 30_000
NEVER_LISTENS = 1


class Patient(socketserver.BaseRequestHandler):
    """Says nothing, and stays until the other end goes."""

    def handle(self):
        """One connection."""
        with contextlib.suppress(OSError):
            while self.request.recv(4096):
                pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Listening:
    """A server on loopback that accepts; it can be closed and opened again at its port."""

    def __init__(self):
        self._server = None
        self.open(0)
        self.port = self._server.server_address[1]

    def open(self, port=None):
        """Listen, at the port that it had."""
        self._server = _Server(("127.0.0.1", self.port if port is None else port), Patient)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        """Refuse from now on."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def browser():
    """Chromium, once for all of these."""
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def listening():
    """The target that breaks and recovers."""
    one = Listening()
    yield one
    one.close()


@pytest.fixture(scope="module")
def plan(tmp_path_factory, listening):
    """A plan of a target that works, and one that never did."""
    targets = [
        {"name": "orders", "address": f"127.0.0.1:{listening.port}", "service": "tcp", "group": "shop"},
        {"name": "nobody", "address": f"127.0.0.1:{NEVER_LISTENS}", "service": "tcp"},
    ]
    return write_plan(tmp_path_factory.mktemp("plan"), *targets, name="shop", interval="1s")


@pytest.fixture(scope="module")
def server(tmp_path_factory, plan):
    """The server, and where it keeps runs."""
    with serve(plan, state=tmp_path_factory.mktemp("state")) as one:
        one.wait("run", 2)
        yield one
        assert one.end() == 0


@pytest.fixture
def working(server, listening):
    """The target as it was, whatever a test did to it."""
    yield
    with contextlib.suppress(OSError):
        listening.open()


@contextlib.contextmanager
def opened(browser, server, fragment="", **options):
    """The page, live."""
    with tab(browser, **options) as page:
        page.goto(f"http://127.0.0.1:{server.port}/{fragment}")
        if options.get("java_script_enabled", True):
            page.locator("#link", has_text="live").wait_for(timeout=PATIENCE)
        yield page


def row(page, name):
    """A target's row."""
    return page.locator("#targets .row").filter(has=page.locator(f".n bdi:text-is('{name}')"))


def test_a_verdict_that_changes_is_seen_without_a_reload(browser, server, listening, working):
    """The row, the head, the finding, the title and the history change; what is open, typed and focused stays."""
    with opened(browser, server) as page:
        page.evaluate("window.same = true")
        page.set_viewport_size({"width": 1280, "height": 500})
        page.fill("#q", "127.0.0.1")
        row(page, "orders").locator("summary").click()
        row(page, "orders").locator("[data-kept] .fall").wait_for(timeout=PATIENCE)
        held = row(page, "orders").locator("summary").element_handle()
        assert names(page) == ["nobody", "orders"]
        top = held.bounding_box()["y"]
        assert page.evaluate("scrollY") > 0
        listening.close()
        page.locator("#targets .row.failing", has_text="orders").wait_for(timeout=PATIENCE)
        assert page.evaluate("window.same")
        assert held.evaluate("one => one.isConnected && one === document.activeElement && one.parentElement.open")
        assert held.bounding_box()["y"] == pytest.approx(top, abs=2)
        assert page.input_value("#q") == "127.0.0.1"
        assert "orders is failing" in page.locator("#say").inner_text()
        assert page.title().startswith("\u2717 shop, FAILING: 2 of 2 targets")
        assert page.locator(".card", has_text="orders").first.is_visible()
        page.locator("#happened tr", has_text="orders").first.wait_for(timeout=PATIENCE)
        listening.open()
        page.locator("#targets .row.healthy", has_text="orders").wait_for(timeout=PATIENCE)
        assert page.evaluate("window.same")


def test_it_asks_its_own_server_and_nobody_else(browser, server):
    """Also with details open, which are asked for when somebody looks."""
    with opened(browser, server) as page:
        row(page, "nobody").locator("summary").click()
        row(page, "nobody").locator("[data-kept] .way.wide").wait_for(timeout=PATIENCE)
        own = f"http://127.0.0.1:{server.port}/"
        assert all(address.startswith((own, "data:")) for address in page.asked)


def test_axe_finds_nothing_serious(browser, server):
    """The page, and the one about a target."""
    with opened(browser, server, **axe_is_admitted()) as page:
        row(page, "nobody").locator("summary").click()
        row(page, "nobody").locator("[data-kept]").wait_for(timeout=PATIENCE)
        about = row(page, "nobody").locator("details").get_attribute("data-from")
        assert complaints(page) == []
        page.goto(f"http://127.0.0.1:{server.port}/{about}")
        assert complaints(page) == []


def test_without_a_script_a_target_has_a_page_of_its_own(browser, server):
    """What is fetched into a row otherwise is behind a link."""
    with opened(browser, server, java_script_enabled=False) as page:
        row(page, "nobody").locator("summary").click()
        row(page, "nobody").locator(".fetch a").click()
        assert page.locator("h1").inner_text() == "nobody"
        assert page.locator("#detail svg.way.wide .stop.broken").is_visible()
        assert page.locator(".card", has_text="nobody").is_visible()
        page.locator(".brand").click()
        assert page.url.startswith(f"http://127.0.0.1:{server.port}/#t-")


def test_a_run_that_is_kept_has_a_page(browser, server):
    """A change of verdict leads to the run that found it; its JSON is there too."""
    with opened(browser, server) as page:
        json = page.locator("#head a[href^='api/runs/']").get_attribute("href")
        run = json.rpartition("/")[2]
        status, _, _ = server.ask(f"/{json}")
        page.goto(f"http://127.0.0.1:{server.port}/run/{run}")
        assert page.locator("h1").inner_text() == "shop"
        assert page.locator(".headline").inner_text().startswith("\u2717 FAILING")
        assert status == 200
    assert server.ask("/run/r-0")[0] == 404
    assert server.ask("/run/%3Cscript%3E")[0] == 404


def test_the_policy_admits_its_own_script_alone(server):
    """A nonce of its own for each answer, and no other source of anything."""
    policies = []
    for _ in range(2):
        status, headers, body = server.ask("/")
        assert status == 200
        policies.append(headers["Content-Security-Policy"])
        [nonce] = set(re.findall(rb'nonce="([^"]*)"', body))
        assert f"script-src 'nonce-{nonce.decode()}';" in policies[-1]
    assert policies[0] != policies[1]
    assert all("unsafe" not in policy and policy.startswith("default-src 'none';") for policy in policies)


def test_what_no_page_would_ask_for_is_refused(server):
    """Keys and versions have one form."""
    assert server.ask("/target?key=%3Cscript%3E")[0] == 400
    assert server.ask("/target?key=t-000000000000")[0] == 404
    assert server.ask("/page/events?since=-1")[0] == 400


def test_a_server_that_ends_and_begins_again_is_seen(browser, plan, tmp_path):
    """The page says that it lost the connection, and goes on by itself when there is a server again."""
    with contextlib.ExitStack() as stack:
        with serve(plan, state=tmp_path) as first:
            first.wait("run")
            port = first.port
            page = stack.enter_context(tab(browser, quiet=False))
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("#link", has_text="live").wait_for(timeout=PATIENCE)
            page.evaluate("window.same = true")
            before = int(page.evaluate("document.body.dataset.live"))
            first.end()
            page.locator("#link.lost").wait_for(timeout=PATIENCE)
        with serve(plan, state=tmp_path, listen=f"127.0.0.1:{port}"):
            page.locator("#link:not(.lost)").wait_for(timeout=PATIENCE)
            page.wait_for_function(
                "before => Number(document.body.dataset.live) > before", arg=before, timeout=PATIENCE
            )
            assert page.evaluate("window.same")
            assert len(names(page)) == 2
            assert focused(page) == ""
