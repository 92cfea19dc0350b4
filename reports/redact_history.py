"""Histories that may be shared: as reports/redact.py does it for a report, and with the same pseudonyms throughout.

A history names hosts in a few places only: where runs were made, addresses of targets, and targets that are called by
theirs. Runs are numbered anew: their ids derive from a plan's name.
"""

import re
from functools import lru_cache
from itertools import chain
from typing import Dict, Iterator, List, Sequence

from attrs import evolve

from reports.history import PlanHistory
from reports.redact import Pseudonyms, mapped

# What people call a target by default: SERVICE://host[:port]/path, or host:port.
_CALLED_BY_ADDRESS = re.compile(r"\w[\w+-]*://([^/:\[\]]+).*|([^/:\[\]]+):\d+")
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[A-Za-z]{2,63}")


def redact(histories: Sequence[PlanHistory]) -> List[PlanHistory]:
    """The histories without host names and addresses, and without the folder that they are kept in."""
    names = Pseudonyms()
    ids: Dict[str, str] = {}
    for history in histories:
        for host in _hosts(history):
            names.add_host(host)
        for run in sorted({(run.number, run.id) for run in (*history.runs, history.plan.newest)}):
            ids.setdefault(run[1], "r-%d" % (len(ids) + 1))
        for id_ in chain((event.run for event in history.events), (one.run for one in history.standing)):
            if id_ is not None:
                ids.setdefault(id_, "r-%d" % (len(ids) + 1))
    rewrite = lru_cache(maxsize=None)(names.rewrite)
    return [_without_names(history, mapped(history, rewrite), ids) for history in histories]


def _hosts(history: PlanHistory) -> Iterator[str]:
    yield history.plan.newest.host
    yield from (run.host for run in history.runs)
    standing, rows, events = history.standing, history.strips.rows, history.events
    called = [*(one.target for one in standing), *(row.target for row in rows), *(event.target for event in events)]
    for text in (*called, *(one.address for one in standing)):
        match = _CALLED_BY_ADDRESS.fullmatch(text)
        if match is not None:
            yield match.group(1) or match.group(2)
        yield from _DOMAIN.findall(text)


def _without_names(old: PlanHistory, new: PlanHistory, ids: Dict[str, str]) -> PlanHistory:
    """Words of closed lists stay, also where a host is called so."""
    return evolve(
        new,
        kept_in=re.split(r"[/\\]", old.kept_in)[-1],
        plan=evolve(new.plan, newest=evolve(new.plan.newest, id=ids[old.plan.newest.id])),
        runs=tuple([evolve(run, id=ids[before.id]) for before, run in zip(old.runs, new.runs)]),
        standing=tuple([evolve(one, run=ids.get(before.run or "")) for before, one in zip(old.standing, new.standing)]),
        events=tuple(
            [
                evolve(
                    one, run=ids[before.run], before=before.before, after=before.after, cause_before=before.cause_before
                )
                for before, one in zip(old.events, new.events)
            ]
        ),
        outbound=tuple([evolve(one, way=before.way) for before, one in zip(old.outbound, new.outbound)]),
    )
