"""The page of a server: drawn once for each change; whoever looks is told what changed since he last heard.

Versions count up from the clock's milliseconds: a server that was started again is ahead of what it said before.
"""

import json
import time
from collections.abc import Mapping
from itertools import chain

from attrs import frozen

from reports.model import Report
from reports.render.html.data import Board
from reports.render.html.document import icon_of, served, titled
from reports.render.html.pieces import Drawer, Region
from reports.render.html.state import Shown, State

# JSON in an event stream: one line, and nothing that ends a script either.
_encode = json.JSONEncoder(separators=(",", ":")).encode


@frozen
class _Drawn:
    """One version of the page.

    Since which version is what as it is: each piece but for its text (``changed``), its text (``said``), which pieces
    a region has in which order (``ordered``)?
    """

    version: int
    first: int
    board: Board
    regions: Mapping[str, Region]
    changed: Mapping[str, int]
    said: Mapping[str, int]
    ordered: Mapping[str, int]


class LivePage:
    """What is shown now. `update` is for one thread at a time; all else may be called meanwhile, from any thread."""

    def __init__(self, first: int | None = None) -> None:
        start = int(time.time() * 1000) if first is None else first
        self._drawer = Drawer(live=True)
        board = Board(State(plans=()))
        self._drawn = self._of(board, self._drawer.regions(board), start, None)

    @property
    def version(self) -> int:
        """The version that is shown."""
        return self._drawn.version

    def update(self, state: State) -> int:
        """Draw the state; its version, which is the old one where nothing of it looks different."""
        board, before = Board(state), self._drawn
        regions = self._drawer.regions(board)
        if regions == before.regions:
            return before.version
        self._drawn = self._of(board, regions, before.version + 1, before)
        return self._drawn.version

    def html(self, nonce: str) -> str:
        """The whole document."""
        drawn = self._drawn
        return served(self._drawer, drawn.board.page, drawn.regions, nonce, live=str(drawn.version))

    def patch(self, since: int) -> str:
        """One line of JSON: what is new or different since that version; of one that this page does not know, all.

        ``pieces``: their HTML by key; ``texts``: of pieces that differ in nothing else; ``order``: keys by region.
        """
        drawn = self._drawn
        if not drawn.first <= since <= drawn.version:
            since = 0
        pieces, texts = {}, {}
        for piece in chain.from_iterable(drawn.regions.values()):
            if drawn.changed[piece.key] > since:
                pieces[piece.key] = piece.whole
            elif drawn.said[piece.key] > since:
                texts[piece.key] = piece.text
        order = {name: _keys(region) for name, region in drawn.regions.items() if drawn.ordered[name] > since}
        page = drawn.board.page
        told = {"version": drawn.version, "title": titled(page), "icon": icon_of(page)}
        return _encode({**told, "order": order, "pieces": pieces, "texts": texts})

    def target(self, key: str, nonce: str) -> str | None:
        """A document about the target whose row has this key; None where there is none."""
        board = self._drawn.board
        detail = board.detail(key)
        if detail is None:
            return None
        page = board.about(key)
        regions = self._drawer.regions_about(page, detail)
        return served(self._drawer, page, regions, nonce, back="./#" + key)

    def run(self, report: Report, nonce: str) -> str:
        """A document about a run that is kept."""
        board, drawer = Board(State(plans=(Shown(name=report.run.plan.name, report=report),))), Drawer()
        return served(drawer, board.page, drawer.regions(board), nonce, back="../")

    @staticmethod
    def _of(board: Board, regions: Mapping[str, Region], version: int, before: "_Drawn | None") -> _Drawn:
        if before is None:
            keys = [key for region in regions.values() for key in _keys(region)]
            since = dict.fromkeys(keys, version)
            return _Drawn(version, version, board, regions, since, since, dict.fromkeys(regions, version))
        old = {piece.key: piece for piece in chain.from_iterable(before.regions.values())}
        changed, said = {}, {}
        for piece in chain.from_iterable(regions.values()):
            was = old.get(piece.key)
            changed[piece.key] = before.changed[piece.key] if was and was.html == piece.html else version
            said[piece.key] = before.said[piece.key] if was and was.text == piece.text else version
        ordered = {
            name: before.ordered[name] if _keys(before.regions[name]) == _keys(region) else version
            for name, region in regions.items()
        }
        return _Drawn(version, before.first, board, regions, changed, said, ordered)


def _keys(region: Region) -> list[str]:
    return [piece.key for piece in region]
