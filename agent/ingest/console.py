"""The table that a console prints, as it was copied: odpscmd's, spark-sql's, beeline's, DataFrame.show's.

    +------------+------------+
    | run        | vantage    |        odpscmd pads each cell to the width of its title, at least 10 characters, and
    +------------+------------+        cuts and escapes nothing: what is longer stands out, with all line breaks and
    | r-6d0f...  | udf a1b2.. |        pipes that it holds.
    +------------+------------+

So where a cell ends is not written, but mostly follows from what the columns may hold. Where it does not, the row is
told as unreadable, and not guessed at.
"""

import re
from collections.abc import Iterator
from itertools import accumulate

from attrs import evolve, field, frozen

from agent.ingest.alignment import align
from agent.ingest.lines import Item, Lines, Torn
from agent.ingest.values import RUN, column, embedded, is_cut_short, is_header, row
from reports.rows import NAMES

_FRAME = re.compile(r"\s*\+(?:-{2,}\+)+\s*")
_OUR_ROW = re.compile(rf"\s*\|\s*{RUN}\s*\|")

_MOST_LINES = 10_000


def starts(line: str) -> bool:
    """Whether a table begins here, with its frame or, where that was not copied, with a row."""
    bare = line.strip()
    return _FRAME.fullmatch(bare) is not None or (bare.startswith("|") and bare.endswith("|"))


def items(lines: Lines) -> Iterator[Item]:
    """A row for each row of the tables; what stands outside of them (log view, summary, prompt) is no row."""
    table = _Table()
    record: list[str] = []
    first = 0
    for line in lines:
        opens = line.lstrip().startswith("|")
        framed = table.is_frame(line, inside=bool(record))
        if record and not framed and not (opens and _OUR_ROW.match(line)) and not table.ends(record):
            record.append(line)
            continue
        if record:
            yield Item(lines.place(first), table.read("".join(record)))
            record = []
        if framed:
            table = table.framed(line)
        elif opens and (titled := table.titled(line)) is not None:
            table = titled
        elif opens:
            record, first = [line], lines.number
    if record:
        yield Item(lines.place(first), table.read("".join(record)))


@frozen
class _Table:
    """The table at hand: what its columns are called, how wide the title shows them, and how its cells are parted.

    ``frames``: how many of its three lines of frame were seen. After the first comes the title, after the second the
    rows, after the third what is no part of it.
    """

    names: tuple[str, ...] = NAMES
    widths: tuple[int, ...] = field(default=tuple(max(len(name), 10) for name in NAMES))
    separator: str = " | "
    frames: int = 0
    frame: str = ""

    def is_frame(self, line: str, *, inside: bool) -> bool:
        """Whether the line is one of the frame; inside of a row, only that of the table itself."""
        bare = line.strip()
        return bare == self.frame if inside and self.frame else _FRAME.fullmatch(bare) is not None

    def framed(self, line: str) -> "_Table":
        """After a line of the frame."""
        return evolve(self, frames=(self.frames + 1) % 3, frame=line.strip())

    def titled(self, line: str) -> "_Table | None":
        """After its title, if the line is one."""
        segments = line.strip().removeprefix("|").removesuffix("|").split("|")
        names = tuple(map(column, segments))
        if not is_header(names) and (self.frames != 1 or _OUR_ROW.match(line) or any(embedded(line))):
            return None
        spaced = all(segment[:1] == segment[-1:] == " " for segment in segments)
        widths = tuple(len(segment) - 2 * spaced for segment in segments)
        return _Table(names, widths, " | " if spaced else "|", frames=1, frame=self.frame)

    def ends(self, record: list[str]) -> bool:
        """Whether the lines are a whole row."""
        if not record[-1].rstrip().endswith("|"):
            return len(record) >= _MOST_LINES
        text = "".join(record)
        if is_header(self.names):
            return not isinstance(self._cells(text), Torn)
        # A bar may also stand in a text of the report, where the terminal has broken the line.
        return "{" not in text or not is_cut_short(_unwrapped(text))

    def read(self, text: str) -> dict[str, object] | str | Torn:
        """The row, or the report in it where the columns are none of ours."""
        if not is_header(self.names):
            return next(embedded(_unwrapped(text).rstrip(" |")), {})
        cells = self._cells(text)
        return cells if isinstance(cells, Torn) else row(self.names, cells)

    def _cells(self, text: str) -> list[str] | Torn:
        inner = text.strip().removeprefix("|").removesuffix("|")
        if self.separator == " | ":
            inner = inner.removeprefix(" ").removesuffix(" ")
        cells = self._by_width(inner) or align(inner, self.names, self.separator)
        return cells if isinstance(cells, Torn) else list(map(self._bare, self.names, cells, self.widths))

    def _by_width(self, inner: str) -> list[str]:
        """The cells where they stand below their titles, as all do where none is wider; else nothing."""
        gap = len(self.separator)
        places = [0, *accumulate(width + gap for width in self.widths)]
        if len(inner) != places[-1] - gap or any(inner[end - gap : end] != self.separator for end in places[1:-1]):
            return []
        return [inner[start : start + width] for start, width in zip(places, self.widths, strict=False)]

    def _bare(self, name: str, cell: str, width: int) -> str:
        if name == "report":
            return _unwrapped(cell).rstrip(" ")  # no part ends with a space of its own
        if self.separator == "|":
            return cell.strip(" ")
        return cell.rstrip(" ") if len(cell) <= width else cell


def _unwrapped(text: str) -> str:
    """Without line breaks: a report's text has none, the terminal that it was copied from put them there."""
    return text.replace("\r", "").replace("\n", "")
