"""What of a report stands in rows, beside its text: pure, and the same for a run that is kept in a file."""

import zlib
from collections.abc import Iterable, Mapping

from attrs import frozen

from reports import document
from reports.case import names_of
from reports.history import BIT, echoed
from reports.model import HEALTHY, Report

# Of a typical report a tenth is left; a higher level takes three times as long for 3 % less (benchmarks/store.py).
_LEVEL = 6


@frozen
class Look:
    """How a run found one target."""

    target: str
    address: str
    verdict: str
    cause: str


def plain(text: str) -> str:
    """Text that a column takes: a lone surrogate, which JSON may hold, stands as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def looks(report: Report) -> list[Look]:
    """The verdict on every target, each with the first cause of it above ``info``."""
    causes = {finding.id: finding.cause for finding in report.findings if finding.severity != "info"}
    found = {}
    for result in report.targets:
        name = plain(result.name)
        cause = next((causes[id_] for id_ in result.findings if id_ in causes), "")
        found[name] = Look(
            name, plain(result.address), result.verdict, plain(cause) if result.verdict != HEALTHY else ""
        )
    return list(found.values())


def outbound(report: Report) -> dict[str, tuple[str, ...]]:
    """By each way out the addresses under which the echo saw this run."""
    return {plain(way): tuple(map(plain, names_of(asked, "seen"))) for way, asked in echoed(report).items()}


def packed(report: Report) -> bytes:
    """The report's text, compressed."""
    # In lines: each is encoded by itself, and between them other threads have their turn.
    return zlib.compress(document.dumps(report, lines=True).encode("ascii"), _LEVEL)


def mask(verdicts: Mapping[int, str]) -> bytes:
    """A byte for each slot up to the last one: the bit of its verdict, 0 where there is none."""
    line = bytearray(max(verdicts, default=-1) + 1)
    for slot, verdict in verdicts.items():
        line[slot] = BIT[verdict]
    return bytes(line)


def united(lines: Iterable[bytes]) -> bytes:
    """What was seen in any of them, slot by slot."""
    together, length = 0, 0
    for line in lines:
        # As one large number: 2,000 slots at once.
        together |= int.from_bytes(line, "little")
        length = max(length, len(line))
    return together.to_bytes(length, "little")
