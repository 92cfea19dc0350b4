"""What a record of a log says: which endpoint, and what happened to it. Of a chain of causes the deepest one counts."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from re import Match

from attrs import evolve, frozen

from agent.logs import patterns
from agent.logs.records import Record
from agent.logs.samples import sample
from agent.plan.hosts import host_of
from agent.plan.problems import Wrong
from reports.addresses import is_literal
from reports.failures import Failure

# Names with dots that are code, or a place in a file.
_CODE = ("java.", "javax.", "sun.", "jdk.", "scala.", "org.apache.", "org.springframework.", "com.mysql.", "io.netty.")
_FILES = (".java", ".scala", ".py", ".go", ".js", ".kt", ".cc", ".cpp", ".c", ".h", ".xml", ".log", ".jar")
# Words that stand where a host may stand.
_WORDS = frozenset({"null", "unknown", "none", "server", "host", "port", "the", "to", "at", "in", "is", "database"})
_MOST_IPS = 8


@frozen
class Found:
    """An endpoint in a line: the port None where it is not said, ``ips`` as far as the line names them."""

    host: str
    port: int | None = None
    ips: tuple[str, ...] = ()
    service: str = ""
    failure: Failure | None = None
    start: int = 0
    echo: bool = False


@frozen
class Event:
    """One thing that happened. ``found`` is None where no endpoint is named.

    ``nearby``: the message names none, and what is said of the endpoint stands elsewhere in the log. ``line`` and
    ``at``: for a sample.
    """

    found: Found | None
    failure: Failure
    phase: str
    line: str
    at: int = 0
    nearby: bool = False

    @property
    def sample(self) -> str:
        """The line, bounded and without secrets."""
        return sample(self.line, self.at)


@frozen
class _Error:
    row: patterns.Error
    start: int


class Interpreter:
    """Reads the records of one log in order; it remembers where connections were to go."""

    def __init__(self) -> None:
        self._last_mention: dict[str, Found] = {}
        self._last: Found | None = None

    def interpret(self, record: Record) -> list[Event]:
        """What the record says; often nothing."""
        # The innermost exception of Python comes first, that of Java last.
        lines = record.lines if record.python else record.lines[::-1]
        named = [(line, found) for line in lines if (found := endpoints(line, patterns.ENDPOINTS))]
        mentioned = self._mentioned(lines)
        if not named:
            return self._without_name(record, lines, mentioned)
        line, found = named[0]
        others = [each for _, founds in named[1:] for each in founds]
        events = []
        for index, each in enumerate(found):
            end = found[index + 1].start if index + 1 < len(found) else len(line)
            error = _worst(_errors(line[each.start : end])) or _worst(_errors(line))
            error = error or next((worst for other in lines if (worst := _worst(_errors(other)))), None)
            if error is None and each.failure is None:
                continue
            whole = _completed(each, others)
            if whole.echo and self._last is not None and _same(whole, self._last):
                continue
            failure, phase = _verdict(each, error)
            events.append(Event(whole, failure, phase, line, each.start))
        if events:
            self._last = events[-1].found
        return events

    def _mentioned(self, lines: Iterable[str]) -> list[Found]:
        found = [each for line in lines for each in endpoints(line, patterns.MENTIONS)]
        for each in reversed(found):
            self._last_mention[each.service] = each
        return found

    def _without_name(self, record: Record, lines: list[str], mentioned: list[Found]) -> list[Event]:
        worst = [(line, error) for line in lines if (error := _worst(_errors(line)))]
        if not worst:
            return []
        line, error = next(((line, one) for line, one in worst if one.row.rank), worst[0])
        if record.python:
            code = [each for text in lines[::-1] for each in endpoints(text, patterns.CODE)]
            mentioned = mentioned + code[:1]
        found = mentioned[0] if mentioned else self._remembered(lines)
        # Who speaks of binding listens: a port of this machine's own.
        if found is None and (not error.row.alone or any("bind" in text.lower() for text in lines)):
            return []
        return [Event(found, error.row.failure, error.row.phase, line, error.start, nearby=found is not None)]

    def _remembered(self, lines: list[str]) -> Found | None:
        if not self._last_mention:
            return None
        text = "\n".join(lines)
        for word, service in patterns.SPEAKERS:
            if word in text and service in self._last_mention:
                return self._last_mention[service]
        return None


def endpoints(line: str, rows: Iterable[patterns.Endpoint]) -> list[Found]:
    """The endpoints that a line names, in order, each once."""
    found: dict[tuple[str, int | None], Found] = {}
    for row in rows:
        if row.literal not in line:
            continue
        for match in row.pattern.finditer(line):
            each = _found(row, match)
            if each is not None:
                found.setdefault((each.host, each.port), each)
    return sorted(found.values(), key=lambda each: each.start)


def platform(lines: Iterable[str]) -> Iterator[tuple[patterns.Platform, str]]:
    """The platform's own messages in a record."""
    for line in lines:
        for row in patterns.PLATFORM:
            if row.literal in line:
                yield row, line


def _found(row: patterns.Endpoint, match: Match[str]) -> Found | None:
    groups = match.groupdict()
    port = int(groups["port"]) if groups.get("port") else None
    if port is not None and not 1 <= port <= 65535:
        return None
    ips = [ip for text in (groups.get("ip"), groups.get("ips")) for ip in _ips(text or "")]
    host = _host(groups["host"]) if groups.get("host") else None
    if host is None:
        if groups.get("host") or not ips:
            return None
        host = ips[0]
    ips = [ip for ip in dict.fromkeys(ips) if ip != host][:_MOST_IPS]
    return Found(host, port, tuple(ips), row.service, row.failure, match.start(), row.echo)


def _ips(text: str) -> Iterator[str]:
    for part in text.split(","):
        ip = _host(part.strip().rpartition("/")[2])
        if ip is not None and is_literal(ip):
            yield ip


@lru_cache(maxsize=4096)
def _host(text: str) -> str | None:
    """The host in its one form, or None where this is none."""
    text = text.removesuffix(".")
    lower = text.lower()
    if lower in _WORDS or lower.startswith(_CODE) or lower.endswith(_FILES):
        return None
    last = text.rpartition(".")[2]
    if "." in text and last[:1].isupper() and not last.isupper():
        return None  # a class: its name ends in CamelCase
    try:
        if ":" in text:
            return host_of(text.strip("[]"))
        return host_of(text)
    except Wrong:
        return None


def _errors(text: str) -> list[_Error]:
    return [
        _Error(row, match.start())
        for row in patterns.ERRORS
        if row.literal in text and (match := row.pattern.search(text))
    ]


def _worst(errors: list[_Error]) -> _Error | None:
    return max(errors, key=lambda error: (error.row.rank, error.start), default=None)


def _verdict(found: Found, error: _Error | None) -> tuple[Failure, str]:
    """What the message itself says, unless the words around it say more."""
    if error is None or (found.failure is not None and found.failure is not Failure.UNKNOWN and error.row.rank < 2):
        return found.failure or Failure.UNKNOWN, ""
    return error.row.failure, error.row.phase


def _completed(found: Found, others: list[Found]) -> Found:
    """With the port, or the name, that the record gives elsewhere."""
    for other in others:
        if found.port is None and other.host == found.host and other.port is not None:
            found = evolve(found, port=other.port, service=found.service or other.service)
        elif found.port in (None, other.port) and found.host in other.ips:
            found = evolve(found, host=other.host, port=other.port, ips=other.ips)
    return found


def _same(one: Found, other: Found) -> bool:
    return one.port == other.port and (one.host == other.host or one.host in other.ips)
