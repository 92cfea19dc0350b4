"""The page of 2,000 targets with 30 days of history: until Chromium has drawn it, how it scrolls, filters and changes.

The goals are those of a person who looks. The page comes from a server on loopback, and the change is what a run leaves
that found another latency everywhere and a few other verdicts.
"""

import http.server
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

from attrs import evolve
from playwright.sync_api import sync_playwright

from benchmarks.diagnose import observed
from benchmarks.measure import CannotRun, Result
from reports.diagnose import conclude
from reports.history import BIT, Strip, Strips
from reports.model import FAILING, HEALTHY, Report, Run, Vantage
from reports.render.html import LivePage, Shown, State, policy

_TARGETS, _CELLS, _DAY = 2_000, 60, 86_400
_BROKEN = 97
_TIMES = 5
_GOAL_DRAWN_S, _GOAL_ACT_S = 1.0, 0.2

_SCROLL = """async () => {
  const next = () => new Promise((done) => requestAnimationFrame(done));
  await next();
  const frames = [];
  for (let last = performance.now(), step = 0; step < 90; step += 1) {
    scrollBy(0, 300);
    await next();
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""
_DRAWN = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now();
}"""
_FILTERED = """async () => {
  const begun = performance.now(), search = document.getElementById("q");
  search.value = ":9083 10.0.9";
  search.dispatchEvent(new Event("input"));
  document.body.getBoundingClientRect();
  return performance.now() - begun;
}"""
_LONGEST = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration);
  }).observe({ entryTypes: ["longtask"] });
}"""


def run() -> Iterator[Result]:
    """See the module."""
    if shutil.which("chromium") is None:
        raise CannotRun("chromium is not installed")
    page, states = LivePage(), [_state(number) for number in range(2)]
    drawn = [_taken(lambda state=state: page.update(state)) for state in states]
    before = page.version - 1
    yield Result(what=f"a page of {_TARGETS:,} targets drawn by the server: s", measured=drawn[0])
    yield Result(
        what="the same again after a run: s", measured=drawn[1], detail=f"{len(page.patch(before)):,} bytes to tell"
    )
    with _Serving(page, before) as address:
        yield from _looked_at(address, before)


def _taken(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _looked_at(address: str, before: int) -> Iterator[Result]:
    drawn, frames, filtered, changed = [], [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for _ in range(_TIMES):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(address)
            drawn.append(tab.evaluate(_DRAWN) / 1e3)
            frames += tab.evaluate(_SCROLL)
            filtered.append(tab.evaluate(_FILTERED) / 1e3)
            tab.evaluate(_LONGEST)
            tab.request.get(address + "change")
            tab.wait_for_function("before => Number(document.body.dataset.live) > before", arg=before)
            tab.wait_for_timeout(200)
            changed.append(tab.evaluate("window.longest") / 1e3)
            tab.close()
        browser.close()
    frames.sort()
    yield Result(
        what=f"{_TARGETS:,} targets, 30 days: s until drawn in Chromium",
        measured=statistics.median(drawn),
        goal=_GOAL_DRAWN_S,
        detail=", ".join(f"{one:.2f}" for one in drawn),
    )
    yield Result(
        what="scrolled through: ms a frame of 300 pixels, the median",
        measured=statistics.median(frames),
        detail=f"95 % below {frames[len(frames) * 95 // 100]:.0f} ms, without a graphics processor",
    )
    yield Result(what="a search: s until its rows are laid out", measured=statistics.median(filtered), goal=_GOAL_ACT_S)
    yield Result(
        what="a run that changes all rows: s that the page is busy",
        measured=statistics.median(changed),
        goal=_GOAL_ACT_S,
    )


class _Serving:
    """A server of the page as it was before the last change, which tells of that when it is asked to."""

    def __init__(self, page: LivePage, before: int) -> None:
        was = LivePage(before - 1)
        was.update(_state(0))
        told, change = page.patch(before), threading.Semaphore(0)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/page/events"):
                    self._head("text/event-stream")
                    change.acquire(timeout=60)
                    self.wfile.write(f"id: 1\nevent: page\ndata: {told}\n\n".encode())
                elif self.path == "/change":
                    self._head("text/plain")
                    change.release()
                else:
                    self._head("text/html; charset=utf-8", policy("n"))
                    self.wfile.write(was.html("n").encode())

            def _head(self, kind: str, policed: str = "default-src 'none'") -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Security-Policy", policed)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _state(number: int) -> State:
    """A server's state after a run: every target is a little slower than in the one before, and others are broken."""
    report = _report(number)
    rows = tuple(Strip(target=one.name, cells=_cells(place)) for place, one in enumerate(report.targets))
    strips = Strips(since=0.0, width_s=30 * _DAY // _CELLS, rows=rows)
    return State(plans=(Shown(name="benchmark", report=report, strips=strips, interval_s=60.0),))


def _report(number: int) -> Report:
    plan, seen = observed(_TARGETS, lambda index: index % _BROKEN == number)
    slower = [evolve(one, duration_s=one.duration_s * (1 + 0.3 * number)) for one in seen]
    run = Run(id=f"r-{number}", started=1e9 + 60 * number, duration_s=4.0, linkdoctor="", plan=plan)
    return conclude(run, Vantage(addresses=("10.0.0.2/8%eth0",)), slower)


def _cells(place: int) -> bytes:
    cells = bytearray([BIT[HEALTHY]] * _CELLS)
    for cell in range(place % 11, _CELLS, 17):
        cells[cell] = BIT[FAILING] if (cell + place) % 3 else 0
    return bytes(cells)
