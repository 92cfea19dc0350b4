"""Arbitrary reports and plans, from the types of the classes themselves."""

from enum import Enum
from typing import Any, Union

from attrs import fields, has
from hypothesis import strategies as st

from reports.model import (
    MEASURES,
    OWNERS,
    RUNTIMES,
    SCHEMA,
    SEVERITIES,
    VERDICTS,
    WAYS,
    Candidate,
    Finding,
    Observation,
    Plan,
    Remedy,
    Report,
    Run,
    Share,
    Target,
    TargetResult,
)
from reports.services import SERVICES
from tests.reports.vpc.cases import CASES

_TEXT = st.text(max_size=8)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_SHARE = st.floats(0, 1)
# Whole microseconds, as documents hold them, as far as a float can tell them apart.
_MOMENT = st.integers(0, 2**52).map(lambda microseconds: microseconds / 1e6)

_PLAIN = {
    str: _TEXT,
    int: st.integers(-(2**63), 2**63),
    float: _FINITE,
    bool: st.booleans(),
}

_SPECIAL = {
    (Report, "schema"): st.just(SCHEMA),
    (Report, "verdict"): st.sampled_from(VERDICTS),
    (TargetResult, "verdict"): st.sampled_from(VERDICTS),
    (TargetResult, "latency_s"): st.none() | st.floats(0, 1e5),
    (Finding, "severity"): st.sampled_from(SEVERITIES),
    (Finding, "confidence"): _SHARE,
    (Candidate, "confidence"): _SHARE,
    (Remedy, "owner"): st.sampled_from(OWNERS),
    (Plan, "runtime"): st.none() | st.sampled_from(RUNTIMES),
    (Plan, "inventory"): st.none() | st.sampled_from([case.inventory for case in CASES[::20]]),
    (Target, "via"): st.sampled_from(WAYS),
    (Target, "service"): st.sampled_from(tuple(SERVICES)),
    (Target, "port"): st.integers(1, 65535),
    (Target, "measure"): st.lists(st.sampled_from(MEASURES), max_size=2).map(tuple),
    (Share, "index"): st.integers(0, 1000),
    (Share, "of"): st.integers(1, 1000),
    (Run, "started"): _MOMENT,
    (Run, "duration_s"): st.floats(0, 1e5),
    (Observation, "started"): _MOMENT,
}


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Arbitrary values of a type, few of each."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, arguments = getattr(kind, "__origin__", None), getattr(kind, "__args__", ())
    if origin is Union:
        return st.one_of([st.none() if argument is type(None) else of(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(of(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(_TEXT, of(arguments[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    assert has(kind), kind
    return st.builds(kind, **{field.name: _of_field(kind, field) for field in fields(kind)})


def _of_field(kind: type, field: Any) -> st.SearchStrategy[Any]:
    special = _SPECIAL.get((kind, field.name))
    return of(field.type) if special is None else special


reports = of(Report)
plans = of(Plan)
