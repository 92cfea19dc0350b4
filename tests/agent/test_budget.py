"""The budget is never exceeded, whatever happens to those who wait for it."""

import asyncio
import contextlib
import socket
import time

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agent.budget import HELD_BYTES, Pace, RunBudget, share_out
from probes.contract import LEAST_BYTES, Ask
from probes.network import Network
from reports.failures import Failed, Failure
from reports.model import Limits, Share, Target


def _most_within(times, window):
    return max(sum(1 for other in times if start <= other < start + window) for start in times)


async def test_rate_holds_in_every_second():
    """However many ask at once, no second holds more openings than the rate, and no tenth more than a tenth."""
    budget = RunBudget(Limits(rate=400, concurrency=10_000, per_target=10_000))
    times = []

    async def open_one(number):
        await budget.admit((str(number),))
        times.append(time.monotonic())
        budget.opened()

    await asyncio.gather(*(open_one(number) for number in range(600)))

    assert len(times) == 600
    assert _most_within(times, 1.0) <= 400
    assert _most_within(times, 0.1) <= 40


async def test_what_a_target_allows_comes_beside():
    """While it is allowed, so many connections to one target may be open; others, and later ones, are as before."""
    budget = RunBudget(Limits(rate=100_000, concurrency=2, per_target=1, bytes=50_000, bytes_per_target=10))
    keys = ("held", "192.0.2.1:80")
    with budget.holding(keys, 3):
        for _ in range(3):
            await budget.admit(keys)
        await budget.admit(("other",))
        fourth = asyncio.ensure_future(budget.admit(keys))
        await asyncio.sleep(0)
        waits = not fourth.done()
        budget.spend(keys, 3 * (HELD_BYTES - LEAST_BYTES))
        fourth.cancel()
        for _ in range(3):
            budget.release(keys)
    await budget.admit(keys)
    second = asyncio.ensure_future(budget.admit(keys))
    await asyncio.sleep(0)

    assert waits
    assert not second.done()
    second.cancel()
    with pytest.raises(Failed):
        budget.spend(keys, 11)


def test_what_cannot_leave_at_the_same_moment():
    """More packets at once than the rate allows in a second are not borne, however long they are waited for."""
    budget = RunBudget(Limits(packet_rate=12))

    assert (budget.bears(12), budget.bears(13)) == (True, False)


