"""A sweep as lines of JSON, each written as soon as it is known (docs/sweep.md).

Tens of thousands of answers come in a second: a line is put together of pieces that most of them have in common.
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from attrs import evolve

from agent.sweep.asked import Part
from probes.sweep import Sweep
from reports.model import Report
from reports.sweep import SILENT, UNKNOWN, WORDS, Addresses, Batch, Table

SCHEMA = "linkdoctor/sweep/1"

# What speaks of observations, which are not here.
_OF_REPORTS = ("id", "evidence")

# Seconds for which a line may wait to be handed to the kernel.
_FLUSH = 0.1
# So many different round trips are remembered, in microseconds.
_MOST_TEXTS = 100_000

_ALIKE = re.compile(rf"[{SILENT}]+|[{UNKNOWN}]+")

Rewrite = Callable[[str], str]


class Records:
    """Writes the lines. ``rewrite``: takes addresses out of what is to be shared."""

    def __init__(self, file: TextIO, rewrite: Rewrite | None = None) -> None:
        self._file = file
        self._rewrite = rewrite
        self._rtts = _Rtts()
        self._due = 0.0

    def line(self, **keys: Any) -> None:
        """One line of these keys; everything until here is handed over."""
        text = json.dumps(keys, separators=(",", ":"))
        self._file.write((text if self._rewrite is None else self._rewrite(text)) + "\n")
        self._file.flush()

    def begin(self, part: Part, sweep: Sweep) -> None:
        """What is asked of whom, and how."""
        order = part.order
        self.line(
            schema=SCHEMA,
            networks=[{"name": network.name, "cidr": network.cidr} for network in part.networks],
            addresses=len(order.addresses),
            asked=[question.name for question in order.questions],
            method=sweep.method,
            why=sweep.why,
            rate=order.rate,
            timeout_s=order.timeout,
            tries=order.tries,
        )

    def answers(self, table: Table) -> Callable[[Batch], None]:
        """Writes down the answers of a batch, of the order that the table is of."""
        name = self._names(table.order.addresses)
        step = len(table.order.questions)
        asked = [_states(question.name) for question in table.order.questions]
        ttls = ["}\n", *(f',"ttl":{ttl}}}\n' for ttl in range(1, 256))]
        rtts = self._rtts

        def write(batch: Batch) -> None:
            lines = []
            for cell, state, rtt, ttl, by, icmp in batch.answers:
                who, what = name(cell // step), asked[cell % step][state]
                sender = self._sender(by, icmp) if by else ""
                lines.append(f'{{"address":"{who}{what}{rtts[int(rtt * 1e6)]}{sender}{ttls[ttl]}')
            self._file.write("".join(lines))
            now = time.monotonic()
            if now >= self._due:
                self._file.flush()
                self._due = now + _FLUSH

        return write

    def rest(self, table: Table) -> None:
        """The addresses that nothing came from, and those that nothing is known of: a line for each run of them."""
        name = self._names(table.order.addresses)
        for number, question in enumerate(table.order.questions):
            start = 0
            for _, count in table.order.addresses.ranges:
                lines = []
                for alike in _ALIKE.finditer(table.states(number, start, count)):
                    first, last = start + alike.start(), start + alike.end() - 1
                    who = name(first) if first == last else f"{name(first)}-{name(last)}"
                    what = f'"asked":"{question.name}","state":"{WORDS[alike[0][0]]}"'
                    lines.append(f'{{"addresses":"{who}","count":{last - first + 1},{what}}}\n')
                self._file.write("".join(lines))
                start += count
        self._file.flush()

    def conclude(self, report: Report, tables: Iterable[Table], sent: int) -> None:
        """The last line: how many are in which state, and what it means."""
        from reports.document import to_document

        counts: dict[str, dict[str, int]] = {}
        for table in tables:
            for number, question in enumerate(table.order.questions):
                states = counts.setdefault(question.name, {})
                for state, count in table.count(number).items():
                    states[WORDS[state]] = states.get(WORDS[state], 0) + count
        findings = to_document(evolve(report, observations=()))["findings"]
        self.line(
            verdict=report.verdict,
            partial=report.run.partial,
            duration_s=report.run.duration_s,
            sent=sent,
            states=counts,
            findings=[{key: value for key, value in one.items() if key not in _OF_REPORTS} for one in findings],
        )

    def _names(self, addresses: Addresses) -> Callable[[int], str]:
        name, rewrite = _names(addresses), self._rewrite
        return name if rewrite is None else lambda index: rewrite(name(index))

    def _sender(self, by: str, icmp: str) -> str:
        by = by if self._rewrite is None else self._rewrite(by)
        return f',"by":"{by}","icmp":"{icmp}"' if icmp else f',"by":"{by}"'


class _Rtts(dict[int, str]):
    """What stands in a line of a round trip, by its microseconds."""

    def __init__(self) -> None:
        super().__init__({0: ""})

    def __missing__(self, micros: int) -> str:
        if len(self) > _MOST_TEXTS:
            self.clear()
            self[0] = ""
        self[micros] = text = f',"rtt_s":{micros / 1e6:.6f}'
        return text


class _Prefixes(dict[int, str]):
    """The first three bytes of IPv4 addresses, and the dot behind them."""

    def __missing__(self, number: int) -> str:
        self[number] = text = f"{number >> 16}.{number >> 8 & 255}.{number & 255}."
        return text


def _names(addresses: Addresses) -> Callable[[int], str]:
    """The address of an index, as text."""
    if addresses.version != 4 or len(addresses.ranges) != 1:
        return addresses.text
    first = addresses.ranges[0][0]
    prefixes, last = _Prefixes(), [str(number) for number in range(256)]

    def name(index: int) -> str:
        number = first + index
        return prefixes[number >> 8] + last[number & 255]

    return name


def _states(asked: str) -> dict[str, str]:
    return {state: f'","asked":"{asked}","state":"{word}"' for state, word in WORDS.items()}
