"""A target's history as one row of marks: for each verdict a path, of a height of its own, so that colour is not all.

h ▂▂▂▂▂▂  d ▄▄  u ▅▅  f ██   and nothing where nobody looked
"""

from itertools import groupby

from attrs import frozen

from reports import words
from reports.history import Strip
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED

HEIGHT = 10
_LETTERS = {"h": HEALTHY, "d": DEGRADED, "u": UNDETERMINED, "f": FAILING}
HEIGHTS = {HEALTHY: 4, DEGRADED: 6, UNDETERMINED: 8, FAILING: HEIGHT}
_DAY = 86400
# Shorter ones are told in hours.
_DAYS = 2 * _DAY
_WORST_FIRST = (FAILING, UNDETERMINED, DEGRADED, HEALTHY)


@frozen(kw_only=True)
class Marks:
    """``width`` cells that span so much; ``paths``: for each verdict that was seen, an SVG path in cells by HEIGHT."""

    width: int
    span: str
    paths: tuple[tuple[str, str], ...]
    told: str


def marks(strip: Strip, width_s: int) -> Marks:
    """What is drawn of a strip whose cells last so many seconds each."""
    cells = strip.letters
    found: dict[str, list[str]] = {}
    at = 0
    for letter, some in groupby(cells):
        length = len(list(some))
        verdict = _LETTERS.get(letter)
        if verdict is not None:
            height = HEIGHTS[verdict]
            found.setdefault(verdict, []).append(f"M{at} {HEIGHT - height}h{length}v{height}h-{length}z")
        at += length
    counted = [f"{verdict} in {cells.count(letter):,}" for letter, verdict in _LETTERS.items() if letter in cells]
    span = _spanned(len(cells) * width_s)
    return Marks(
        width=len(cells),
        span=span,
        paths=tuple((verdict, "".join(found[verdict])) for verdict in _WORST_FIRST if verdict in found),
        told=f"{span} in {words.count(len(cells), 'part')}: {', '.join(reversed(counted)) or 'nobody looked'}",
    )


def _spanned(seconds: int) -> str:
    return words.seconds(seconds) if seconds < _DAYS else words.count(round(seconds / _DAY), "day")
