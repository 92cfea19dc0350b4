"""All rules."""

from reports.rules import (
    answers,
    burst,
    dark,
    dns,
    egress,
    eni,
    filter,  # noqa: A004 - a layer's name
    http,
    inventory,
    later,
    local,
    path,
    pressure,
    route,
    saturation,
    service,
    settings,
    sizes,
    subnet,
    throughput,
    tls,
)
from reports.rules.contract import Table

ALL = Table(
    settings.RULES
    + dns.RULES
    + local.RULES
    + pressure.RULES
    + eni.RULES
    + egress.RULES
    + route.RULES
    + filter.RULES
    + service.RULES
    + sizes.RULES
    + throughput.RULES
    + http.RULES
    + tls.RULES
    + path.RULES
    + answers.RULES
    + burst.RULES
    + later.RULES
    + saturation.RULES
    + subnet.RULES
    + dark.RULES
    + inventory.RULES
)
