"""Where the cells of a row end whose separator may stand inside of them."""

import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from agent.ingest.lines import Torn
from agent.ingest.values import NULLS, RUN, miscounted
from reports.columns import KINDS
from reports.model import OWNERS, SEVERITIES, VERDICTS

# Separators in the texts of one row, beyond those between its columns.
_MOST_EXTRA = 100

_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"


def _words(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, words))


def _array(text: str) -> bool:
    if text in NULLS:
        return True
    if not (text.startswith("[") and text.endswith("]")):
        return False
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: text in NULLS or compiled.fullmatch(text) is not None


# What a column's cell must look like; any other may hold anything.
_LOOKS: dict[str, Callable[[str], bool]] = {
    "run": _matches(RUN),
    "kind": _matches(_words(KINDS)),
    "address": _matches(r"\S*:\d{1,5}"),
    "verdict": _matches(_words(VERDICTS)),
    "latency_s": _matches(_NUMBER),
    "cause": _matches(r"\w+"),
    "severity": _matches(_words(SEVERITIES)),
    "confidence": _matches(_NUMBER),
    "targets": _array,
    "evidence": _array,
    "owner": _matches(_words(OWNERS)),
    "part": _matches(r"\d+"),
    "parts": _matches(r"\d+"),
    "length": _matches(r"\d+"),
}


def align(text: str, names: Sequence[str], separator: str) -> list[str] | Torn:
    """The cells, one for each name, by the only way in which they fit their columns.

    A row with just as many separators as it needs is taken as it is.
    """
    cuts = [match.start() for match in re.finditer(f"(?={re.escape(separator)})", text)]
    extra = len(cuts) - len(names) + 1
    if extra < 0:
        return Torn(miscounted(len(cuts) + 1, len(names)))
    if extra > _MOST_EXTRA:
        # A report's text, the last column, is the only one that may hold so many.
        del cuts[len(names) - 1 :]
    ways = _ways(text, names, cuts, len(separator)) if extra else [tuple(cuts)]
    if len(ways) != 1:
        return Torn("its cells cannot be told apart" if ways else miscounted(len(cuts) + 1, len(names)))
    return _cells(text, ways[0], len(separator))


def _ways(text: str, names: Sequence[str], cuts: Sequence[int], width: int) -> list[tuple[int, ...]]:
    """The ways to choose the cuts between the columns: none, one, or two of several."""
    open_ways: dict[int, list[tuple[int, ...]]] = {-width: [()]}
    for index, name in enumerate(names):
        looks = _LOOKS.get(name)
        last = index == len(names) - 1
        reached: dict[int, list[tuple[int, ...]]] = {}
        for cut, ways in open_ways.items():
            for end in [len(text)] if last else cuts:
                if end >= cut + width and (looks is None or looks(text[cut + width : end].strip())):
                    found = reached.setdefault(end, [])
                    found.extend([(*way, end) for way in ways][: 2 - len(found)])
        open_ways = reached
    return [way[:-1] for way in open_ways.get(len(text), [])]


def _cells(text: str, cuts: Sequence[int], width: int) -> list[str]:
    ends = [-width, *cuts, len(text)]
    return [text[start + width : end] for start, end in pairwise(ends)]
