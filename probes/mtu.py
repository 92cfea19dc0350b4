"""The mtu probe: whether large packets pass where small ones do.

By the exchange itself: what hangs with segments as they are usual, and works where this side announces that it takes
only small ones (RFC 9293 section 3.7.1), hangs by their size. That is the way back; where somebody on the way has
accepted in the target's place, a question with a small answer tells of it. And by datagrams that no router may
cut up: ICMP echoes, where this process may send them (ping sockets, icmp(7), or raw ones), else UDP to a port where
nobody listens. That is the way there: the answers are small, or may be cut up. Silence means nothing by itself, many
networks answer neither: only small answers beside large silence say something.
"""

import contextlib
import os
import time
from typing import Awaitable, Callable, Dict, List, Optional, Tuple, Union

from probes.connector import Dial
from probes.contract import Ask, Notes
from probes.datagrams import Method, methods
from probes.kernel import IcmpError, failure_of
from probes.network import Network
from probes.stream import SocketStream, Stream
from reports.addresses import is_literal
from reports.failures import UNANSWERED, Failure

# Bytes of an IP packet that every path carries (RFC 791), and the segment that makes such a packet.
SMALL = 576
SMALL_MSS = 536

_RECORD = 512

# Sizes tried at once in a search: three rounds find one size in 4096.
_AT_ONCE = 15
_MOST_ROUNDS = 4

Speak = Callable[[SocketStream, Notes], Awaitable[None]]

_Heard = Optional[Union[bytes, IcmpError]]


async def exchange(
    ask: Ask, network: Network, notes: Notes, step_name: str, speak: Speak, mss: int = 0
) -> Optional[float]:
    """An exchange with the target over a connection of its own, whose peer sends ``mss`` bytes a segment at most.

    The step is ``clamped``, ``usual`` (the segments that it hung with), ``small`` (another exchange, whose answer is
    small) or ``padded`` (one whose question is large). ``speak`` does it, writes it into notes of its own and ends the
    connection. Gives the seconds until the answer to its last step, or None where that did not come.
    """
    private, start = Notes(), time.monotonic()
    with notes.step("mtu", step_name, ask) as step:
        step.note("mss", mss or None)
        opened = await network.connect_to(ask.address, ask.port, ask.timeout, ask.target.name, Dial(mss=mss))
        step.failure = opened.handshake.failure
        if opened.stream is not None:
            await speak(opened.stream, private)
        seen = private.observations
        if seen:
            step.note("last", "%s %s" % (seen[-1].probe, seen[-1].step))
            step.note("bytes_in", sum(int(one.facts.get("bytes_in", 0)) for one in seen))
            step.failure = seen[-1].failure
            for fact in ("unacked", "retransmits"):
                step.note(fact, seen[-1].facts.get(fact))
    return None if step.failure in UNANSWERED else time.monotonic() - start


async def alert(ask: Ask, stream: Stream, notes: Notes) -> None:
    """Begin a TLS handshake that the target can only refuse, with a few bytes; the stream is closed.

    Whatever comes is an answer.
    """
    with notes.step("tls", "alert", ask) as step:
        try:
            await stream.write(_hopeless_hello(ask.target.host), ask.timeout)
            answer = await stream.read(_RECORD, ask.timeout)
            step.note("bytes_in", len(answer))
            if not answer:
                raise EOFError("the peer closed without a byte")
        finally:
            await stream.close()


def _hopeless_hello(host: str) -> bytes:
    """A ClientHello (RFC 5246 section 7.4.1.2) with one cipher suite, TLS_RSA_WITH_NULL_MD5, that nobody accepts."""
    name = host.encode("ascii", "replace")
    # Literal addresses are no server names (RFC 6066 section 3).
    named = b"" if is_literal(host) else b"\0\0" + _sized(_sized(b"\0" + _sized(name, 2), 2), 2)
    body = b"\x03\x03" + os.urandom(32) + b"\0" + _sized(b"\0\x01", 2) + b"\x01\0" + _sized(named, 2)
    return b"\x16\x03\x01" + _sized(b"\x01" + _sized(body, 3), 2)


