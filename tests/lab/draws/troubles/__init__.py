"""What may be wrong in a draw, and how often: what is common in the field is common here."""

from collections.abc import Mapping

from tests.lab.draws.troubles import filters, lists, names, paths, services, ways
from tests.lab.draws.troubles.scene import Scene, Template, Trouble
from tests.lab.scenario import HEALTHY

__all__ = ["TEMPLATES", "Scene", "Trouble", "draw_trouble"]

TEMPLATES: Mapping[Template, float] = {
    **filters.TEMPLATES,
    **ways.TEMPLATES,
    **lists.TEMPLATES,
    **names.TEMPLATES,
    **services.TEMPLATES,
    **paths.TEMPLATES,
}
_HEALTHY = 0.15


def draw_trouble(scene: Scene) -> Trouble:
    """Nothing, or one fault of those to which the draw has something to be done."""
    if scene.random.random() < _HEALTHY:
        return scene.trouble("nothing is wrong", None, (), verdict=HEALTHY)
    while True:
        (template,) = scene.random.choices(list(TEMPLATES), list(TEMPLATES.values()))
        trouble = template(scene)
        if trouble is not None:
            return trouble
