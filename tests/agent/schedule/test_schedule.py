"""Plans that are run again and again, against real servers on loopback."""

import asyncio
from collections import Counter

import pytest

from agent.store import AsyncStore, Store
from reports.model import FAILING, HEALTHY
from tests.agent.schedule.scenes import PATIENCE, Peer, plan, state_of, watched
from tests.tls_servers import HERE, free_port


async def test_runs_come_again_and_again():
    """Each makes metrics and news; the first one settles everything."""
    async with Peer() as peer, watched(plan(peer.address)) as (schedule, heard):
        await heard.runs(3)

        assert schedule.has_looked
        assert state_of(schedule, peer.address).verdict == HEALTHY
        assert heard.of("verdict") == []
        text = schedule.tally.text().decode()
        assert (
            f'linkdoctor_target_settled_verdict{{plan="nightly-etl",target="{peer.address}",verdict="healthy"}} 1.0'
            in text
        )
        assert 'linkdoctor_plan_interval_seconds{plan="nightly-etl"} 0.1' in text


async def test_never_two_runs_at_once_and_no_queue():
    """A run that takes longer than its interval: the starts in between are left out, and counted."""
    async with Peer() as peer:
        slow = plan(f"redis://{peer.address}", limits={"deadline": "350ms"})
        async with watched(slow) as (schedule, heard):
            await heard.runs(3)
            watch = schedule.watches["nightly-etl"]

            assert watch.overruns >= 2 * 2
            assert (
                f'linkdoctor_overruns_total{{plan="nightly-etl"}} {watch.overruns:.1f}'
                in schedule.tally.text().decode()
            )
    assert peer.most == 1


async def test_two_of_three_runs():
    """What one run measures is told beside what is in force; the second one changes it, and once."""
    async with Peer() as peer, watched(plan(peer.address)) as (schedule, heard):
        await heard.runs(1)
        peer.close()
        seen = []
        schedule.listen(lambda word, _: word == "run" and seen.append(state_of(schedule, peer.address)))
        await heard.until(lambda: heard.of("verdict"))
        failing = [state for state in seen if state.measured == FAILING]

        assert [state.verdict for state in failing[:2]] == [HEALTHY, FAILING]
        assert [(one["before"], one["after"]) for one in heard.of("verdict")] == [(HEALTHY, FAILING)]
        assert heard.of("verdict")[0]["cause"] == "service_not_listening"
        await peer.again()
        await heard.until(lambda: len(heard.of("verdict")) == 2)
        assert heard.of("verdict")[1]["after"] == HEALTHY


async def test_a_target_that_fails_for_long_is_asked_less():
    """Its last verdict stands, marked as old; its first success brings it back."""
    async with Peer() as good, Peer() as bad:
        bad.behave = bad.hang_up
        targets = [good.address, {"name": "bad", "address": f"http://{bad.address}/"}]
        async with watched(plan(*targets)) as (schedule, heard):
            await heard.until(lambda: state_of(schedule, "bad").old)
            asked, others = bad.connections, good.connections
            await heard.runs(1)
            old = state_of(schedule, "bad")
            text = schedule.tally.text().decode()

            assert old.verdict == FAILING
            assert good.connections > others
            assert 'linkdoctor_target_asked_every_runs{plan="nightly-etl",target="bad"}' in text
            assert 'linkdoctor_target_verdict{plan="nightly-etl",target="bad",verdict="failing"} 1.0' in text
            assert not state_of(schedule, good.address).old
            await heard.until(lambda: state_of(schedule, "bad").patience.every(0.1) == 8)
            bad.behave = bad.http
            await heard.until(lambda: state_of(schedule, "bad").measured == HEALTHY)
            assert state_of(schedule, "bad").patience.every(0.1) == 1
            await heard.until(lambda: state_of(schedule, "bad").verdict == HEALTHY)
            runs_made, connections = len(heard.of("run")), bad.connections
            assert asked < runs_made
            assert connections < runs_made * 4


async def test_what_is_not_asked_is_judged_by_what_was_seen():
    """A run that leaves a target out says of it what the last one said: the cause stays."""
    async with Peer() as bad:
        bad.behave = bad.hang_up
        async with watched(plan({"name": "bad", "address": f"http://{bad.address}/"})) as (schedule, heard):
            await heard.until(lambda: state_of(schedule, "bad").old)
            old = state_of(schedule, "bad")

            assert old.cause
            assert {seen.target for seen in old.seen} <= {"bad", None}
            failures = schedule.tally.text().decode()
            counted = [line for line in failures.splitlines() if line.startswith("linkdoctor_failures_total")]
            await heard.until(lambda: not state_of(schedule, "bad").old)
            assert counted


