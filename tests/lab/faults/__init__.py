"""The faults: what is done to the network by name. ``truth`` says why it *is* the cause that a scenario expects."""

from collections.abc import Mapping

from tests.lab.faults import egress, names, reach, services, tempting
from tests.lab.faults.contract import Fault

__all__ = ["FAULTS", "Fault"]

FAULTS: Mapping[str, Fault] = {
    **reach.FAULTS,
    **egress.FAULTS,
    **names.FAULTS,
    **services.FAULTS,
    **tempting.FAULTS,
}
