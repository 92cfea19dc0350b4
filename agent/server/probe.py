"""``/probe?target=...``: one declared target, looked at now, under blackbox_exporter's names."""

import asyncio
import io
import math

from aiohttp import web

from agent.plan.problems import listed, quoted
from agent.schedule.single import Busy, Place, Singles
from agent.server.asking import Bad, needed, text_of
from agent.server.gate import said
from agent.server.sending import send
from reports.metrics import OPENMETRICS_TYPE, TEXT_TYPE, probe_text
from reports.model import Plan, Report
from reports.words import visible

_TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
# Seconds that the answer needs to get back, as blackbox_exporter's --timeout-offset.
_OFFSET = 0.5
_LEAST = 0.2
_LONGEST = 600.0


class Probe:
    """The route."""

    def __init__(self, singles: Singles) -> None:
        self._singles = singles

    async def get(self, request: web.Request) -> web.StreamResponse:
        """What is found, as metrics, or with ``debug=true`` all of it as text."""
        wanted, plan = needed(request, "target"), text_of(request, "plan")
        debug = _flag(request, "debug")
        place = self._place(wanted, plan)
        try:
            found = await self._singles.probe(place, _timeout(request, place.watch.plan))
        except Busy as busy:
            return said(503, str(busy), {"Retry-After": "1"})
        report = found.report
        if found.refused:
            where = listed([f"{address} ({why})" for address, why in found.refused.items()])
            return said(
                403,
                f"{visible(place.target.host)} leads to {where}: nothing was sent there; "
                "only where the plan itself declares such an address is it probed",
            )
        if debug:
            return await send(request, await asyncio.to_thread(_told, report), "text/plain; charset=utf-8")
        is_openmetrics = "application/openmetrics-text" in request.headers.get("Accept", "")
        kind = OPENMETRICS_TYPE if is_openmetrics else TEXT_TYPE
        return await send(request, probe_text(report, openmetrics=is_openmetrics), kind)

    def _place(self, wanted: str, plan: str | None) -> Place:
        """The one target that is meant. Raises Bad."""
        places = self._singles.find(wanted, plan)
        if not places:
            within = f" in a plan {quoted(plan)}" if plan is not None else ""
            raise Bad(
                f"target={quoted(wanted)} is no target{within}: only what a plan declares is probed, "
                "by its name or its address as the plan has it"
            )
        if len(places) > 1:
            plans = sorted({place.watch.plan.name for place in places})
            if len(plans) > 1:
                raise Bad(f"target={quoted(wanted)} is in several plans: add plan=NAME: {visible(listed(plans))}")
            names = sorted({place.target.name for place in places})
            raise Bad(f"target={quoted(wanted)} is several targets: name one: {visible(listed(names))}")
        return places[0]


def _flag(request: web.Request, name: str) -> bool:
    value = text_of(request, name)
    if value not in (None, "true", "false", "1", "0"):
        raise Bad(f"{name}={quoted(value or '')}: allowed: true, false")
    return value in ("true", "1")


def _timeout(request: web.Request, plan: Plan) -> float:
    """Seconds for the probe: what Prometheus gives, less what the answer needs; else the plan's deadline."""
    header = request.headers.get(_TIMEOUT_HEADER)
    if header is None:
        return plan.limits.deadline
    try:
        given = float(header)
    except ValueError:
        given = math.nan
    if not 0 < given <= _LONGEST:
        raise Bad(f"{_TIMEOUT_HEADER}: {quoted(header)}: allowed: seconds, up to {_LONGEST:g}")
    return min(plan.limits.deadline, max(_LEAST, given - _OFFSET, 0.0))


def _told(report: Report) -> bytes:
    """The whole investigation for a person: the verdict and its reasons, each observation, the metrics."""
    from reports.render import text  # noqa: PLC0415 - rich is slow to load, and few ask

    file = io.StringIO()
    text.render(report, text.open_console(file, width=100), command="linkdoctor check PLAN")
    file.write("\nObservations\n")
    for seen in report.observations:
        facts = " ".join(f"{key}={value}" for key, value in sorted(seen.facts.items()))
        words = (f"{seen.probe}/{seen.step}", seen.target or "", seen.address or "", f"{seen.duration_s:.6f}s")
        file.write("  " + visible(" ".join((*words, seen.failure.value if seen.failure else "ok", facts))) + "\n")
    file.write("\nMetrics\n")
    file.write(probe_text(report).decode())
    return file.getvalue().encode("utf-8", "backslashreplace")