async def test_a_target_that_is_called_by_its_address():
    """Each of its connections counts once: it holds what it allows, and has its usual place afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        target = Target(name=f"{host}:{port}", host=host, port=port)
        ask = Ask(target=target, address=host, timeout=1.0)
        with contextlib.closing(Network(RunBudget(Limits(per_target=1)))) as network:
            with network.holding(ask, 2):
                held = await asyncio.wait_for(asyncio.gather(network.connect(ask), network.connect(ask)), 10)
                for opened in held:
                    await opened.stream.close()
            later = await network.connect(ask)
            await later.stream.close()

    assert [None] * 3 == [opened.handshake.failure for opened in (*held, later)]


async def test_places_are_never_exceeded():
    """At most ``concurrency`` places are out at once, and at most ``per_target`` for one key."""
    budget = RunBudget(Limits(rate=100_000, concurrency=7, per_target=2))
    now, most, of_target, most_of_target = 0, 0, {}, 0

    async def hold(number):
        nonlocal now, most, most_of_target
        key = str(number % 5)
        await budget.admit((key, f"{key}:{number}"))
        now += 1
        of_target[key] = of_target.get(key, 0) + 1
        most, most_of_target = max(most, now), max(most_of_target, of_target[key])
        await asyncio.sleep(0)
        now -= 1
        of_target[key] -= 1
        budget.release((key, f"{key}:{number}"))

    await asyncio.gather(*(hold(number) for number in range(200)))

    assert (7, 2) == (most, most_of_target)


async def test_a_cancelled_waiter_takes_no_place():
    """Whoever gives up while waiting leaves the place to the next."""
    budget = RunBudget(Limits(concurrency=1))
    await budget.admit(("a",))
    impatient = asyncio.ensure_future(budget.admit(("b",)))
    patient = asyncio.ensure_future(budget.admit(("c",)))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    budget.release(("a",))
    await patient
    budget.release(("c",))

    await budget.admit(("d",))


async def test_a_waiter_cancelled_after_its_turn_gives_the_place_back():
    """The place may come in the same moment as the cancellation."""
    budget = RunBudget(Limits(concurrency=1))
    await budget.admit(("a",))
    waiter = asyncio.ensure_future(budget.admit(("b",)))
    await asyncio.sleep(0)
    budget.release(("a",))
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)

    await budget.admit(("c",))


async def test_closing_refuses_who_waits_and_who_comes():
    """When the run ends, nothing more is opened or sent."""
    budget = RunBudget(Limits(concurrency=1))
    await budget.admit(("a",))
    waiter = asyncio.ensure_future(budget.admit(("b",)))
    await asyncio.sleep(0)
    budget.close()

    for refused in (waiter, budget.admit(("c",)), budget.packet()):
        with pytest.raises(Failed) as caught:
            await refused
        assert caught.value.failure is Failure.INTERRUPTED


@pytest.mark.parametrize(("descriptors", "expected"), [(None, 256), (10_000, 256), (128, 96), (20, 1)])
async def test_concurrency_is_planned_from_the_descriptors(descriptors, expected):
    """Connections at once never ask for more descriptors than there are."""
    assert expected == RunBudget(Limits(concurrency=256), descriptors).concurrency


async def test_bytes():
    """Bytes are counted for the target and for the run; a quarter is kept for what comes unread."""
    limits = evolve(Limits(), bytes_per_target=132, bytes=200)
    budget = RunBudget(limits)
    budget.spend(("a",), 90)
    budget.spend(("b",), 50)
    with pytest.raises(Failed) as of_target:
        budget.spend(("a",), 11)
    with pytest.raises(Failed) as of_run:
        budget.spend(("c",), 1)

    assert of_target.value.failure is of_run.value.failure is Failure.BUDGET_SPENT


async def test_slow_pace_is_not_rounded_to_nothing():
    """A rate below twenty is not spread over tenths of a second, where it would be zero."""
    pace = Pace(3)
    for _ in range(3):
        await pace.wait()
        pace.mark()

    assert pace._pause(time.monotonic()) > 0


@given(
    limits=st.builds(
        Limits,
        concurrency=st.integers(1, 500),
        per_target=st.integers(1, 50),
        rate=st.integers(1, 2000),
        packet_rate=st.integers(1, 2000),
    ),
    of=st.integers(1, 300),
)
def test_shares_are_the_whole(limits, of):
    """Those instances that probe have at least one of everything, and together no more than the plan allows."""
    parts = [part for part, _ in (share_out(limits, Share(index=index, of=of)) for index in range(of))]
    probing = [part for part in parts if part is not None]

    assert probing
    for name in ("concurrency", "per_target", "rate", "packet_rate", "bytes", "bytes_per_target"):
        assert all(getattr(part, name) >= 1 for part in probing)
        assert sum(getattr(part, name) for part in probing) == getattr(limits, name)
    smallest = min(limits.concurrency, limits.per_target, limits.rate, limits.packet_rate)
    assert min(of, smallest) == len(probing)


def test_a_share_below_one_is_said_by_name():
    """One connection a target at once, and forty instances: one of them probes."""
    assert (None, "per_target") == share_out(Limits(), Share(index=1, of=40))


def test_few_bytes_allow_few_connections():
    """No more are open at once than the part of the bytes bears that comes unread: a buffer has a least size."""
    few = RunBudget(Limits(concurrency=1000, bytes=1_000_000))

    assert few.concurrency * 2304 <= 1_000_000 // 4
    assert RunBudget(Limits(bytes=1)).concurrency == 1
    assert RunBudget(Limits()).concurrency == Limits().concurrency


async def test_few_bytes_of_a_target_allow_few_connections_to_it():
    """As above, of one target."""
    budget = RunBudget(Limits(per_target=64, bytes_per_target=20_000))
    for _ in range(20_000 // 4 // 2304):
        await budget.admit(("t",))
    more = asyncio.ensure_future(budget.admit(("t",)))
    await asyncio.sleep(0)

    assert not more.done()
    more.cancel()
