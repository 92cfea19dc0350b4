"""The table of scenarios."""

from collections.abc import Mapping

from tests.lab.scenario import Scenario
from tests.lab.scenarios import config, healthy, names, services, ways

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario for table in (config, names, ways, services, healthy) for scenario in table.SCENARIOS
}
