"""The picture in the README is what linkdoctor prints today."""

import re

import yaml

from tests.lab.harness import LINKDOCTOR, ROOT
from tests.lab.scenarios import SCENARIOS

_PICTURE = re.compile(r"<!-- lab: (\w+) -->\n```\n\$ linkdoctor check ([\w.-]+)\n(.*?)```", re.DOTALL)


def test_the_picture_is_real(lab):
    """But for the numbers, the README shows the output of the scenario that it names."""
    name, plan, picture = _PICTURE.search((ROOT / "README.md").read_text()).groups()
    scenario = SCENARIOS[name]
    with lab.broken(*scenario.faults):
        done = lab.run(
            [str(LINKDOCTOR), "check", plan],
            scenario.vantage,
            files={plan: yaml.safe_dump(dict(scenario.plan), sort_keys=False)},
        )

    assert _without_numbers(done["stdout"]) == _without_numbers(picture)


def _without_numbers(text):
    """The words: durations, what took longest and the width of columns differ from run to run."""
    text = re.sub(r"for experiments, longest .*", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?\s+(ms|s|%|days)", "N", text)).strip()
