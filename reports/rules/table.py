"""All rules, module by module, and what must have been seen for any of a module's rules to have something to say.

What has nothing to say is neither loaded nor tried: of targets that work, the rules would else take longer than the
connections. A property test holds that nothing is lost by that.
"""

import importlib
from functools import lru_cache
from typing import FrozenSet, Tuple

from reports.evidence import ADMITTING, BROKEN, UNTRIED
from reports.rules.contract import Rule, Table

# In the order in which equals are told. Of what stands beside a module (Evidence.kinds) there must be one; where
# nothing stands there, a rule of it also reads the plan, or what is seen in any run.
_MODULES: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("settings", (BROKEN, UNTRIED, ADMITTING, "settings coverage", "settings setting")),
    ("dns", (BROKEN, "dns")),
    ("local", ()),
    ("pressure", ()),
    ("eni", (BROKEN,)),
    ("egress", ()),
    ("route", (BROKEN,)),
    ("filter", (BROKEN,)),
    ("service", ()),
    ("cluster", (BROKEN,)),
    ("sizes", ()),
    ("throughput", ()),
    ("http", (BROKEN,)),
    ("tls", (BROKEN, "tls")),
    ("path", ()),
    ("answers", ()),
    ("burst", ()),
    ("later", ("loss",)),
    ("saturation", ("saturation",)),
    ("subnet", ("subnet", "inventory")),
    ("dark", ("subnet",)),
    ("inventory", ("inventory",)),
)


def every() -> Table:
    """All rules."""
    return _of(tuple(name for name, _ in _MODULES))


def possible(seen: FrozenSet[str]) -> Table:
    """Those that may hold where there is this (Evidence.kinds)."""
    return _of(tuple(name for name, needs in _MODULES if not needs or not seen.isdisjoint(needs)))


@lru_cache(maxsize=64)
def _of(names: Tuple[str, ...]) -> Table:
    rules: Tuple[Rule, ...] = ()
    for name in names:
        rules += importlib.import_module("reports.rules." + name).RULES
    return Table(rules)