async def test_a_new_plan_keeps_what_stays():
    """Of a target that stays the verdict, and since when; of others nothing; a plan that left is forgotten."""
    async with Peer() as one, Peer() as two:
        first = plan(one.address, "127.0.0.1:1", name="a")
        async with watched(first, plan(two.address, name="b")) as (schedule, heard):
            await heard.until(lambda: schedule.has_looked)
            before = state_of(schedule, one.address, "a")
            await schedule.replace([plan(one.address, two.address, every=0.2, name="a")])
            after = schedule.watches["a"].state

            assert list(schedule.watches) == ["a"]
            assert after.targets[one.address].since == before.since
            assert after.targets[two.address].settled is None
            await heard.until(lambda: schedule.watches["a"].state.targets[two.address].settled is not None)
            text = schedule.tally.text().decode()
            assert 'plan="b"' not in text
            assert 'target="127.0.0.1:1"' not in text
            assert 'linkdoctor_plan_interval_seconds{plan="a"} 0.2' in text


async def test_a_new_plan_in_the_middle_of_a_sweep():
    """What the old one swept is nothing of the new one, whose own networks are swept in its first run."""
    async with Peer() as peer:
        slow = plan(f"redis://{peer.address}", limits={"deadline": "500ms"}, networks=[_network("old")])
        async with watched(slow) as (schedule, heard):
            await peer.met.wait()
            await schedule.replace([plan(peer.address, networks=[_network("new")])])
            await heard.runs(2)

            report = schedule.watches["nightly-etl"].report
            assert {"new"} == {seen.facts["network"] for seen in report.observations if seen.step == "states"}


def _network(name):
    return {"name": name, "cidr": "127.0.0.0/30", "ports": [1]}


async def test_the_end_is_near():
    """A run that goes on is ended properly, long before its deadline, and what it found is not judged."""
    async with Peer() as peer:
        begun = asyncio.Event()

        async def mute(reader, writer):
            begun.set()
            await reader.read()
            await reader.read()

        peer.behave = mute
        async with watched(plan(f"redis://{peer.address}", limits={"deadline": "10m"}, slow={"service": "5m"})) as (
            schedule,
            heard,
        ):
            await asyncio.wait_for(begun.wait(), PATIENCE)
            async with asyncio.timeout(20):
                await schedule.stop()
        assert heard.of("run") == []


async def test_many_plans_start_one_by_one():
    """Forty plans of a second each: their starts spread."""
    async with Peer() as peer:
        plans = [plan(peer.address, every=1.0, name=f"p{n}") for n in range(40)]
        async with watched(*plans) as (schedule, heard):
            await heard.until(lambda: schedule.has_looked)
    starts = sorted(facts["run"]["started"] for facts in heard.of("run"))
    assert Counter(started[:21] for started in starts).most_common(1)[0][1] <= 20


async def test_a_process_that_begins_anew_knows_what_was_in_force(tmp_path):
    """A verdict is not new because the process is."""
    port = free_port()
    declared = plan(f"{HERE}:{port}")
    path = tmp_path / "history.db"
    store = await AsyncStore.open(path, tell=print)
    async with watched(declared, store=store) as (schedule, heard):
        await heard.runs(1)
        since = state_of(schedule, f"{HERE}:{port}").since
    async with watched(declared, store=store) as (schedule, heard):
        known = state_of(schedule, f"{HERE}:{port}")

        assert (known.verdict, known.cause) == (FAILING, "service_not_listening")
        assert known.since == pytest.approx(since, abs=1)
        assert known.asked is None
        await heard.runs(1)
    await store.close()
    with Store.look(path) as kept:
        assert len(kept.runs("nightly-etl")) >= 2
        assert kept.events("nightly-etl") == []


async def test_a_name_that_is_given_to_another_address(tmp_path):
    """Nothing is known of it, whatever was known of the one that had its name."""
    store = await AsyncStore.open(tmp_path / "history.db", tell=print)
    at = {"name": "db", "address": f"{HERE}:{free_port()}"}
    async with Peer() as peer:
        async with watched(plan(at), store=store) as (_, heard):
            await heard.runs(1)
        async with watched(plan({**at, "address": peer.address}), store=store) as (schedule, heard):
            assert state_of(schedule, "db").settled is None
            await heard.runs(1)
            assert state_of(schedule, "db").verdict == HEALTHY
    await store.close()


async def test_a_plan_that_left_in_the_middle_of_a_late_run():
    """The starts that it missed by this run are counted for nobody: its metrics are gone, and stay so."""
    async with Peer() as peer:
        slow = plan(f"redis://{peer.address}", every=0.01, limits={"deadline": "10m"}, slow={"service": "4m"})
        other = plan(peer.address, name="other")
        async with watched(slow, other) as (schedule, heard):
            await heard.runs(2)
            leaving = schedule._tasks["nightly-etl"]
            await schedule.replace([other])
            await asyncio.wait([leaving])

            assert schedule.states()[0].runs
            assert 'plan="nightly-etl"' not in schedule.tally.text().decode()


async def test_a_plan_that_left_and_came_back():
    """Its last run ends before the first one of the new one begins."""
    async with Peer() as peer:
        slow = plan(f"redis://{peer.address}", limits={"deadline": "10m"}, slow={"service": "4m"})
        async with watched(slow) as (schedule, heard):
            await peer.met.wait()
            peer.met.clear()
            await schedule.replace([])
            await schedule.replace([slow])
            await asyncio.wait_for(peer.met.wait(), PATIENCE)
        assert peer.most == 1
        assert [len(facts["plans"]) for facts in heard.of("plans")] == [1, 0, 1]
