"""What the text formats share: names of columns, words for NULL, reports inside other text."""

import json
import re
from collections.abc import Iterator, Sequence

from reports.codec import shown
from reports.rows import NAMES

RUN = r"r-[0-9a-f]{12}"

# How clients write NULL: Spark up to 3.4 in small letters, Hive's text files with a backslash.
NULLS = frozenset({"", "NULL", "null", "\\N"})
_BEGINNING = re.compile(r'\{\s*"schema"\s*:\s*"linkdoctor/')

_decode = json.JSONDecoder().raw_decode


def column(cell: str) -> str:
    """A column's name as clients write it: quoted, in capitals, with its table (``t.run``)."""
    return cell.strip().strip("\"'`").rpartition(".")[2].lower()


def is_header(names: Sequence[str]) -> bool:
    """Whether these are the names of our columns, or of as many as make rows of ours."""
    return {"run", "kind"} <= set(names)


def row(names: Sequence[str], cells: Sequence[str]) -> dict[str, object]:
    """A row by its columns; the words for NULL are None."""
    return {name: None if cell in NULLS else cell for name, cell in zip(names, cells, strict=True)}


def embedded(text: str) -> Iterator[str]:
    """The reports that stand in a text, from their first brace to their last one, or to the text's end."""
    match = _BEGINNING.search(text)
    while match is not None:
        try:
            _, end = _decode(text, match.start())
        except (ValueError, RecursionError):
            yield text[match.start() :]
            return
        yield text[match.start() : end]
        match = _BEGINNING.search(text, end)


def is_cut_short(text: str) -> bool:
    """Whether a report begins in the text and does not end there."""
    match = _BEGINNING.search(text)
    try:
        return match is not None and not _decode(text, match.start())
    except (ValueError, RecursionError):
        return True


def miscounted(cells: int, columns: int = len(NAMES)) -> str:
    """What is wrong with a row that has not as many cells as there are columns."""
    return f"{cells} cells for {columns} columns"


def quoted(text: str) -> str:
    """The beginning of a line, as a message shows it."""
    return shown(text.strip())
