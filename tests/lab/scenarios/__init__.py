"""The table of scenarios."""

from collections.abc import Mapping

from tests.lab.scenario import Scenario
from tests.lab.scenarios import (
    changing,
    config,
    egress,
    healthy,
    machine,
    names,
    neighbours,
    path,
    pressure,
    services,
    several,
    sizes,
    subnets,
    vpchost,
    ways,
)

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for table in (
        *(
            config,
            egress,
            names,
            ways,
            neighbours,
            services,
            path,
            sizes,
            healthy,
            subnets,
            vpchost,
            machine,
            pressure,
            several,
            changing,
        ),
    )
    for scenario in table.SCENARIOS
}
