"""The network of sweeps, in the module's lab."""

import pytest

from tests.lab.conftest import unavailable
from tests.lab.real import absent


@pytest.fixture(scope="module")
def ground(lab):
    """The lab in which it stands."""
    lab.call("sweeping", action="build")
    return lab


@pytest.fixture(scope="module")
def nmap():
    """Skips where the judge is not there."""
    if absent(("nmap",)):
        unavailable("not installed: nmap")
