"""Cuts a log into records: a line and what belongs to it, such as a stack trace. Only where a word of trouble is.

Most lines of most logs hold none; they are passed over by one regular expression over a whole block.
"""

import re
from collections.abc import Iterable, Iterator

from attrs import Factory, define

from agent.logs.times import HEADER_BYTES, NEVER, STAMP, Moment, moment_of

# Literals of which at least one stands in every message of the tables in patterns.py. They begin with letters that are
# rare in logs, which makes the search several times faster; the others are first looked for in the block as a whole.
USUAL = (
    *("Exception", "Error", "Errno", "EOF", "ERR illegal", "Empty reply", "Connect", "Could", "Communications"),
    *("Call From", "Call to", "Client session", "Failed", "Retrying", "Read timed", "Unable to", "Unknown", "Timeout"),
    *("Trying to", "Traceback", "ODPS-0", "Opening socket", "Host '", "Name or", "No route", "Network is"),
    *("Bootstrap broker", "Can't connect", "Cannot connect", "Session 0x", "SSL", "Too many", "You are not", "jdbc:"),
)
OTHERS = (
    "imed out",
    "efused",
    "dial tcp",
    "esolve",
    "curl: (",
    "pg_hba",
    "hite list",
    "connection",
    "lookup ",
    "to connect",
)

# Characters of a line that are looked at; longer ones are looked at in pieces.
LONGEST_LINE = 4096
# Lines of a record: what goes on beyond them is another.
_MOST_LINES = 200
# How far a record's beginning is looked for, and lines that may pass in it without a word of trouble.
_LOOK_BACK = 40
_TAIL = 16384

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_SPARK = (b"org.apache.spark.", b"Running Spark version")
# Frames of Java say nothing of the network.
_FRAMES = re.compile(rb"(?:[ \t]+at [^\n]*(?:\n|\Z)|[ \t]*\.\.\. \d+ (?:more|common frames omitted)[^\n]*(?:\n|\Z))+")
# libpq's sentence has three lines.
_GOES_ON = (b"Caused by", b"Suppressed", b"Wrapped by", b"Nested", b"Is the server running", b"TCP/IP connections on")
_CHAINED = (b"During handling of the above", b"The above exception was")
_NAMED_ERROR = re.compile(rb"(?:Exception in thread \S+ )?[\w.$]+(?:Exception|Error|[Tt]imeout)\b")
_PYTHON = b"Traceback (most recent"


