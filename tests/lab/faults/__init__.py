"""The faults: what is done to the network by name. ``truth`` says why it *is* the cause that a scenario expects."""

from collections.abc import Mapping

from tests.lab.faults import (
    changing,
    egress,
    local,
    names,
    path,
    pressure,
    reach,
    services,
    sizes,
    subnets,
    tempting,
    vpchost,
)
from tests.lab.faults.contract import Fault

__all__ = ["FAULTS", "Fault"]

FAULTS: Mapping[str, Fault] = {
    **reach.FAULTS,
    **local.FAULTS,
    **egress.FAULTS,
    **path.FAULTS,
    **pressure.FAULTS,
    **names.FAULTS,
    **services.FAULTS,
    **sizes.FAULTS,
    **subnets.FAULTS,
    **tempting.FAULTS,
    **vpchost.FAULTS,
    **changing.FAULTS,
}
