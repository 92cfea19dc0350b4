"""A page as pieces of HTML: regions of keyed elements, of which a live page replaces those that changed.

Jinja2 escapes whatever a template prints; what could move a cursor, turn the direction of writing or hide is made
visible before that (reports/words.py). The markup holds no handler and no style attribute, so that a strict policy
admits it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from urllib.parse import urlencode

from attrs import evolve, frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reports import words
from reports.codec import rfc3339
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, VERDICTS, content_id
from reports.render.html import nouns, picture
from reports.render.html.data import Board
from reports.render.html.strip import HEIGHTS
from reports.render.story import CRITICAL, OPEN, WARNING

# The regions of a page, what stands above each, and the element that holds its pieces.
SECTIONS = (
    ("plans", "Plans", "tbody"),
    ("changed", "Checked again", "tbody"),
    ("wrong", "What is wrong", "div"),
    ("matrix", "By vantage point", "div"),
    ("targets", "Targets", "ul"),
    ("happened", "What changed", "tbody"),
    ("charts", "How many connections were held", "div"),
    ("maps", "Networks", "div"),
    ("notes", "Notes", "div"),
)
REGIONS = ("head", *(name for name, _, _ in SECTIONS))

MARKS = {FAILING: "\u2717", DEGRADED: "!", UNDETERMINED: "?", HEALTHY: "\u2713"}
_VERDICT_OF = {CRITICAL: FAILING, WARNING: DEGRADED, OPEN: UNDETERMINED}

# Stands in the HTML of a piece for its text. Nothing that comes from outside holds it: it is not printable.
SLOT = Markup("\x1a")


@frozen
class Piece:
    """An element of the page. ``text``: what is another one in every run, and is told by itself."""

    key: str
    html: str
    text: str = ""

    @property
    def whole(self) -> str:
        """The element with its text."""
        return self.html.replace(SLOT, str(escape(words.visible(self.text)))) if SLOT in self.html else self.html


# The pieces of a part of the page, in their order.
Region = list[Piece]


def _plain(value: object) -> object:
    """What a template prints: markup of ours as it is, text from outside made visible."""
    return words.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _pasted(text: str) -> Markup:
    """To be pasted: lines as they are."""
    return Markup("\n").join([escape(words.visible(line)) for line in text.rstrip("\n").split("\n")])


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("reports.render.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(
        MARKS=MARKS,
        VERDICT_OF=_VERDICT_OF,
        VERDICTS=tuple(reversed(VERDICTS)),
        SECTIONS=SECTIONS,
        HEIGHTS=HEIGHTS,
        pasted=_pasted,
        wide=picture.wide,
        tall=picture.tall,
        seconds=words.seconds,
        moment=words.moment,
        rfc3339=rfc3339,
    )
    return made


class Drawer:
    """Draws boards. What did not change since the last one is not drawn again.

    ``live``: links lead to the server, and details of rows are asked of it; else they stand in the page.
    """

    def __init__(self, *, live: bool = False) -> None:
        self.live = live
        self._templates = _environment()
        # Of each row what it was without its latency, and its HTML.
        self._rows: dict[str, tuple[nouns.Row | None, str]] = {}

    def regions(self, board: Board) -> dict[str, Region]:
        """All pieces of the page."""
        page = board.page
        return {
            "head": [self._piece("head-1", "head", page=page)],
            "plans": [self._piece(one.key, "plan", plan=one) for one in page.plans if len(page.plans) > 1],
            "changed": self._numbered("changed", page.changed),
            "wrong": [*self._wrong(page)],
            "matrix": [self._piece("matrix-1", "matrix", matrix=page.matrix)] if page.matrix is not None else [],
            "targets": [*self._targets(page, board)],
            "happened": [self._piece(one.key, "happened", one=one) for one in page.happened],
            "charts": self._numbered("charts", page.charts),
            "maps": self._numbered("maps", page.maps),
            "notes": self._numbered("notes", page.notes),
        }

    def regions_about(self, page: nouns.Page, detail: nouns.Detail) -> dict[str, Region]:
        """The pieces of a page about one target."""
        return {
            "head": [self._piece("head-1", "target", row=page.rows[0], page=page, detail=detail)],
            "wrong": [self._piece(card.key, "card", card=card) for card in page.cards],
            "happened": [self._piece(one.key, "happened", one=one) for one in page.happened],
        }

    def document(self, page: nouns.Page, regions: Mapping[str, Region], **also: object) -> str:
        """A whole document around the pieces."""
        joined = {name: "".join([piece.whole for piece in regions.get(name, ())]) for name in REGIONS}
        drawn = {name: Markup(html) for name, html in joined.items()}  # noqa: S704 - by templates that escape
        return self._templates.get_template("page.html").render(page=page, regions=drawn, **also)

    def _wrong(self, page: nouns.Page) -> Iterator[Piece]:
        yield from (self._piece(card.key, "card", card=card) for card in page.cards)
        yield from (self._piece(one.key, "alike", card=one) for one in page.alike)
        if not page.cards and not page.alike and page.verdict == HEALTHY:
            yield self._piece("calm", "calm", said="Nothing is wrong.")

    def _targets(self, page: nouns.Page, board: Board) -> Iterator[Piece]:
        """The rows, those of several plans under the plan's name."""
        kept, headed = self._rows, ""
        rows: dict[str, tuple[nouns.Row | None, str]] = {}
        for row in page.rows:
            if row.plan_key != headed and len(page.plans) > 1:
                headed = row.plan_key
                yield self._piece(f"h-{headed}", "planhead", row=row)
            lasting = evolve(row, latency="")
            known, html = kept.get(row.key, (None, ""))
            if known != lasting:
                html = self._row(row, board)
            rows[row.key] = lasting, html
            yield Piece(row.key, html, row.latency)
        if self.live:
            self._rows = rows

    def _row(self, row: nouns.Row, board: Board) -> str:
        query = urlencode({"key": row.key})
        detail = board.detail(row.key) if not self.live else None
        if detail is not None and row.verdict == HEALTHY:
            # All of its way is proved: that says nothing, and a page of thousands would be large.
            detail = evolve(detail, way=None)
        return self._drawn("row", row=row, query=query, detail=detail, latency=SLOT)

    def _numbered(self, name: str, some: Sequence[object]) -> Region:
        keys = [content_id("n-", name, place) for place in range(len(some))]
        return [self._piece(key, name, key=key, one=one) for key, one in zip(keys, some, strict=True)]

    def _piece(self, piece: str, template: str, **what: object) -> Piece:
        return Piece(piece, self._drawn(template, **what))

    def _drawn(self, template: str, **what: object) -> str:
        return self._templates.get_template(f"{template}.html").render(live=self.live, **what).strip()
