"""What was found: endpoints, what happened to each, how often, when first and last."""

from attrs import Factory, define

from agent.logs.events import Event, Found, platform
from agent.logs.patterns import LAYERS, READ, READ_LAYER, REFUSED_IN_UDF, Platform
from agent.logs.records import Record
from agent.logs.samples import sample
from agent.logs.times import NEVER, Moment
from reports.failures import Failure
from reports.job_log import error_words
from reports.model import join_port

# Endpoints that are kept; of more it is said how often something happened to them.
MOST_ENDPOINTS = 2000
_MOST_IPS = 16

Kind = tuple[Failure, str]  # and the phase: connect, read or ""


@define
class Tally:
    """How often, when first and when last; a sample is the first line that said it."""

    count: int = 0
    first: Moment = NEVER
    last: Moment = NEVER
    sample: str = ""
    nearby: bool = False

    def add(self, moment: Moment) -> None:
        """Once more. Without a moment the times stay as they are."""
        self.count += 1
        if moment is NEVER:
            return
        if self.first is NEVER or _is_before(moment, self.first):
            self.first = moment
        if self.last is NEVER or not _is_before(moment, self.last):
            self.last = moment


@define
class Endpoint:
    """A host, its port where the log says it, and what happened to it."""

    host: str
    port: int | None
    service: str = ""
    ips: dict[str, None] = Factory(dict)
    errors: dict[Kind, Tally] = Factory(dict)

    @property
    def shown(self) -> str:
        """``host:port``, or the host alone."""
        return self.host if self.port is None else join_port(self.host, self.port)

    @property
    def count(self) -> int:
        """How often anything happened to it."""
        return sum(tally.count for tally in self.errors.values())


@define
class Log:
    """A log that was read: bytes of text, and where it was broken."""

    name: str
    size: int
    broken: str = ""


class Ledger:
    """Takes events in, and keeps what they come to."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.endpoints: dict[tuple[str, int | None], Endpoint] = {}
        self.unplaced: dict[Kind, Tally] = {}  # what no endpoint is named for
        self.notes: dict[str, tuple[str, Tally]] = {}  # the platform's own messages: meaning, count
        self.beyond = 0  # events of endpoints that are not kept
        self.runtimes: set[str] = set()

    def add_log(self, name: str, size: int, broken: str = "") -> None:
        """A log is read to its end."""
        self.logs.append(Log(name, size, broken))

    def enter(self, events: list[Event], record: Record) -> None:
        """What one record says."""
        for event in events:
            self._enter(event, record.moment)
        for row, line in platform(record.lines):
            self._note(row, line, record.moment)

    def sorted(self) -> list[Endpoint]:
        """The endpoints, those to which the most happened first."""
        return sorted(self.endpoints.values(), key=lambda each: (-each.count, each.host, each.port or 0))

    @property
    def runtime(self) -> str | None:
        """Where the job ran, if its log tells: a UDF's error outweighs what else runs there."""
        return "udf" if "udf" in self.runtimes else next(iter(self.runtimes), None)

    @property
    def warnings(self) -> list[str]:
        """What must be known to read the errors rightly."""
        refused = any(
            failure is Failure.CONNECTION_REFUSED for each in self.endpoints.values() for failure, _ in each.errors
        )
        return [REFUSED_IN_UDF] if self.runtime == "udf" and refused else []

    def _enter(self, event: Event, moment: Moment) -> None:
        errors = self.unplaced if event.found is None else self._errors_of(event.found)
        if errors is None:
            self.beyond += 1
            return
        tally = errors.get((event.failure, event.phase))
        if tally is None:
            tally = errors[event.failure, event.phase] = Tally(sample=event.sample, nearby=event.nearby)
        tally.nearby = tally.nearby and event.nearby
        tally.add(moment)

    def _errors_of(self, found: Found) -> dict[Kind, Tally] | None:
        key = found.host, found.port
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            if len(self.endpoints) >= MOST_ENDPOINTS:
                return None
            endpoint = self.endpoints[key] = Endpoint(found.host, found.port)
        endpoint.service = endpoint.service or found.service
        for ip in found.ips:
            if len(endpoint.ips) < _MOST_IPS:
                endpoint.ips[ip] = None
        return endpoint.errors

    def _note(self, row: Platform, line: str, moment: Moment) -> None:
        if row.runtime:
            self.runtimes.add(row.runtime)
        if row.code not in self.notes:
            self.notes[row.code] = row.meaning, Tally(sample=sample(line, line.index(row.literal)))
        self.notes[row.code][1].add(moment)


def layer(kind: Kind) -> str:
    """Where to look, in words."""
    failure, phase = kind
    if (failure, phase) == (Failure.TIMED_OUT, READ):
        return READ_LAYER
    return LAYERS[failure]


def said(kind: Kind) -> str:
    """What happened, in words: ``connect timed out``, ``refused``."""
    failure, phase = kind
    return error_words(str(failure.value), phase)


def _is_before(one: Moment, other: Moment) -> bool:
    """By their clocks where both tell the day; else the order of the lines stands."""
    return bool(one.iso and other.iso) and one.iso < other.iso
