"""What may be said of whatever came: observations that are sound, a report that every format can show."""

import io
import math
from collections.abc import Hashable, Iterable, Sequence

from agent.formats import FORMATS, Page
from probes.contract import LONGEST_TEXT
from reports import document
from reports.diagnose import conclude
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import Observation, Plan, Report, Run, Target, Vantage
from reports.redact import redact
from reports.rows import to_rows
from tests.fuzz.passes import unwatched

# A page is written with the command that was typed.
_COMMAND = "linkdoctor check plan.yaml"
_MOMENT = 1795507200.0
_WHOLE = 1 << 63


class Unsound(Exception):
    """An observation that none may be."""


def shape_of(observations: Iterable[Observation]) -> Hashable:
    """What was seen, but for the words: steps, failures, which facts. Raises Unsound."""
    found = []
    for seen in observations:
        _judge(seen)
        found.append((seen.probe, seen.step, seen.failure, tuple(sorted(seen.facts))))
    return frozenset(found)


def _judge(seen: Observation) -> None:
    if seen.failure is not None and (not isinstance(seen.failure, Failure) or seen.failure in LOCAL_SHORTAGES):
        raise Unsound(
            f"{seen.probe} {seen.step}: {seen.failure}: what a peer said is no shortage of ours: {seen.facts}"
        )
    for key, value in seen.facts.items():
        if type(value) not in (str, int, float, bool):
            raise Unsound(f"{key} is no scalar: {value!r}")
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise Unsound(f"{key} has {len(value)} characters")
        if isinstance(value, float) and not math.isfinite(value):
            raise Unsound(f"{key} is {value}")
        if isinstance(value, int) and not -_WHOLE <= value < _WHOLE:
            raise Unsound(f"{key} has {value.bit_length()} bits")


class Telling:
    """Shows what was seen, once for each shape, in every format."""

    def __init__(self, target: Target) -> None:
        self._plan = Plan(name="fuzz", targets=(target,))
        self._told: set[Hashable] = set()

    def tell(self, observations: Sequence[Observation]) -> Hashable:
        """The shape. Raises whatever a rule or a renderer raises."""
        shape = shape_of(observations)
        if shape not in self._told:
            run = Run(id="r-6d0f5b1c9a3e", started=_MOMENT, duration_s=1.0, linkdoctor="0.1.0", plan=self._plan)
            with unwatched():
                tell_report(conclude(run, Vantage(kind="host"), observations))
            self._told.add(shape)
        return shape


def tell_report(report: Report) -> None:
    """Through every format and back. Raises whatever does not go through."""
    text = document.dumps(report)
    again = document.loads(text)
    if document.dumps(again) != text:
        raise Unsound("a report that is another one when it is read")
    for one in (report, redact(report)):
        for write in FORMATS.values():
            file = io.StringIO()
            write(file, Page(reports=(one,), command=_COMMAND))
            # As a file or a terminal in UTF-8 takes it.
            file.getvalue().encode("utf-8", "backslashreplace")
    list(to_rows(report))
