"""A swept network, drawn with characters: every address a letter, every row a /28.

                 +0       +4       +8       +12
10.10.2.0        - o o r  . . . .  o o o o  . . . .         the best sign of each address; below, side by side,
10.10.2.16       . . . .  . . . .  . . . .  . . . .  ┆      the questions whose answers differ from that
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from itertools import groupby

from rich.text import Text

from reports import words
from reports.subnet.grid import (
    ALL,
    AS_GRID,
    AS_LIST,
    COLUMNS,
    MEANINGS,
    RESERVED_LETTER,
    Cell,
    Part,
    Row,
    asked_apart,
    cells,
    differing_at,
    lively,
    parts,
    rows,
    shape,
)
from reports.subnet.summary import how_many
from reports.subnet.swept import ALIKE, Swept
from reports.sweep import ALIVE, ANSWERED, FILTERED, OPEN, REFUSED, SILENT, UNKNOWN, WORDS, text_of

_INDENT = 4
# The first address of a row, and what separates it from the cells.
_LABEL = 17
# Cells stand in groups: each with a space where there is one picture, close together where several stand side by side.
_GROUP = 4
_CLOSE, _GAP = COLUMNS, 3

# What the letters mean in a picture from afar.
_LETTERS_FROM_AFAR = {
    SILENT: "nobody answers",
    "1-9": "so many tenths",
    ALL: "all",
    ALIKE: MEANINGS[ALIKE],
    UNKNOWN: "not known",
}
_ONE_MAC = "not known: one hardware address answers for all"
# A picture of one of these alone, beside what does not answer, is not drawn.
_TELLS_NOTHING = ({SILENT}, {ALIKE}, {UNKNOWN})
_BESIDE = {RESERVED_LETTER, "S", "e", "g"}

_NARROWEST = 12
_MOST_LISTED = 24
_MOST_IN_WORDS = 5
_MOST_LIVELY = 3
_MOST_APART = 6

_DIM = "dim"
_STYLES = {
    OPEN: "green",
    REFUSED: "yellow",
    ALIVE: "cyan",
    FILTERED: "magenta",
    SILENT: _DIM,
    UNKNOWN: "blue",
    ALIKE: "blue",
    RESERVED_LETTER: _DIM,
}
_MARKED = "bold"
_SHARE = "cyan"
_DARK = "yellow"


class _Glyphs:
    """What the letters are drawn as, what they mean, and what stands beside a row of a dark part."""

    def __init__(self, network: Swept, ascii_only: bool) -> None:
        self.silent = SILENT if ascii_only else "·"
        self.dark = "|" if ascii_only else "┆"
        is_by_mac = set(network.hollow) == {"arp"} and network.busiest_mac[0]
        self.meanings = {**MEANINGS, ALIKE: _ONE_MAC} if is_by_mac else MEANINGS

    def of(self, letter: str) -> str:
        """What is drawn for a letter."""
        return self.silent if letter == SILENT else letter


def draw(network: Swept, width: int, *, ascii_only: bool = False) -> list[Text]:
    """The picture's lines, none wider than ``width`` where that is 60 or more, and at most about a hundred.

    ``ascii_only``: where the terminal shows no other characters.
    """
    how, glyphs = shape(network), _Glyphs(network, ascii_only)
    if how == AS_LIST:
        return list(_list(network, width, glyphs))
    if how == AS_GRID:
        return [*_block(rows(network), width, glyphs), *_apart(network, width, glyphs)]
    lines = list(_from_afar(network, width, glyphs))
    near = [part for part in lively(network) if part.asked]
    for part in near[:_MOST_LIVELY]:
        said = how_many(part.live, part.asked, part.meant)
        lines += [Text(), _indented(Text(f"{part.address}/24: {said}", "bold"))]
        lines += _block(rows(network, _number(part)), width, glyphs)
    if len(near) > _MOST_LIVELY:
        lines += [
            Text(),
            _indented(Text(f"and {words.count(len(near) - _MOST_LIVELY, 'more /24')} with answers", _DIM)),
        ]
    return lines


# --- up to a /24 ------------------------------------------------------------------------------------------------------


def _block(shown: Sequence[Row], width: int, glyphs: _Glyphs) -> Iterator[Text]:
    """The best sign of each address, and a bar beside what is dark; where all are alike, only what that means."""
    letters = [cell.letter for row in shown for cell in row.cells if cell is not None]
    if set(letters) - _BESIDE in _TELLS_NOTHING:
        yield from _legend(letters, width, glyphs)
        return
    between = " " if width >= _INDENT + _LABEL + _columns(" ") + 2 else ""
    yield _head(between)
    named = ""
    for row in shown:
        line = _row(row, between, glyphs)
        if row.dark:
            line.append(" " * (_LABEL + _columns(between) - line.cell_len))
            line.append(f"  {glyphs.dark}", _DARK)
            names = () if row.dark == named else (f" {row.dark}: nobody", " nobody")
            line.append(next((name for name in names if _INDENT + line.cell_len + len(name) <= width), ""), _DARK)
            named = row.dark
        yield _indented(line)
    yield from _legend(letters, width, glyphs)
    if any(row.dark for row in shown):
        yield _indented(Text(f"{glyphs.dark} an aligned part in which nobody answers", _DIM))


def _apart(network: Swept, width: int, glyphs: _Glyphs) -> Iterator[Text]:
    """The questions whose answers differ: in words where few addresses do, else as pictures side by side."""
    drawn = []
    for asked in asked_apart(network):
        said = _in_words(network, asked, glyphs)
        if said:
            yield from map(_indented, _hanging(said, width))
        else:
            drawn.append(asked)
    fit = max(1, (width - _INDENT - _LABEL + _GAP) // (_CLOSE + _GAP))
    for start in range(0, min(len(drawn), _MOST_APART), fit):
        some = drawn[start : min(start + fit, _MOST_APART)]
        yield Text()
        heads = (" " * _GAP).join(_asked(asked).ljust(_CLOSE) for asked in some)
        yield _indented(Text(" " * _LABEL + heads.rstrip(), "bold"))
        for beside in zip(*(rows(network, asked=asked) for asked in some), strict=True):
            line = Text(beside[0].address.ljust(_LABEL), _DIM)
            for number, row in enumerate(beside):
                line.append(" " * (_GAP if number else 0))
                line.append_text(_letters(row, "", glyphs))
            line.rstrip()
            yield _indented(line)
    if len(drawn) > _MOST_APART:
        yield _indented(Text(f"and {words.count(len(drawn) - _MOST_APART, 'more question')}", _DIM))


def _in_words(network: Swept, asked: str, glyphs: _Glyphs) -> str:
    """``:9083  only 10.10.2.30 open``, ``:8020  as above, but 10.10.2.9 refused``; "" where it is more than a few."""
    told = (("only ", network.answering(asked)), ("as above, but ", differing_at(network, asked)))
    start, some = min(told, key=lambda one: len(one[1]))
    if len(some) > _MOST_IN_WORDS:
        return ""
    letters = network.drawn[asked]
    if not some:
        counts = Counter(letters[index] for index in network.told)
        others = [f"{counts[letter]:,} {WORDS[letter]}" for letter in (FILTERED, UNKNOWN) if counts[letter]]
        return f"{_asked(asked)}  {', '.join(['nobody', *others])}"
    said = [f"{network.addresses.text(index)} {glyphs.meanings[letters[index]]}" for index in sorted(some)]
    return f"{_asked(asked)}  {start}{', '.join(said)}"


def _head(between: str) -> Text:
    step = _GROUP * (1 + len(between)) + (1 if between else 0)
    return _indented(
        Text(" " * _LABEL + "".join(f"+{n}".ljust(step) for n in range(0, COLUMNS, _GROUP)).rstrip(), _DIM)
    )


def _row(row: Row, between: str, glyphs: _Glyphs) -> Text:
    line = Text(row.address.ljust(_LABEL), _DIM)
    line.append_text(_letters(row, between, glyphs))
    line.rstrip()
    return line


def _letters(row: Row, between: str, glyphs: _Glyphs) -> Text:
    """The letters of a row, ``between`` them a space or nothing; twice as much between groups of four."""
    line = Text()
    for index, cell in enumerate(row.cells):
        if index:
            line.append(between * (1 if index % _GROUP else 2))
        line.append(glyphs.of(cell.letter) if cell else " ", _style(cell) if cell else "")
    return line


def _columns(between: str) -> int:
    """How wide a row of cells is."""
    return COLUMNS + len(between) * (COLUMNS - 1 + COLUMNS // _GROUP - 1)


def _style(cell: Cell) -> str:
    style = _STYLES.get(cell.state if cell.letter.isalpha() else cell.letter, "")
    return style if cell.letter in _STYLES else f"{_MARKED} {style.replace(_DIM, '')}".strip()


def _legend(letters: Iterable[str], width: int, glyphs: _Glyphs) -> Iterator[Text]:
    """What the letters mean, and how many there are of each."""
    counts = Counter(letters)
    line = Text()
    for letter, meaning in glyphs.meanings.items():
        if not counts[letter]:
            continue
        said = f"{counts[letter]:,} {meaning}"
        if line and _INDENT + line.cell_len + 5 + len(said) > width:
            yield _indented(line)
            line = Text()
        line.append("   " if line else "")
        line.append(glyphs.of(letter), _STYLES.get(letter, _MARKED))
        line.append(f" {said}", _DIM)
    yield _indented(line)


# --- larger, or not to be drawn ---------------------------------------------------------------------------------------


def _from_afar(network: Swept, width: int, glyphs: _Glyphs) -> Iterator[Text]:
    """A cell for many addresses: which tenth of them answers."""
    shown = {_number(part): part for part in parts(network)}
    size = next(iter(shown.values())).size
    drawn = {part.letter for part in shown.values()}
    if drawn in _TELLS_NOTHING:
        yield _indented(Text(f"{glyphs.of(*drawn)} {len(network.addresses):,} {glyphs.meanings[min(drawn)]}", _DIM))
        return
    for begin, _ in groupby(shown, lambda number: number - number % (size * COLUMNS)):
        line = Text(text_of(begin, 4).ljust(_LABEL), _DIM)
        for index in range(COLUMNS):
            part = shown.get(begin + index * size)
            line.append(" " if index and index % _GROUP == 0 else "")
            line.append(glyphs.of(part.letter) if part else " ", _SHARE if part and part.live else _DIM)
        line.rstrip()
        yield _indented(line)
    cell = f"a cell is a /{33 - size.bit_length()}:"
    kinds = {"1-9" if letter.isdecimal() else letter for letter in drawn}
    known = (f"{glyphs.of(letter)} {meaning}" for letter, meaning in _LETTERS_FROM_AFAR.items() if letter in kinds)
    yield from map(_indented, _wrapped(cell, *known, width=width))


def _list(network: Swept, width: int, glyphs: _Glyphs) -> Iterator[Text]:
    """The addresses that answer, or that are something; the others are counted."""
    told = [cell for cell in cells(network) if cell.state in (*ANSWERED, FILTERED) or cell.marks]
    widest = max((len(cell.address) for cell in told[:_MOST_LISTED]), default=0)
    for cell in told[:_MOST_LISTED]:
        line = Text(cell.address.ljust(widest), _MARKED if cell.marks else "")
        line.append("  ")
        line.append(glyphs.of(cell.letter), _style(cell))
        states = [f"{_asked(asked)} {WORDS[state]}" for asked, state in cell.states.items() if state != UNKNOWN]
        marks = [MEANINGS[cell.letter]] if cell.letter not in WORDS else []
        line.append("  ")
        said = ", ".join([*marks, *states]) or WORDS[UNKNOWN]
        first, *rest = _broken(said, width - _INDENT - line.cell_len)
        yield _indented(line + Text(first))
        yield from (_indented(Text(" " * line.cell_len + more)) for more in rest)
    left = len(told) - _MOST_LISTED
    if left > 0:
        yield _indented(Text(f"and {left:,} more that answer", _DIM))
    counts = Counter(cell.state for cell in cells(network) if cell not in told)
    silent = [f"{counts[state]:,} {glyphs.meanings[state]}" for state in (SILENT, ALIKE, UNKNOWN) if counts[state]]
    if silent:
        yield _indented(Text(", ".join(silent), _DIM))


def _asked(asked: str) -> str:
    return f":{asked}" if asked.isdecimal() else words.visible(asked)


def _number(part: Part) -> int:
    return int(IPv4Address(part.address))


def _indented(line: Text) -> Text:
    return Text(" " * _INDENT) + line


def _wrapped(*parts: str, width: int) -> Iterator[Text]:
    """Some parts beside each other, in as many lines as they need."""
    line = ""
    for part in parts:
        if line and _INDENT + len(line) + _GAP + len(part) > width:
            yield Text(line, _DIM)
            line = ""
        line += (" " * _GAP if line else "") + part
    yield Text(line, _DIM)


def _hanging(text: str, width: int) -> Iterator[Text]:
    """In lines, those after the first one further in."""
    for number, line in enumerate(_broken(text, width - _INDENT - _GAP)):
        yield Text((" " * _GAP if number else "") + line)


def _broken(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, _NARROWEST), break_long_words=False) or [""]
