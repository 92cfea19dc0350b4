"""Whole documents: what stands around the pieces, and the policy under which a browser shows them."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from urllib.parse import quote

from markupsafe import Markup

from reports import __version__, again, words
from reports.comparison.model import Comparison
from reports.model import Report
from reports.render.html import nouns
from reports.render.html.data import Board
from reports.render.html.pieces import MARKS, Drawer, Region
from reports.render.html.state import Shown, State

_POLICY = (
    "default-src 'none'; script-src {source}; style-src {style}; img-src data:; connect-src {connect}; "
    "base-uri 'none'; form-action 'none'"
)
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="none" stroke="{colour}" stroke-width="2.4"'
    ' stroke-linecap="round" d="M2 8h4m4 0h4"/><circle cx="8" cy="8" r="3" fill="{colour}"/></svg>'
)
_COLOURS = {"failing": "#c4221f", "degraded": "#b97800", "undetermined": "#6b3fb5", "healthy": "#1c7a3d"}


def render(reports: Sequence[Report], *, before: Report | None = None, comparison: Comparison | None = None) -> str:
    """The page of some reports as one file. ``before``: what a single one is compared with."""
    plans = [
        Shown(
            name=report.run.plan.name,
            report=report,
            changes=again.compare(before, report) if before is not None else None,
        )
        for report in reports
    ]
    return _file(State(plans=tuple(plans), comparison=comparison))


def render_comparison(comparison: Comparison) -> str:
    """The page of what several reports prove together, as one file."""
    return _file(State(plans=(), comparison=comparison))


def policy(nonce: str) -> str:
    """The Content-Security-Policy of a served page: its own script and style, its own server, and nothing else."""
    source = f"'nonce-{nonce}'"
    return _POLICY.format(source=source, style=source, connect="'self'") + "; frame-ancestors 'none'"


def served(
    drawer: Drawer,
    page: nouns.Page,
    regions: Mapping[str, Region],
    nonce: str,
    *,
    live: str = "",
    back: str = "",
) -> str:
    """A document that a server sends. ``live``: the version from which on it wants to know of changes."""
    return _document(drawer, page, regions, nonce=nonce, policy="", live=live, back=back)


def titled(page: nouns.Page) -> str:
    """What a tab is called."""
    return words.visible(f"{MARKS[page.verdict]} {page.title}, {page.headline}")


def icon_of(page: nouns.Page) -> str:
    """The sign of a tab, in the colour of the verdict."""
    return "data:image/svg+xml," + quote(_ICON.format(colour=_COLOURS[page.verdict]))


def _file(state: State) -> str:
    board, drawer = Board(state), Drawer()
    held = _POLICY.format(source=_hashed(_asset("page.js")), style=_hashed(_asset("page.css")), connect="'none'")
    text = _document(drawer, board.page, drawer.regions(board), nonce="", policy=held, live="", back="")
    # Style and script are ASCII: what is left of the rest needs no encoding to be right.
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _document(drawer: Drawer, page: nouns.Page, regions: Mapping[str, Region], **also: str) -> str:
    return drawer.document(
        page,
        regions,
        style=Markup(_asset("page.css")),  # noqa: S704 - ours
        script=Markup(_asset("page.js")),  # noqa: S704 - ours
        title=titled(page),
        icon=icon_of(page),
        version=__version__,
        strips=_strips(page),
        **also,
    )


def _strips(page: nouns.Page) -> str:
    """What the strips of the rows span, in words; "" where there are none."""
    told = next((row.marks.span for row in page.rows if row.marks is not None), "")
    return words.visible(told)


@cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8").strip()


def _hashed(text: str) -> str:
    """The source expression that admits this very text (CSP Level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
