"""All rules, by the stage that they may explain."""

from typing import Dict, Tuple

from reports.rules import dns, egress, eni, filter, http, local, path, route, service, settings, sizes, throughput, tls  # noqa: A004 - a layer's name
from reports.rules.contract import STAGES, WORKS, Rule, wants_nothing

RULES: Tuple[Rule, ...] = (
    settings.RULES
    + dns.RULES
    + local.RULES
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
)

# The rules that compete to explain each stage, and those that are reported by themselves.
EXPLAINING: Dict[str, Tuple[Rule, ...]] = {
    stage: tuple(rule for rule in RULES if stage in rule.explains) for stage in (*STAGES, WORKS)
}
STANDALONE: Tuple[Rule, ...] = tuple(rule for rule in RULES if rule.standalone)
# Those that may ask for an experiment where nothing is broken.
SUSPECTING: Tuple[Rule, ...] = tuple(rule for rule in RULES if rule.suspects is not wants_nothing)
