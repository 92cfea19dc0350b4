"""Under which addresses the job goes out: in the first look, and more closely where they may matter."""

from typing import Optional, Tuple
from urllib.parse import urlsplit

from attrs import evolve

from agent.experiments.contract import Ground, patience
from probes import egress
from probes.contract import Ask, Notes
from probes.stream import Stream
from reports.failures import Failed, Failure
from reports.model import Plan, Target
from reports.proxies import Proxy
from reports.rules.contract import Want
from reports.services import MYSQL, is_mysql, is_tls, service_at

# Connections to the echo: in the first look, and then to find the rest of a pool (each of two equal addresses is seen
# by eight of them but once in 128 times).
_FIRST = 4
_MORE = 8
# How often a target is tried again.
_REPEATS = 6


async def look(ground: Ground) -> None:
    """Ask the plan's echo, if it has one, as part of the first look."""
    echo = _echo(ground.plan)
    if echo is None:
        return
    proxy = ground.proxy(echo)
    for address in (await ground.resolve(echo.host if proxy is None else proxy.host))[:1]:
        await _ask(echo, address, proxy, _FIRST, ground)


async def ask_again(want: Want, ground: Ground) -> None:  # noqa: ARG001 - the shape of an experiment
    """Ask the echo more often: the way out may have more addresses than were seen."""
    echo = _echo(ground.plan)
    asked = [seen for seen in ground.notes.observations if (seen.probe, seen.step) == ("egress", "address")]
    if echo is not None and asked:
        address = str(asked[-1].address).rpartition(":")[0].strip("[]")
        await _ask(echo, address, ground.proxy(echo), _MORE, ground)


async def repeat(want: Want, ground: Ground) -> None:
    """Look at the target several times more: whether it answers each time, never, or now and then."""
    ask = ground.ask(want.target)
    answers = [seen.duration_s for seen in ground.notes.observations if seen.probe == "egress" and seen.ok]
    brief = patience(min(answers, default=0.0))
    plan = ground.plan
    hasty = evolve(plan, limits=evolve(plan.limits, connect_timeout=brief))
    if not is_mysql(ask.target.service, ask.port):  # which counts who leaves before it has greeted
        hasty = evolve(hasty, slow=evolve(plan.slow, service=brief))
    looking = evolve(ground.look, plan=hasty)
    with ground.notes.step("egress", "repeat", ask) as step:
        failures = []
        for _ in range(_REPEATS):
            notes = Notes()
            await looking.at(ask.target, ask.address, notes)
            failures += [seen.failure for seen in notes.observations if seen.failure is not None][:1]
        step.note("tries", _REPEATS)
        step.note("answered", _REPEATS - len(failures))
        step.note("failures", ",".join(dict.fromkeys(failure.value for failure in failures)) or None)
        if failures:
            step.fail(failures[0])


def _echo(plan: Plan) -> Optional[Target]:
    """The echo as something to connect to; none at MySQL's port, where this handshake would not be finished."""
    if plan.egress.echo is None:
        return None
    url = urlsplit(plan.egress.echo)
    port = url.port or (443 if url.scheme == "https" else 80)
    if service_at(port) == MYSQL:
        return None
    path = (url.path or "/") + ("?" + url.query if url.query else "")
    return Target(name=plan.egress.echo, host=url.hostname or "", port=port, service=url.scheme, path=path)


async def _ask(echo: Target, address: str, proxy: Optional[Proxy], times: int, ground: Ground) -> None:
    """So many connections, one after the other; none after one that failed."""
    ask = ground.look.ask(echo, address)
    for _ in range(times):
        if not await egress.probe(ask, lambda: _open(ask, proxy, ground), ground.notes, proxy):
            return


async def _open(ask: Ask, proxy: Optional[Proxy], ground: Ground) -> Tuple[Stream, str]:
    """The connection that the probe speaks over. Raises Failed."""
    port = ask.port if proxy is None else proxy.port
    opened = await ground.network.connect_to(ask.address, port, ask.timeout, ask.target.name)
    if opened.stream is None:
        raise Failed(opened.handshake.failure or Failure.UNKNOWN)
    if not is_tls(ask.target.service, ask.port):
        return opened.stream, opened.handshake.source
    from probes import http, tls  # noqa: PLC0415 - start-up: few plans name an echo with TLS

    notes = Notes()  # what the address is asked for is all that counts
    secured: Optional[Stream] = None
    if proxy is None or await http.connect_through(ask, opened.stream, notes, proxy):
        secured = await tls.probe(ask, ground.network, opened.stream, notes, ground.plan.tls.ca, reopen=_never)
    if secured is None:
        await opened.stream.close()
        raise Failed(notes.observations[-1].failure or Failure.UNKNOWN)
    return secured, opened.handshake.source


async def _never() -> Optional[Stream]:
    """In place of the connection that would fetch a certificate that was not accepted."""
    return None
