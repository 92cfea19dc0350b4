"""The search: bytes that are nearly right go into a reader; what it must not do is a finding, and is told once.

Bytes with which a reader passes lines that it had not passed, or says something of a new shape, are changed further.
"""

import time
import traceback
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from random import Random

from attrs import define, field, frozen

from tests.fuzz.limits import Bloat, Hang, limited, resident
from tests.fuzz.mutate import LONGEST, Mutator
from tests.fuzz.passes import Line, Passes

CASES = Path(__file__).parent / "cases"

# Seconds of CPU and megabytes that one run may take, lines of Python being counted meanwhile.
SECONDS, MEGABYTES = 2.0, 32
# Megabytes that all runs of a target together may leave behind, beside what the search itself keeps.
_KEPT = 64
# Bytes are made shorter in so many tries at most, seconds at most.
_TRIES, _PATIENCE = 2_000, 5.0
_MOST_KEPT = 5_000
# What takes longer (seconds of CPU) is read, and not changed further: others lead on as well, and sooner.
_SLOW = 0.1


@frozen(kw_only=True)
class Target:
    """A reader of bytes. ``read`` raises what is a finding; what it gives is the shape of what was said, or None.

    ``seeds``: what is really said; ``words``: what means something to this reader; ``reshape``: what changes bytes by
    their grammar, every other time.
    """

    read: Callable[[bytes], Hashable]
    seeds: Sequence[bytes]
    words: Sequence[bytes] = ()
    reshape: Callable[[Random, bytes], bytes] | None = None
    longest: int = LONGEST
    seconds: float = SECONDS
    megabytes: int = MEGABYTES


Opening = Callable[[], AbstractContextManager[Target]]


@frozen
class Finding:
    """What a reader must not do, where, and the bytes that made it do so."""

    target: str
    place: str
    problem: str
    data: bytes
    trace: str

    @property
    def file(self) -> str:
        """The name of a case."""
        return sha256(self.data).hexdigest()[:12]


@define
class Search:
    """Of one target. ``runs``: how many bytes were read; ``kept``: those that are changed further."""

    name: str
    target: Target
    seed: str
    runs: int = 0
    kept: list[bytes] = field(factory=list)
    findings: dict[str, Finding] = field(factory=dict)
    _lines: set[Line] = field(factory=set)
    _shapes: set[Hashable] = field(factory=set)
    _passes: Passes = field(factory=Passes)
    _led_on: bool = False  # what was read last passed new lines, or said something new

    @property
    def lines(self) -> int:
        """How many lines were passed."""
        return len(self._lines)

    def over(self, seconds: float) -> Iterator[Finding]:
        """Look for so many seconds, at least at all that is known; findings as they come, each once."""
        until = time.monotonic() + seconds
        for data in (*self.target.seeds, *cases(self.name)):
            yield from self._try(data, keep=True)
        random = Random(f"{self.seed} {self.name}")
        mutator, settled, began = Mutator(random, self.target.words), 0, resident()
        while self.kept and time.monotonic() < until:
            # What was found last leads on more often.
            place = len(self.kept) - 1 - int(random.expovariate(4 / len(self.kept))) % len(self.kept)
            if self.target.reshape is not None and random.random() < 0.5:
                data = self.target.reshape(random, self.kept[place])[: self.target.longest]
            else:
                data = mutator.of(self.kept[place], self.kept, self.target.longest)
            yield from self._try(data)
            settled += 1
            if settled == 500:
                began = resident()
        grown = (resident() - began - (sum(map(len, self.kept)) >> 10)) >> 10
        if settled > 1000 and grown > _KEPT:
            yield from self._found("all", "%d MB stay behind" % grown, b"", "")

    def _try(self, data: bytes, *, keep: bool = False) -> Iterator[Finding]:
        self.runs += 1
        began = time.process_time()
        problem = self._run(data)
        slow = time.process_time() - began > _SLOW
        if problem is not None:
            place, said, trace = problem
            if place not in self.findings:
                long = place in (Hang.__name__, Bloat.__name__)
                yield from self._found(place, said, data if long else self._shortest(data, place), trace)
            return
        if (keep or self._led_on) and not (slow and self.kept):
            self.kept.append(data)
            if len(self.kept) > _MOST_KEPT:
                del self.kept[len(self.target.seeds)]

    def _found(self, place: str, problem: str, data: bytes, trace: str) -> Iterator[Finding]:
        self.findings[place] = Finding(self.name, place, problem, data, trace)
        yield self.findings[place]

    def _run(self, data: bytes) -> tuple[str, str, str] | None:
        """The place, the words and the trace of a finding."""
        shape: Hashable = None
        try:
            with limited(self.target.seconds, self.target.megabytes), self._passes:
                shape = self.target.read(data)
        except (Exception, Hang) as error:  # noqa: BLE001 - each is a finding
            return _place_of(error), f"{type(error).__name__}: {error}"[:500], traceback.format_exc()
        new = self._passes.seen - self._lines
        self._led_on = bool(new) or shape not in self._shapes
        self._lines |= new
        self._shapes.add(shape)
        return None

    def _shortest(self, data: bytes, place: str) -> bytes:
        """The same finding with fewer bytes, as far as that is soon seen."""
        until, tries, step = time.monotonic() + _PATIENCE, 0, max(1, len(data) // 2)
        while step and tries < _TRIES and time.monotonic() < until:
            start, shorter = 0, False
            while start < len(data) and tries < _TRIES and time.monotonic() < until:
                less = data[:start] + data[start + step :]
                tries += 1
                problem = self._run(less)
                if problem is not None and problem[0] == place:
                    data, shorter = less, True
                else:
                    start += step
            step = step if shorter and step == 1 else step // 2
        return data


def cases(name: str) -> list[bytes]:
    """The bytes that once were findings of the target."""
    return [path.read_bytes() for path in sorted((CASES / name).glob("*"))]


def keep(finding: Finding, folder: Path) -> Path:
    """Write the bytes of a finding to a folder."""
    path = folder / finding.target / finding.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(finding.data)
    return path


def _place_of(error: BaseException) -> str:
    """What tells findings apart: the kind, and the last line of ours; of what takes too long only the kind."""
    if isinstance(error, (Hang, Bloat)):
        return type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame for frame in frames if "/site-packages/" not in frame.filename and "/lib/python" not in frame.filename
    ]
    last = (ours or frames)[-1]
    return f"{type(error).__name__} {Path(last.filename).name}:{last.lineno}"
