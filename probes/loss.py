"""The loss probe: handshakes with one address, one after the other, until it is known whether the way loses packets.

A SYN that is not answered within ``patience`` counts as lost, whichever of the two packets it was, and the next
handshake begins: a lost one costs 0.2 s and not the second after which Linux sends its SYN again.

How many a good series takes: a way that loses a share p lets n handshakes pass with a chance of (1-p)^n. So 20 without
a loss leave 5 % of doubt of a loss of 14 %, 60 of 5 %, 200 of 1.5 %. After each one it is asked whether it is decided:

    20 without a loss             x (10 ms + RTT)                       clean                  0.2 s in a VPC
    10 to 20 at a loss of 25 %    x (10 ms + RTT), 0.2 s a lost one     beyond doubt heavy     0.6 to 1 s
    6 of which none is answered   x 0.2 s                               silence, and no loss   1.3 s
    anything else                                                       60 handshakes or 3 s, whichever is first

In packets: 4 or 5 a handshake, 300 at most; without data, but where a service wants its handshake finished.
"""

import asyncio
import math
import time
from typing import Awaitable, Callable, List, Optional

from attrs import frozen

from probes.connector import Handshake
from probes.contract import Ask, Notes, Step
from probes.network import Network
from probes.stream import SocketStream
from reports.failures import Failure
from reports.statistics import median, median_interval, wilson

# Seconds between two handshakes: a moment's burst is not the whole series.
_PAUSE = 0.01
# So many unanswered ones, and none answered, are silence and no loss.
_SILENT = 6
# Loss from here on is heavy; fewer handshakes than that do not show it.
_HEAVY = 0.05
_FEWEST = 10
# Whoever looks after every handshake would be misled by chance too often at 95 %: 99.9 %, in standard deviations.
_BEYOND_DOUBT = 3.3


@frozen(kw_only=True)
class Series:
    """How long to go on. ``patience``: seconds until a SYN counts as lost.

    ``enough``: handshakes without a loss that clear the way. ``most``, ``within``: handshakes and seconds at most.
    """

    patience: float = 0.6
    enough: int = 20
    most: int = 60
    within: float = 3.0


async def probe(
    ask: Ask,
    network: Network,
    notes: Notes,
    finish: Callable[[SocketStream], Awaitable[Optional[Failure]]],
    series: Series,
) -> None:
    """Repeat the handshake with ``ask.address``; ``finish`` ends each connection that came about.

    It says how the service turned it away, where it was spoken to.

    One observation; its failure is ``timed_out`` where none was answered, or what came in place of an answer.
    Facts: docs/observations.md.
    """
    tally = _Tally()
    end = time.monotonic() + series.within
    with notes.step("loss", "handshakes", ask) as step:
        step.note("ip", ask.address)
        step.note("port", ask.port)
        step.note("patience_s", round(series.patience, 3))
        try:
            while not tally.failure and not _is_decided(tally, series) and time.monotonic() < end:
                if tally.tried:
                    await asyncio.sleep(_PAUSE)
                opened = await network.connect_to(ask.address, ask.port, series.patience, ask.target.name)
                tally.count(opened.handshake)
                if opened.stream is not None:
                    tally.turned_away(await finish(opened.stream))
        finally:
            tally.note(step)
        step.failure = tally.failure or (None if tally.answered else Failure.TIMED_OUT)


class _Tally:
    """What the handshakes came to."""

    def __init__(self) -> None:
        self.tried = self.answered = self.refused = self.denied = self.syns = self.lost = 0
        self.denial: Optional[Failure] = None
        self.failure: Optional[Failure] = None
        self._rtts: List[float] = []

    def count(self, shaken: Handshake) -> None:
        # A reset is an answer to the SYN as well; an ICMP message, or a shortage of this machine's, is none.
        refused = shaken.failure is Failure.CONNECTION_REFUSED and shaken.icmp is None
        if shaken.failure not in (None, Failure.TIMED_OUT) and not refused:
            self.failure = shaken.failure
            return
        retransmits = shaken.info.retransmits if shaken.info is not None else 0
        answered = shaken.failure is not Failure.TIMED_OUT
        self.tried += 1
        self.answered += answered
        self.refused += refused
        self.syns += 1 + retransmits
        self.lost += retransmits + (not answered)
        # Of a SYN that was sent twice nobody knows which one was answered (RFC 6298, section 3: Karn's algorithm).
        if answered and not retransmits:
            self._rtts.append(shaken.duration)

    def turned_away(self, failure: Optional[Failure]) -> None:
        if failure is Failure.TOO_MANY_CONNECTIONS:
            self.denied += 1
            self.denial = failure

    def note(self, step: Step) -> None:
        step.note("tried", self.tried)
        step.note("answered", self.answered)
        step.note("refused", self.refused or None)
        step.note("denied", self.denied or None)
        step.note("denial", self.denial.value if self.denial is not None else None)
        step.note("syns", self.syns)
        step.note("syns_lost", self.lost)
        if self.syns:
            low, high = wilson(self.lost, self.syns)
            step.note("loss", round(self.lost / self.syns, 4))
            step.note("loss_low", round(low, 4))
            step.note("loss_high", round(high, 4))
        if self._rtts:
            rtts = sorted(self._rtts)
            low, high = median_interval(rtts)
            mean = sum(rtts) / len(rtts)
            step.note("rtt_min_s", rtts[0])
            step.note("rtt_median_s", round(median(rtts), 6))
            step.note("rtt_median_low_s", low)
            step.note("rtt_median_high_s", high)
            step.note("rtt_max_s", rtts[-1])
            step.note("rtt_deviation_s", round(math.sqrt(sum((one - mean) ** 2 for one in rtts) / len(rtts)), 6))


def _is_decided(tally: _Tally, series: Series) -> bool:
    if tally.tried >= series.most:
        return True
    if not tally.lost:
        return tally.tried >= series.enough
    if not tally.answered:
        return tally.tried >= _SILENT
    return tally.tried >= _FEWEST and wilson(tally.lost, tally.syns, _BEYOND_DOUBT)[0] >= _HEAVY
