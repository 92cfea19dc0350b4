"""JSON in any layout: one value a line, one array, one document over many lines, or several, one after the other."""

import json
import re
from collections.abc import Generator, Iterator

from agent.ingest.lines import Item, Lines, Torn
from agent.ingest.values import column, quoted
from reports.columns import is_report

# One that does not end goes to the text's end: to look for a string behind each of its quotes would take for ever.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BETWEEN = re.compile(r"[\s,\[\]]*")

_START = re.compile(r'\s*(?:\[\s*)?(?:\{\s*(?:"|$)|"\{\\|$)')

_decode = json.JSONDecoder().raw_decode


def starts(line: str) -> bool:
    """Whether JSON begins here: an object, or an array of objects or of reports as texts."""
    return line.strip() != "" and _START.match(line) is not None


def items(lines: Lines) -> Iterator[Item]:
    """A row for each object, a cell for each text. A value that breaks off costs nobody else's."""
    while (line := next(lines, None)) is not None:
        place = lines.place()
        rest = yield from _values(line, place)
        if rest:
            yield from _over_lines(rest, _indent(line), lines, place)


def _over_lines(first: str, indent: int, lines: Lines, place: str) -> Iterator[Item]:
    """The value that begins so, and goes on over the lines that follow. If it does not end, they are looked at anew."""
    if lines.is_looked_over:
        yield _broken_off(first, place)
        return
    pending = [first]
    depth = _depth(first)
    while depth > 0 and (line := next(lines, None)) is not None:
        if line.startswith("{") and _is_whole(line):
            lines.give_back([line])
            break
        pending.append(line)
        depth += _depth(line)
    found = _found("".join(pending), place) if depth <= 0 else []
    if found:
        yield from found
        return
    end = next((at for at, line in enumerate(pending) if at and _begins(line, indent)), len(pending))
    lines.give_back(pending[end:])
    yield _broken_off("".join(pending[:end]), place)


def _found(text: str, place: str) -> list[Item]:
    """The values in the text, or nothing if one of them is none."""
    found = list(_values(text, place))
    return [] if any(isinstance(item.what, Torn) for item in found) else found


def _values(text: str, place: str) -> Generator[Item, None, str]:
    """The values in the text; what is left at its end, the beginning of one, is returned."""
    position = _end_of(_BETWEEN, text, 0)
    while position < len(text):
        try:
            value, end = _decode(text, position)
        except (ValueError, RecursionError):
            rest = text[position:]
            if _depth(rest) > 0:
                return rest
            yield _broken_off(rest, place)
            return ""
        yield Item(place, _item(value, text[position:end]))
        position = _end_of(_BETWEEN, text, end)
    return ""


def _item(value: object, text: str) -> dict[str, object] | str | Torn:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return {}
    return text if is_report(text) else {column(name): given for name, given in value.items()}


def _broken_off(text: str, place: str) -> Item:
    return Item(place, text if is_report(text) else Torn(f"no JSON: {quoted(text)}"))


def _depth(text: str) -> int:
    bare = _STRING.sub("", text)
    return bare.count("{") + bare.count("[") - bare.count("}") - bare.count("]")


def _is_whole(text: str) -> bool:
    try:
        json.loads(text.strip().rstrip(","))
    except (ValueError, RecursionError):
        return False
    return True


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _begins(line: str, indent: int) -> bool:
    """Whether a value may begin here that is no part of one which began with that indent."""
    return line.lstrip().startswith("{") and _indent(line) <= indent


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match is not None else position