def _sized(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width, "big") + data


async def sized(ask: Ask, network: Network, notes: Notes, largest: int, patience: float) -> None:
    """Datagrams of SMALL and of ``largest`` bytes (whole IP packets) towards the target's host.

    Where only small echoes are answered, the largest that is answered is searched for. What is not answered is waited
    for ``patience`` seconds, each round. One observation a size that says something: facts in docs/observations.md.
    """
    for method in methods(ask.address):
        # What this machine does not let out is no observation.
        with contextlib.suppress(OSError):
            if await _Sizing(ask, network, notes, method, patience).between(SMALL, largest):
                return


class _Sizing:
    """One method, towards one host."""

    def __init__(self, ask: Ask, network: Network, notes: Notes, method: Method, patience: float) -> None:
        self._ask = ask
        self._network = network
        self._notes = notes
        self._method = method
        self._patience = patience
        self._heard: Dict[int, _Heard] = {}
        self._rounds: Dict[int, Tuple[float, float]] = {}  # of each size, when it was tried, and for how long

    async def between(self, small: int, large: int) -> bool:
        """Try both; where only the small one is answered, find the largest that is. Notes what shows it.

        Whether anything is answered at all.
        """
        telling = {small, large}
        try:
            await self._try([small, large])
            # Messages of closed ports are rationed: there, silence would soon mean that.
            if self._answered(small) and not self._answered(large) and self._method.name == "echo":
                telling.update(await self._search(small, large))
            return self._answered(small)
        finally:
            for size in sorted(telling & set(self._heard)):
                self._note(size)

    async def _search(self, low: int, high: int) -> Tuple[int, int]:
        """The largest size that is answered, and the smallest that was not."""
        for _ in range(_MOST_ROUNDS):
            sizes = [size for size in self._named() if low < size < high] or _spread(low, high)
            if not sizes:
                break
            await self._try(sizes)
            low = max([low] + [size for size in sizes if self._answered(size)])
            high = min([high] + [size for size in sizes if size > low])
            if low in self._named():
                break
        return low, high

    def _named(self) -> List[int]:
        """The sizes that routers said would fit."""
        return sorted({icmp.mtu for icmp in self._heard.values() if isinstance(icmp, IcmpError) and icmp.mtu})

    async def _try(self, sizes: List[int]) -> None:
        kind, messages = self._method.of_sizes(sizes)
        started, start = round(time.time(), 6), time.monotonic()
        target = self._ask.target.name
        heard = await self._network.volley(kind, self._ask.address, messages, self._patience, target)
        for index, size in enumerate(sizes):
            self._heard[size] = heard.get(index)
            self._rounds[size] = started, time.monotonic() - start

    def _answered(self, size: int) -> bool:
        """The host itself answered; of UDP, that nobody listens."""
        heard = self._heard[size]
        if isinstance(heard, IcmpError):
            return heard.sender == self._ask.address and not heard.mtu
        return heard is not None

    def _note(self, size: int) -> None:
        with self._notes.step("mtu", "sized", self._ask, address=self._ask.address) as step:
            step.started, step.duration = self._rounds[size]
            step.note("method", self._method.name)
            step.note("size", size)
            heard = self._heard[size]
            if isinstance(heard, IcmpError) and not self._answered(size):
                step.failure = failure_of(heard.errno, heard)
                step.note("from", heard.sender or None)
                step.note("mtu", heard.mtu or None)
            elif heard is None:
                step.failure = Failure.TIMED_OUT


def _spread(low: int, high: int) -> List[int]:
    """Sizes between the two, evenly."""
    parts = min(_AT_ONCE + 1, high - low)
    return sorted({low + (high - low) * part // parts for part in range(1, parts)})
