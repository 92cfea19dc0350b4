"""A draw: everything about one random network, from its seed alone."""

from random import Random
from typing import Any

from attrs import frozen

from tests.lab.draws.declared import draw_declared
from tests.lab.draws.places import JOB, Places, draw_places
from tests.lab.draws.troubles import Scene, Trouble, draw_trouble
from tests.lab.scenario import Scenario


@frozen(kw_only=True)
class Draw:
    """The network, the plan and what is wrong."""

    seed: int
    places: Places
    plan: dict[str, Any]
    trouble: Trouble

    @property
    def scenario(self) -> Scenario:
        """As the scenarios made by hand are: the one true cause, and its targets."""
        return Scenario(
            name=f"draw {self.seed}",
            title=self.trouble.words,
            plan=self.plan,
            expected=self.trouble.cause,
            targets=self.trouble.targets,
            verdict=self.trouble.verdict,
            vantage=JOB,
        )


def draw(seed: int) -> Draw:
    """The draw of this seed."""
    random = Random(seed)
    places = draw_places(random)
    trouble = draw_trouble(Scene(random, places, draw_declared(random, places)))
    return Draw(seed=seed, places=places, plan=trouble.declared.plan(places), trouble=trouble)
