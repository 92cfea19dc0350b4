"""All rules, by the stage that they may explain."""

from typing import Dict, Tuple

from reports.rules import (
    answers,
    burst,
    dns,
    egress,
    eni,
    filter,  # noqa: A004 - a layer's name
    http,
    later,
    local,
    path,
    pressure,
    route,
    saturation,
    service,
    settings,
    sizes,
    throughput,
    tls,
)
from reports.rules.contract import LOAD, STAGES, WORKS, Rule, wants_nothing

RULES: Tuple[Rule, ...] = (
    settings.RULES
    + dns.RULES
    + local.RULES
    + pressure.RULES
    + eni.RULES
    + egress.RULES
    + route.RULES
    + filter.RULES
    + service.RULES
    + sizes.RULES
    + throughput.RULES
    + http.RULES
    + tls.RULES
    + path.RULES
    + answers.RULES
    + burst.RULES
    + later.RULES
    + saturation.RULES
)

# The rules that compete to explain each stage, and those that are reported by themselves.
EXPLAINING: Dict[str, Tuple[Rule, ...]] = {
    stage: tuple(rule for rule in RULES if stage in rule.explains) for stage in (*STAGES, WORKS, LOAD)
}
STANDALONE: Tuple[Rule, ...] = tuple(rule for rule in RULES if rule.standalone)
# Those that may ask for an experiment where nothing is broken.
SUSPECTING: Tuple[Rule, ...] = tuple(rule for rule in RULES if rule.suspects is not wants_nothing)
