"""What an entry of the catalogue is."""

from attrs import frozen

CRITICAL = "critical"
WARNING = "warning"
INFO = "info"

AUTHOR = "job author"
ADMIN = "project administrator"
NETWORK = "network"
DBA = "DBA"
TICKET = "platform ticket"


@frozen
class Cause:
    """One entry. ``decided_by``: what would make surer, where it cannot be told apart from here."""

    code: str
    layer: str
    meaning: str
    remedy: str
    owner: str = NETWORK
    severity: str = CRITICAL
    reference: str = ""
    decided_by: str = ""
