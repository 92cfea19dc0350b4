"""A Stream as the service exchanges see it: one deadline, counted bytes, and the first of them remembered.

Every byte that a peer sends is bounded here: in number by the reader's own limit, in time by the deadline. What a
reader over-reads stays in the buffer; after the exchange the connection is closed.
"""

import asyncio
import time

from probes.contract import LONGEST_TEXT, Step
from probes.stream import Stream
from reports.failures import Failed, Failure
from reports.model import Scalar
from reports.recognise import FIRST_BYTES, printable, recognise

GREETING = "greeting"  # we have said nothing yet
REPLY = "reply"  # we have spoken

_CHUNK = 16384


class Link:
    """One exchange over one connection, within ``timeout`` seconds in all.

    ``window``: how long a peer may take to turn us away, or to speak unasked. Seconds.
    The readers raise TimeoutError (asyncio's on 3.7) when the time is over, EOFError when the peer ends too early,
    OSError for a reset, Failed(WRONG_PROTOCOL) when what came cannot be the protocol.
    """

    __slots__ = (
        "_buffer",
        "_deadline",
        "_since",
        "_step",
        "_stream",
        "bytes_in",
        "bytes_out",
        "heard",
        "phase",
        "window",
    )

    def __init__(self, stream: Stream, step: Step, timeout: float, window: float = 0.0) -> None:
        self._stream = stream
        self._step = step
        self._since = time.monotonic()
        self._deadline = self._since + timeout
        self._buffer = b""
        self.window = window
        self.heard = b""  # the first bytes, also after they were read
        self.bytes_in = 0
        self.bytes_out = 0
        self.phase = GREETING

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - time.monotonic()

    @property
    def spoke(self) -> str:
        """The protocol of what was heard, or ""."""
        # Thousands of targets stay silent: they cost no search.
        return recognise(self.heard) if self.heard else ""

    async def say(self, data: bytes) -> None:
        """Send all of it."""
        await self._stream.write(data, max(0.0, self.left))
        self.bytes_out += len(data)
        self.phase = REPLY
        if not self.heard:
            self._since = time.monotonic()

    async def leave(self, data: bytes) -> None:
        """A farewell on which nothing hangs: the peer may have hung up first."""
        try:
            await self._stream.write(data, max(0.0, self.left))
            self.bytes_out += len(data)
        except (OSError, asyncio.TimeoutError):
            return

    async def listen(self, seconds: float) -> None:
        """Wait that long for the peer to speak first, until what it says is recognised. Silence is no failure."""
        until = min(time.monotonic() + seconds, self._deadline)
        try:
            while not self.spoke and len(self.heard) < FIRST_BYTES and await self._more(until):
                pass
        except (OSError, asyncio.TimeoutError) as error:
            # What was heard says more than how it ended, and a time-out here only says that it is our turn.
            if not self.heard and not isinstance(error, (TimeoutError, asyncio.TimeoutError)):
                raise
        else:
            if not self.heard:
                raise EOFError("the peer closed without a byte")

    async def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._buffer) < count:
            if not await self._more(self._deadline):
                raise EOFError("the peer closed after %d bytes" % self.bytes_in)
        return self._cut(count)

    async def until(self, mark: bytes, limit: int) -> bytes:
        """The next bytes up to and with ``mark``, which stands within the first ``limit``."""
        while mark not in self._buffer[:limit]:
            if len(self._buffer) >= limit:
                raise Failed(Failure.WRONG_PROTOCOL, "no %r within %d bytes" % (mark, limit))
            if not await self._more(self._deadline):
                raise EOFError("the peer closed after %d bytes" % self.bytes_in)
        return self._cut(self._buffer.index(mark) + len(mark))

    async def to_end(self, limit: int) -> bytes:
        """All that comes until the peer's end, but no more than ``limit`` bytes. Raises only if nothing came."""
        try:
            while len(self._buffer) < limit and await self._more(self._deadline):
                pass
        except (OSError, asyncio.TimeoutError):
            if not self._buffer:
                raise
        if not self._buffer:
            raise EOFError("the peer closed without a byte")
        return self._cut(limit)

    def note(self, key: str, value: Scalar) -> None:
        """Record a fact."""
        self._step.note(key, value)

    def error(self, code: Scalar, message: bytes) -> str:
        """Record an error in the service's own words; gives them as they are noted."""
        text = printable(message, LONGEST_TEXT)
        self.note("code", code)
        self.note("message", text)
        return text

    def quote(self) -> None:
        """Record what was heard as the message, where the service's own is not known."""
        if "message" not in self._step.facts:
            self.note("message", printable(self.heard, LONGEST_TEXT))

    def fail(self, failure: Failure) -> None:
        """The exchange itself went well, and its result is this failure."""
        self._step.fail(failure)

    def report(self) -> None:
        """Record what every exchange has: bytes, phase, and who spoke."""
        self.note("bytes_out", self.bytes_out)
        self.note("bytes_in", self.bytes_in)
        self.note("phase", self.phase)
        if self.spoke and "spoke" not in self._step.facts:
            self.note("spoke", self.spoke)

    async def _more(self, until: float) -> bool:
        """Read once more; False at the peer's end."""
        wait = until - time.monotonic()
        # A peer that never pauses must not outlast the deadline.
        if wait <= 0:
            raise asyncio.TimeoutError("no answer in time")
        data = await self._stream.read(_CHUNK, wait)
        if data and not self.bytes_in:
            self.note("first_byte_s", round(time.monotonic() - self._since, 6))
        self._buffer += data
        self.bytes_in += len(data)
        self.heard += data[: FIRST_BYTES - len(self.heard)]
        return bool(data)

    def _cut(self, count: int) -> bytes:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data
