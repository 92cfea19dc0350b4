"""linkdoctor finds how many connections a way holds, and says which limit it is."""

import pytest

from tests.lab.conftest import unavailable
from tests.lab.harness import LabUnavailableError
from tests.lab.saturation.cases import CASES
from tests.lab.saturation.score import Scoring, Tally
from tests.lab.saturation.servers import missing

# The short form of `python -m tests.lab.saturation`: one of each kind.
SHORT = (
    *("cap_16_reset", "rate_20_drop", "tenants_50", "per_source_reset"),
    *("mariadb_max_connections", "haproxy_maxconn", "healthy"),
)


@pytest.fixture(scope="module")
def scores():
    """The scores of all, by name: they run side by side."""
    lacking = [program for name in SHORT for program in missing(CASES[name].measured)]
    if lacking:
        unavailable(f"not installed: {', '.join(lacking)}")
    scoring = Scoring(2)
    coming = {name: scoring.submit(CASES[name]) for name in SHORT}
    try:
        yield {name: future.result()[0] for name, future in coming.items()}
    except LabUnavailableError as error:
        unavailable(f"the lab cannot be built here: {error}")
    finally:
        scoring.close()


def test_floors(scores):
    """Kind, estimate and interval are right, in as many of them as have to be, and nobody is harmed."""
    tally = Tally(list(scores.values()))

    assert [] == tally.shortfalls, "\n".join(map(str, scores.values()))


@pytest.mark.parametrize("name", SHORT)
def test_the_cause_is_named(scores, name):
    """The finding names the limit that there is, with the severity that it has; none where there is none."""
    score = scores[name]

    assert (True, score.case.verdict) == (score.cause_is_right, score.verdict), str(score)
