"""Experiments with the sizes of packets, and with how fast many of them come."""

from typing import Optional

from attrs import evolve

from agent.budget import unread_of
from agent.experiments.contract import LEAST_PATIENCE, Ground, patience
from probes import mtu, throughput
from probes.contract import Ask, Notes
from probes.stream import SocketStream
from reports.model import Facts
from reports.rules.contract import Want
from reports.services import HTTP, SERVICES, is_mysql

# An exchange that is repeated takes a few round trips; what hung for seconds is not waited for as long again.
_LEAST_PATIENCE = 0.5
_ROUND_TRIPS = 6
# Once it is known how long an answer takes, silence is known sooner.
_FACTOR = 10
# Four of them leave a sixteenth: some tens of bytes.
_HALVINGS = 4
# Longer than a transfer is read, in seconds.
_TRANSFER = 3.0
# Of the bytes that a target may cost, half are read then.
_READ = 2
# What the headers of IP and TCP add to a segment: without, and with time stamps.
_LEAST_HEADERS = 40
_HEADERS = 52


async def clamp(want: Want, ground: Ground) -> None:
    """The exchange that hangs again, in small segments; where that works, how large they may be.

    Where it does not, somebody may have accepted in the target's place, and its own segments are as they were: then a
    question whose answer is small.
    """
    ask = ground.ask(want.target)
    if is_mysql(ask.target.service, ask.port):
        return  # this exchange may end before its handshake is finished
    usual = _largest(ask, ground) - _LEAST_HEADERS
    patient = _patient(ask, ground)
    took = await _with_segments(mtu.SMALL_MSS, usual, patient, ground)
    if took is None:
        await _small_answer(patient, ground)
    elif usual > mtu.SMALL_MSS and await _with_segments(usual, usual, patient, ground) is None:
        patient = evolve(patient, timeout=max(LEAST_PATIENCE, _FACTOR * took))
        low, high = mtu.SMALL_MSS, usual
        for _ in range(_HALVINGS):
            middle = (low + high) // 2
            works = await _with_segments(middle, usual, patient, ground) is not None
            low, high = (middle, high) if works else (low, middle)


def _patient(ask: Ask, ground: Ground) -> Ask:
    return evolve(ask, timeout=min(ask.timeout, max(_LEAST_PATIENCE, _ROUND_TRIPS * _rtt(ask, ground))))


async def _with_segments(mss: int, usual: int, ask: Ask, ground: Ground) -> Optional[float]:
    """The seconds that the exchange takes in segments of up to so many bytes; None where it hangs."""

    async def speak(stream: SocketStream, notes: Notes) -> None:
        await ground.look.speak(ask, stream, notes, sizes={"body": usual + 1})

    step = "usual" if mss == usual else "clamped"
    return await mtu.exchange(ask, ground.network, ground.notes, step, speak, mss)


async def _small_answer(ask: Ask, ground: Ground) -> None:
    """What the target answers in a few bytes: in TLS that the handshake is hopeless, in HTTP a head."""
    service, name = SERVICES[ask.target.service], ask.target.name
    hung = {seen.probe for seen in ground.notes.observations if seen.target == name and seen.failure is not None}

    async def speak(stream: SocketStream, notes: Notes) -> None:
        if "tls" in hung:
            await mtu.alert(ask, stream, notes)
        else:
            await ground.look.speak(ask, stream, notes, sizes={"body": 0})

    if "tls" in hung or service.exchange == HTTP:
        await mtu.exchange(ask, ground.network, ground.notes, "small", speak)


async def size(want: Want, ground: Ground) -> None:
    """Datagrams as large as the segments of the target's connection, and small ones, towards its host."""
    ask = ground.ask(want.target)
    largest = _largest(ask, ground)
    if largest > mtu.SMALL:
        await mtu.sized(ask, ground.network, ground.notes, largest, patience(_rtt(ask, ground)))


async def pad(want: Want, ground: Ground) -> None:
    """A request that fills a segment, where the usual one is small."""
    ask = ground.ask(want.target)
    if SERVICES[ask.target.service].exchange != HTTP:
        return
    patient = _patient(ask, ground)

    async def speak(stream: SocketStream, notes: Notes) -> None:
        await ground.look.speak(patient, stream, notes, sizes={"body": 1, "padding": _largest(ask, ground)})

    await mtu.exchange(ask, ground.network, ground.notes, "padded", speak)


async def transfer(want: Want, ground: Ground) -> None:
    """How fast the target's answer comes: half of what may be read of it, and for a few seconds."""
    ask = ground.ask(want.target)
    if SERVICES[ask.target.service].exchange != HTTP:
        return  # what others answer is small
    brief, limits = evolve(ask, timeout=_TRANSFER), ground.plan.limits
    most = min(limits.bytes_per_target, limits.bytes)

    async def speak(meter: throughput.Meter, notes: Notes) -> None:
        await ground.look.speak(brief, meter, notes, sizes={"body": most // _READ})

    await throughput.probe(ask, ground.network, ground.notes, speak, unread_of(most))


def _largest(ask: Ask, ground: Ground) -> int:
    """The packet that a full segment of the target's connection makes."""
    opened = _connection(ask, ground)
    return min(int(opened.get("path_mtu", 0)), int(opened.get("mss", 0)) + _HEADERS)


def _connection(ask: Ask, ground: Ground) -> Facts:
    """What the kernel told of the target's last connection."""
    name = ask.target.name
    opened = [
        seen for seen in ground.notes.observations if (seen.probe, seen.target, seen.failure) == ("tcp", name, None)
    ]
    return opened[-1].facts if opened else {}


def _rtt(ask: Ask, ground: Ground) -> float:
    return float(_connection(ask, ground).get("rtt_s", 0.0))
