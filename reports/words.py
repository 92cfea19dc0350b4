"""Plain words for what a person reads: durations, moments, shares, lists; and text from outside made visible.

This module travels in the carry-in kit: CPython 3.7.
"""

import re
from typing import Iterable, List, Sequence, Tuple

from reports.codec import rfc3339

_MINUTE = 60
_HOUR = 3600


def visible(text: str) -> str:
    r"""Text from outside as it may be shown: what is not printable stands as an escape (``\x1b``, ``\u202e``).

    Controls (C0, C1), bidirectional overrides, zero-width characters, line breaks and lone surrogates are not
    printable in the sense of str.isprintable: they could move the cursor, hide text or forge a line.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def seconds(value: float) -> str:
    """A duration: ``0.04 ms``, ``0.4 ms``, ``12 ms``, ``3.2 s``, ``2 min 5 s``, ``1 h 30 min``."""
    if 0 < value < 0.000095:
        return "%.2f ms" % (value * 1000)
    if value < 0.00995:
        return "%.1f ms" % (value * 1000)
    if value < 0.9995:
        return "%.0f ms" % (value * 1000)
    if value < _MINUTE - 0.05:
        return "%.1f s" % value
    whole = round(value)
    if whole < _HOUR:
        return _joined(whole // _MINUTE, "min", whole % _MINUTE, "s")
    return _joined(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")


def span(values: Sequence[float]) -> str:
    """The shortest and the longest of some durations: ``0.3 to 0.5 ms``, ``0.9 ms to 1.2 s``, or the one."""
    low, high = seconds(min(values)), seconds(max(values))
    if low == high:
        return low
    shares_unit = low.split()[1:] == high.split()[1:]
    return "%s to %s" % (low.split()[0] if shares_unit else low, high)


def moment(unix: float) -> str:
    """A moment to the second, in UTC: ``2026-11-24 08:00:00 UTC``."""
    return rfc3339(int(unix))[:19].replace("T", " ") + " UTC"


def share(value: float) -> str:
    """A share of 1 as ``78 %``. Only certainty is 100 %, only impossibility 0 %."""
    percent = round(value * 100)
    if 0 < value < 1:
        percent = min(max(percent, 1), 99)
    return "%d %%" % percent


def count(number: int, noun: str) -> str:
    """``1 target``, ``3,000 targets``."""
    return "%s %s%s" % (format(number, ","), noun, "" if number == 1 else "s")


def size(number: float) -> str:
    """Bytes: ``512 bytes``, ``80 kB``, ``1.2 MB``; by thousands, as links are sold."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        value = number / factor
        if value >= 0.9995:
            return ("%.1f %s" if value < 9.95 else "%.0f %s") % (value, unit)
    return count(round(number), "byte")


def rate(number: float) -> str:
    """Bytes per second: ``120 kB/s``."""
    return size(number) + "/s"


def listed(items: Sequence[str], most: int = 3) -> str:
    """``a, b, c and 297 more``: at most ``most`` are named."""
    if len(items) <= most:
        return ", ".join(items)
    return "%s and %s more" % (", ".join(items[:most]), format(len(items) - most, ","))


def first(items: Iterable[str], most: int) -> List[str]:
    """The first ones, and a last one that says how many more there are."""
    given = list(items)
    return given if len(given) <= most else [*given[:most], "and %s more" % format(len(given) - most, ",")]


def ranges(names: Iterable[str]) -> List[str]:
    """Names in their order, neighbours that count up put together: ``datanode1-3``."""
    runs: List[Tuple[str, str, str]] = []  # what stands before the number, the first number, the last one
    for name in names:
        match = _NUMBERED.fullmatch(name)
        stem, digits = match.groups() if match else (name, "")
        if digits and runs and runs[-1][0] == stem and _follows(runs[-1][2], digits):
            runs[-1] = (stem, runs[-1][1], digits)
        else:
            runs.append((stem, digits, digits))
    return [stem + first if first == last else "%s%s-%s" % (stem, first, last) for stem, first, last in runs]


# An address is no numbered name: 10.0.0.1-3 would be read as something else.
_NUMBERED = re.compile(r"(.*[^\W\d].*?)(\d{1,9})", re.DOTALL)


def _follows(before: str, digits: str) -> bool:
    return before != "" and digits == str(int(before) + 1).zfill(len(before))


def _joined(large: int, large_unit: str, small: int, small_unit: str) -> str:
    text = "%d %s" % (large, large_unit)
    return "%s %d %s" % (text, small, small_unit) if small else text


def _escape(char: str) -> str:
    # repr() of a space that is no plain space escapes it as well.
    return char.encode("unicode_escape").decode("ascii")