def _any_of(literals: Iterable[str]) -> re.Pattern[bytes]:
    """One pattern for all, those with the same first letter together."""
    by_first: dict[str, list[str]] = {}
    for literal in literals:
        by_first.setdefault(re.escape(literal[0]), []).append(re.escape(literal[1:]))
    return re.compile("|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in by_first.items()).encode())


_USUAL = _any_of(USUAL)
_ALL = _any_of(USUAL + OTHERS)
_OTHERS = tuple(literal.encode() for literal in OTHERS)


@define
class Record:
    """Lines that belong together, without the frames of stack traces."""

    moment: Moment = NEVER
    lines: list[str] = Factory(list)
    hit: bool = False
    python: bool = False  # holds a traceback, whose first exception is the deepest
    java: bool = False  # holds an exception with a stack trace, or may
    chained: bool = False
    awaits: bool = False  # began with a header, below which its exception may stand
    quiet: int = 0  # lines since the last word of trouble


class Records:
    """Cuts one log; feed it once. ``spark``: whether Spark has written it."""

    def __init__(self) -> None:
        self.spark = False
        self._record: Record | None = None
        self._tail = b""
        self._ended_with_header = False

    def of(self, blocks: Iterable[bytes]) -> Iterator[Record]:
        """The records with a word of trouble in them, in order."""
        for block in blocks:
            self.spark = self.spark or any(word in block for word in _SPARK)
            yield from self._of_block(block)
        if self._record is not None and self._record.hit:
            yield self._record
        self._record = None

    def _of_block(self, block: bytes) -> Iterator[Record]:
        trouble = _ALL if any(word in block for word in _OTHERS) else _USUAL
        floor, at = 0, len(self._tail)
        sought = at
        block = self._tail + block
        while at < len(block):
            if self._record is None:
                found = trouble.search(block, at)
                if found is None:
                    break
                sought = found.start()
                at = _start_of_record(block, floor, sought)
                self._record = Record()
            frames = _FRAMES.match(block, at)
            if frames:
                self._record.java = True
                at = frames.end()
                continue
            end = block.find(b"\n", at)
            end = len(block) if end < 0 else end
            yield from self._take(block, at, end, trouble, sought)
            # A header without trouble may be that of the record in which the next trouble is.
            floor = at if self._ended_with_header else end + 1
            at = end + 1
        self._tail = block[max(floor, len(block) - _TAIL) :] if self._record is None else b""

    def _take(self, block: bytes, at: int, end: int, trouble: re.Pattern[bytes], sought: int) -> Iterator[Record]:
        """One line: it goes on with the record, begins another, or ends all; not before the trouble that was sought."""
        if end - at > LONGEST_LINE:
            yield from self._take_long(block, at, end, trouble)
            return
        record = self._record
        assert record is not None  # noqa: S101 - only called inside of a record
        line = block[at:end].rstrip(b"\r")
        stamp = STAMP.match(line)
        line = line[stamp.end() :] if stamp else line
        hit = trouble.search(line) is not None
        is_header = HEADER_BYTES.match(line) is not None
        is_full = len(record.lines) >= _MOST_LINES
        if record.lines and (is_header or is_full or _begins_another(record, line, hit)):
            if record.hit:
                yield record
            record = self._record = Record(moment=record.moment)
        _add(record, line, hit, is_header)
        self._ended_with_header = is_header and not hit and end > sought
        if self._ended_with_header or record.quiet > _LOOK_BACK:
            if record.hit:
                yield record
            self._record = None

    def _take_long(self, block: bytes, at: int, end: int, trouble: re.Pattern[bytes]) -> Iterator[Record]:
        """Pieces of a line, each a record of its own."""
        record = self._record
        if record is not None and record.hit:
            yield record
        self._record = None
        self._ended_with_header = False
        moment = moment_of(_decoded(block[at : at + 100]))
        while at < end:
            found = trouble.search(block, at, end)
            if found is None:
                return
            start = max(at, found.start() - LONGEST_LINE // 4)
            # Not in the middle of a word, where a secret would lose its name.
            start = start if start == at else block.rfind(b" ", at, found.start()) + 1 or start
            start = max(start, found.start() - LONGEST_LINE // 2)
            stop = min(end, start + LONGEST_LINE)
            if stop < end:
                # Nor in the middle of a message that has just begun.
                late = trouble.search(block, max(found.end(), stop - LONGEST_LINE // 8), stop)
                stop = late.start() if late else max(block.rfind(b" ", start, stop), found.end())
            yield Record(moment=moment, lines=[_decoded(block[start:stop])], hit=True)
            at = stop


def _add(record: Record, line: bytes, hit: bool, is_header: bool) -> None:
    if is_header or not record.lines:
        moment = moment_of(_decoded(line[:200]))
        record.awaits = is_header and moment is not NEVER
        record.moment = moment if moment is not NEVER else record.moment
    elif _NAMED_ERROR.match(line):
        record.awaits = False
    if line.startswith(_PYTHON):
        record.python, record.chained = True, False
    elif line.startswith(_CHAINED):
        record.chained = True
    record.hit = record.hit or hit
    record.quiet = 0 if hit else record.quiet + 1
    text = _decoded(line)
    if record.lines and text.lstrip().startswith("TCP/IP connections on port"):
        record.lines[-1] += " " + text.lstrip()  # libpq breaks its sentence
    else:
        record.lines.append(text)


def _begins_another(record: Record, line: bytes, hit: bool) -> bool:
    """Whether a line without a header of its own is about something else than the record so far."""
    if line.startswith(_PYTHON):
        return (record.python and not record.chained) or (record.java and record.hit)
    if not hit or line.lstrip().startswith(_GOES_ON):
        return False
    if line[:1].isspace():
        return record.hit and not (record.java or record.python)
    if _NAMED_ERROR.match(line):
        if record.python and record.lines[-1][:1].isspace():
            return False  # the exception below its traceback
        return record.hit and not record.awaits
    return record.hit


def _start_of_record(block: bytes, floor: int, at: int) -> int:
    """Where the record begins that holds the position: a line with a header, a traceback, or else its own line."""
    own = start = block.rfind(b"\n", floor, at) + 1 or floor
    for _ in range(_LOOK_BACK):
        if start < own and block.startswith(_PYTHON, start):
            own = start
        if HEADER_BYTES.match(block, start):
            return start
        if start <= floor:
            break
        start = block.rfind(b"\n", floor, start - 1) + 1 or floor
    return own


def _decoded(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    return _ANSI.sub("", text) if "\x1b" in text else text
