"""The rules that find something to read where no target is named: of this machine, and of the networks that it swept.

Whoever only sweeps loads no others: they would take longer than a sweep of a thousand addresses.
"""

from reports.rules import dark, pressure, subnet
from reports.rules.contract import Table

NETWORKS = Table(pressure.RULES + subnet.RULES + dark.RULES)
