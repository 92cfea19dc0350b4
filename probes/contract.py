"""What a probe is: a coroutine that looks at one thing and writes down what happened, step by step.

    async def probe(ask, network, notes): ...

``ask`` says what to look at, ``network`` is the only way to a socket, ``notes`` takes the observations. A probe never
judges, never opens anything by itself and never imports another probe. A failure is a value: inside ``notes.step``
an exception becomes the observation's Failure and ends the step; the probe then looks at ``step.failure``.
"""

import contextlib
import sys
import time
from types import TracebackType
from typing import Callable, Iterator, List, Optional, Tuple, Type

from attrs import frozen

from reports.failures import Failed, Failure, classify
from reports.model import Facts, Observation, Scalar, Target, content_id, join_port

# Text from the network is data: bounded here, escaped where it is shown.
LONGEST_TEXT = 300


@frozen(kw_only=True)
class Ask:
    """What to look at: one target, at one address (an IP literal), within ``timeout`` seconds a step."""

    target: Target
    address: str
    timeout: float = 5.0

    @property
    def port(self) -> int:
        """The target's port."""
        return self.target.port


class Step:
    """One observation in the making. Set ``facts``; call ``fail`` for what is no exception."""

    __slots__ = ("_notes", "_start", "address", "duration", "facts", "failure", "probe", "started", "step", "target")

    def __init__(self, notes: "Notes", probe: str, step: str, target: Optional[str], address: Optional[str]) -> None:
        self._notes = notes
        self.probe = probe
        self.step = step
        self.target = target
        self.address = address
        self.facts: Facts = {}
        self.failure: Optional[Failure] = None
        self.started = 0.0
        self.duration: Optional[float] = None  # None: the time between enter and exit
        self._start = 0.0

    def fail(self, failure: Failure, detail: str = "") -> None:
        """Record what went wrong; ``detail`` is the peer's own text, if any."""
        self.failure = failure
        if detail:
            self.note("detail", detail)

    def note(self, key: str, value: Optional[Scalar]) -> None:
        """Record a fact; None is not recorded, long text is cut."""
        if value is None:
            return
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            value = value[: LONGEST_TEXT - 3] + "..."
        self.facts[key] = value

    def __enter__(self) -> "Step":  # noqa: PYI034 - there is no typing.Self on 3.7
        self.started = round(time.time(), 6)
        self._start = time.monotonic()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> bool:
        if self.duration is None:
            self.duration = time.monotonic() - self._start
        if error is None:
            self._notes.add(self._observation())
            return False
        self.failure = classify(error)
        if self.failure is Failure.UNKNOWN or "detail" not in self.facts:
            self.note("detail", describe(error))
        self._notes.add(self._observation())
        # Cancellation passes through (on 3.7 it is an Exception); what is a value stays here; a bug of ours passes.
        return isinstance(error, (OSError, EOFError)) or self.failure not in (Failure.INTERRUPTED, Failure.UNKNOWN)

    def _observation(self) -> Observation:
        return observed(
            self.probe,
            self.step,
            self.target,
            self.address,
            self.failure,
            self.started,
            self.duration or 0.0,
            self.facts,
        )


class Notes:
    """Takes the observations of a run, in the order in which they were finished, and gives each its id."""

    def __init__(self, listener: Optional[Callable[[Observation], None]] = None) -> None:
        self.observations: List[Observation] = []
        self._listener = listener

    def add(self, observation: Observation) -> None:
        """Keep a finished observation."""
        if not observation.id:
            observation = identified(observation)
        self.observations.append(observation)
        if self._listener is not None:
            self._listener(observation)

    def step(self, probe: str, step: str, ask: Optional[Ask] = None, address: Optional[str] = None) -> Step:
        """Begin a step: ``with notes.step("tls", "handshake", ask) as step: ...``."""
        if ask is None:
            return Step(self, probe, step, None, address)
        return Step(self, probe, step, ask.target.name, address or join_port(ask.address, ask.port))


def identified(observation: Observation) -> Observation:
    """The observation with the id that derives from its content."""
    return observed(
        observation.probe,
        observation.step,
        observation.target,
        observation.address,
        observation.failure,
        observation.started,
        observation.duration_s,
        observation.facts,
    )


def observed(
    probe: str,
    step: str,
    target: Optional[str],
    address: Optional[str],
    failure: Optional[Failure],
    started: float,
    duration_s: float,
    facts: Facts,
) -> Observation:
    """An observation of these, with the id that derives from them."""
    duration_s = round(duration_s, 6)
    return Observation(
        id=content_id("o-", probe, step, target, address, failure, started, duration_s, facts),
        probe=probe,
        step=step,
        target=target,
        address=address,
        failure=failure,
        started=started,
        duration_s=duration_s,
        facts=facts,
    )


def describe(error: BaseException) -> str:
    """An exception in one bounded line, without addresses of memory or traces."""
    text = str(error) or type(error).__name__
    return " ".join(text.split())[:LONGEST_TEXT]


# What a connection may take in any case, in bytes read and written: a handshake that was begun is finished. As many may
# wait for it unread at least (socket(7), SO_RCVBUF: a buffer is 2304 bytes at least, half of it the kernel's own).
LEAST_BYTES = 1152


def spent() -> Failed:
    """What is raised where no byte more may be read or sent."""
    return Failed(Failure.BUDGET_SPENT, "the byte budget is spent")


class Budget:
    """What a run may still do. The one that counts is agent/budget.py; this one allows everything.

    ``keys`` name what an opened connection counts against: the target, and the address and port. ``unread``: how many
    bytes may wait on a connection for being read; 0: as the kernel sees fit.
    """

    unread = 0

    async def admit(self, keys: Tuple[str, ...]) -> None:
        """Wait until one more connection may be opened, and take its place.

        The caller connects without awaiting anything in between. Raises Failed(INTERRUPTED) where the run is ending.
        """

    def opened(self) -> None:
        """The SYN has just been sent."""

    def release(self, keys: Tuple[str, ...]) -> None:
        """The connection is closed."""

    @contextlib.contextmanager
    def holding(self, keys: Tuple[str, ...], connections: int) -> Iterator[None]:  # noqa: ARG002 - allows everything
        """Within it so many connections may count against these keys at once, besides all others: the plan says so."""
        yield

    async def packet(self) -> None:
        """Wait until one more datagram may be sent; it is sent without awaiting anything in between."""

    def bears(self, packets: int) -> bool:  # noqa: ARG002 - allows everything
        """Whether so many packets may leave at the same moment."""
        return True

    def sent(self, packets: int) -> None:
        """So many packets have left at some time until now, beside those that were waited for."""

    def spend(self, keys: Tuple[str, ...], count: int) -> None:
        """Count bytes received or sent. Raises Failed(BUDGET_SPENT) past the limit."""

    def left(self, keys: Tuple[str, ...]) -> int:  # noqa: ARG002 - allows everything
        """How many bytes may still be read or sent; none, or less than that, where the limit is reached."""
        return sys.maxsize
