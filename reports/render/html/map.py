"""A swept network as a map: what is drawn of the rows of reports/subnet/grid.py."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address

from attrs import frozen

from reports import words
from reports.model import Report
from reports.subnet import grid
from reports.subnet.summary import how_many, remarks, summary, without_addresses
from reports.subnet.swept import Swept
from reports.sweep import ANSWERED, FILTERED, SILENT, UNKNOWN, WORDS

# The JSON of the report holds them all.
_MOST_PICTURES = 4
_MOST_LISTED = 64


@frozen(kw_only=True)
class Square:
    """One cell. ``letter``: what stands in it; ``kind``: how it is filled (a state's letter); ``told``: in words."""

    letter: str
    kind: str
    told: str


@frozen(kw_only=True)
class Line:
    """A row of cells; None where the network has no address. ``dark``: the dark part that all of it belongs to."""

    address: str
    squares: tuple[Square | None, ...]
    dark: str = ""


@frozen(kw_only=True)
class Picture:
    """Some lines under one title. ``legend``: letters, kinds and what they mean, with how many there are."""

    title: str
    lines: tuple[Line, ...]
    legend: tuple[tuple[str, str, str], ...] = ()


@frozen(kw_only=True)
class Map:
    """One network: its pictures, or (of IPv6, and of few addresses) the addresses in words."""

    name: str
    cidr: str
    summary: str
    remarks: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    listed: tuple[str, ...] = ()


def maps(report: Report, networks: Sequence[Swept]) -> tuple[Map, ...]:
    """The swept networks of a report; of one whose addresses were taken out, the counts."""
    told = [Map(name=name, cidr="", summary=said) for name, said in without_addresses(report.observations)]
    return (*map(map_of, networks), *told)


def map_of(network: Swept) -> Map:
    """What is drawn of one network."""
    how = grid.shape(network)
    return Map(
        name=network.name,
        cidr=network.cidr,
        summary=summary(network),
        remarks=tuple(remarks(network)),
        pictures=() if how == grid.AS_LIST else tuple(_pictures(network, how)),
        listed=tuple(_listed(network)) if how == grid.AS_LIST else (),
    )


def _pictures(network: Swept, how: str) -> Iterator[Picture]:
    if how == grid.AS_GRID:
        yield _picture("", grid.rows(network))
        for asked in grid.asked_apart(network)[: _MOST_PICTURES - 1]:
            yield _picture(_asked(asked), grid.rows(network, asked=asked))
        return
    yield _from_afar(network)
    near = [part for part in grid.lively(network) if part.asked]
    for part in near[: _MOST_PICTURES - 1]:
        first = int(IPv4Address(part.address))
        title = f"{part.address}/24: {how_many(part.live, part.asked, part.meant)}"
        yield _picture(title, grid.rows(network, first))


def _picture(title: str, rows: Iterable[grid.Row]) -> Picture:
    lines = tuple(
        Line(address=row.address, squares=tuple(_square(cell) for cell in row.cells), dark=row.dark) for row in rows
    )
    seen = Counter((one.letter, one.kind) for line in lines for one in line.squares if one is not None)
    legend = [
        (letter, kind, f"{count:,} {meaning}")
        for name, meaning in grid.MEANINGS.items()
        for (letter, kind), count in seen.items()
        if letter == _shown(name)
    ]
    return Picture(title=title, lines=lines, legend=tuple(legend))


def _square(cell: grid.Cell | None) -> Square | None:
    if cell is None:
        return None
    states = [f"{_asked(asked)} {WORDS[state]}" for asked, state in cell.states.items() if state != UNKNOWN]
    meaning = [grid.MEANINGS[cell.letter]] if cell.letter not in WORDS else []
    return Square(
        letter=_shown(cell.letter),
        kind=_kind(cell),
        told=f"{cell.address}: {', '.join([*meaning, *states]) or WORDS[UNKNOWN]}",
    )


def _kind(cell: grid.Cell) -> str:
    """A name for how it is filled: what it answers, or that no host can be there."""
    return "reserved" if cell.letter == grid.RESERVED_LETTER else _KINDS.get(cell.state, "unknown")


_KINDS = {letter: word.split()[0] for letter, word in WORDS.items()}


def _shown(letter: str) -> str:
    return "\u00b7" if letter == SILENT else letter


def _from_afar(network: Swept) -> Picture:
    """A cell for many addresses: which tenth of them answers."""
    shown = {int(IPv4Address(part.address)): part for part in grid.parts(network)}
    size = next(iter(shown.values())).size
    begins = sorted({number - number % (size * grid.COLUMNS) for number in shown})
    lines = [
        Line(
            address=str(IPv4Address(begin)),
            squares=tuple(_of_part(shown.get(begin + index * size)) for index in range(grid.COLUMNS)),
        )
        for begin in begins
    ]
    return Picture(title=f"from afar: a cell is a /{33 - size.bit_length()}", lines=tuple(lines))


def _of_part(part: grid.Part | None) -> Square | None:
    if part is None:
        return None
    kind = "alive" if part.live else "silent" if part.letter == SILENT else "unknown"
    said = how_many(part.live, part.asked, part.meant) if part.asked else grid.MEANINGS[part.letter]
    return Square(letter=_shown(part.letter), kind=kind, told=f"{part.address}, {part.size:,} addresses: {said}")


def _listed(network: Swept) -> list[str]:
    """The addresses that answer, or that are something."""
    told = [cell for cell in grid.cells(network) if cell.state in (*ANSWERED, FILTERED) or cell.marks]
    return words.first([square.told for square in map(_square, told) if square is not None], _MOST_LISTED)


def _asked(asked: str) -> str:
    return f":{asked}" if asked.isdecimal() else asked
