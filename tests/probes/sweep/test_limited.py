"""Where only so many answers come in a second: a sender that is modelled, and what is made of its silence.

The real ones are in tests/lab/sweep/test_limits.py.
"""

import time

import pytest

from probes.sweep import limited
from probes.sweep.limited import Answers, Slowly, slowly
from reports.sweep import FILTERED, Addresses, Answer, Batch, Order, tcp


class Sender:
    """Answers for some cells, ``limit`` of them a second, with a bucket of ``burst``; time is what asking takes."""

    def __init__(self, cells, limit, burst=5.0, icmp="3/13"):
        self.silent = set(cells)
        self.asked = 0
        self.now = 0.0
        self._limit, self._burst, self._icmp = limit, burst, icmp
        self._answers = set(cells)
        self._tokens, self._at = burst, 0.0

    def ask(self, cells, rate):
        """As an engine does."""
        came = []
        for cell in cells:
            self.now += 1 / rate
            self._tokens = min(self._burst, self._tokens + (self.now - self._at) * self._limit)
            self._at = self.now
            self.asked += 1
            if cell in self._answers and cell in self.silent and self._tokens >= 1:
                self._tokens -= 1
                self.silent.discard(cell)
                came.append(Answer(cell, FILTERED, by="10.0.0.1", icmp=self._icmp))
        self.now += 1.0
        yield Batch(came)

    def mute(self, cells):
        """These never answer."""
        self.silent |= set(cells)
        self._answers -= set(cells)


@pytest.fixture
def order():
    """Four blocks, one question."""
    return Order(addresses=Addresses.of("10.0.0.0/22"), questions=(tcp(80),))


def settle(monkeypatch, order, sender, rate):
    """What comes of asking slowly; the clock is the sender's."""
    monkeypatch.setattr(limited.time, "monotonic", lambda: sender.now)
    stage = Slowly(order, sender.ask, sender.silent.__contains__, rate, 60.0)
    blocks = (sorted(sender.silent & set(range(start, start + 256))) for start in range(0, len(order), 256))
    for _ in stage.over(block for block in blocks if block):
        pass
    return stage


@pytest.mark.parametrize("rate", [150.0, 200.0, 2000.0])
def test_all_are_settled(monkeypatch, order, rate):
    """A limit of 200 a second, whatever rate was measured at first."""
    sender = Sender(range(1024), 200.0, burst=20.0)
    stage = settle(monkeypatch, order, sender, rate)

    assert sender.silent == set()
    assert (stage.came, stage.unsettled) == (1024, [])


def test_silence_costs_little(monkeypatch, order):
    """Where not one of a few is answered the rest is not asked again."""
    sender = Sender((), 200.0)
    sender.mute(range(1024))
    stage = settle(monkeypatch, order, sender, 300.0)

    assert sender.asked <= 4 * 5
    assert (stage.came, stage.unsettled) == (0, [])


def test_silent_hosts_among_them_stay_silent(monkeypatch, order):
    """Asked as slowly as answers come, whoever is silent is."""
    sender = Sender(range(600), 200.0, burst=20.0)
    sender.mute(range(600, 1024))
    stage = settle(monkeypatch, order, sender, 200.0)

    assert sender.silent == set(range(600, 1024))
    assert stage.unsettled == []


def test_nobody_waits_for_one_a_second(monkeypatch, order):
    """But nothing is called silent then: such silence tells nothing."""
    sender = Sender(range(256), 1.0)
    stage = settle(monkeypatch, order, sender, 12.0)

    assert set(stage.unsettled) == sender.silent
    assert len(stage.unsettled) > 200
    assert sender.now < 90.0


def test_dead_hosts_may_be_called_silent(monkeypatch, order):
    """An error that says that nobody is there says no more than silence: nobody cares who gets one."""
    sender = Sender(range(256), 1.0, icmp="3/1")
    stage = settle(monkeypatch, order, sender, 12.0)

    assert stage.unsettled == []
    assert sender.now < 30.0


def test_chunks_at_a_rate(monkeypatch):
    """As many as are due, of one question each, in order."""
    now = [0.0]
    monkeypatch.setattr(limited.time, "monotonic", lambda: now[0])
    chunks = slowly([0, 2, 4, 1, 3], 10.0, 2)
    first = next(chunks)
    waiting = next(chunks)
    now[0] = 0.35
    rest = [next(chunks), next(chunks), next(chunks)]
    now[0] = 1.0

    assert (first, waiting) == ([0], None)
    assert rest == [[2, 4], [1], None]
    assert list(chunks) == [[3]]


def test_how_fast_answers_came():
    """The fastest pass counts; late ones show that there is a limit."""
    answers = Answers()
    answers.begin()
    answers.came(50, 0)
    fast = answers.rate
    answers.begin()
    time.sleep(0)
    answers.came(1, 1)

    assert fast == answers.rate == pytest.approx(500.0)
    assert answers.again == 1
