"""All rules, by the stage that they may explain."""

from typing import Dict, Tuple

from reports.rules import dns, eni, filter, http, local, route, service, settings, tls  # noqa: A004 - a layer's name
from reports.rules.contract import STAGES, Rule

RULES: Tuple[Rule, ...] = (
    settings.RULES
    + dns.RULES
    + local.RULES
    + eni.RULES
    + route.RULES
    + filter.RULES
    + service.RULES
    + http.RULES
    + tls.RULES
)

# The rules that compete to explain each stage, and those that are reported by themselves.
EXPLAINING: Dict[str, Tuple[Rule, ...]] = {
    stage: tuple(rule for rule in RULES if stage in rule.explains) for stage in STAGES
}
STANDALONE: Tuple[Rule, ...] = tuple(rule for rule in RULES if rule.standalone)
