"""The ways by which a job reaches something, by the documentation's schemes; and whose sockets the settings govern.

How a target's way is told, and what it needs, is in reports/maxcompute/ways.py. Source: "Network connection process".
"""

from typing import FrozenSet

from reports.model import RUNTIMES

AUTO = "auto"
INTERNET = "internet"
BY_VPC = "vpc"
SERVICE = "service"

# Runtimes whose own sockets MaxCompute's settings do not govern.
UNGOVERNED: FrozenSet[str] = frozenset({"host", "pyodps"})

GOVERNED: FrozenSet[str] = frozenset(RUNTIMES) - UNGOVERNED


def link_of(runtime: str) -> str:
    """What gives a job of this runtime an ENI in the VPC, in words."""
    if runtime == "spark":
        from reports.maxcompute.settings import ENI_ENABLE, ENI_INFO, written  # noqa: PLC0415 - start-up

        return "its ENI (%s = true, and %s)" % (written(ENI_ENABLE), written(ENI_INFO))
    return "the network link"
