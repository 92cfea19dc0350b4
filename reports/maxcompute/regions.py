"""The regions of the platform, and which way out of MaxCompute is documented where.

Source: "Network connection process", supported regions; "Use UDFs to access resources in VPCs", limits.
"""

import re
from typing import Dict, Tuple

from attrs import frozen


@frozen
class Region:
    """One region. ``internet``, ``vpc``: the scheme is listed for it; ``udf_vpc``: also from a UDF into a VPC."""

    id: str
    name: str
    internet: bool = True
    vpc: bool = True
    udf_vpc: bool = True


_ALL: Tuple[Region, ...] = (
    Region("cn-beijing", "China (Beijing)"),
    Region("cn-shanghai", "China (Shanghai)"),
    Region("cn-zhangjiakou", "China (Zhangjiakou)"),
    Region("cn-wulanchabu", "China (Ulanqab)", udf_vpc=False),
    Region("cn-hangzhou", "China (Hangzhou)"),
    Region("cn-shenzhen", "China (Shenzhen)"),
    Region("cn-chengdu", "China (Chengdu)", vpc=False, udf_vpc=False),
    Region("cn-hongkong", "China (Hong Kong)"),
    Region("ap-southeast-1", "Singapore"),
    Region("ap-southeast-3", "Malaysia (Kuala Lumpur)", udf_vpc=False),
    Region("eu-central-1", "Germany (Frankfurt)"),
    Region("us-east-1", "US (Virginia)"),
)

# A region that is not here may exist: regions are added, and for an unknown one nothing is claimed.
REGIONS: Dict[str, Region] = {region.id: region for region in _ALL}

# A continent or country, a place, a number where there are several, and the name of a cloud of its own (finance, gov).
# What follows a region in a host name (internal, vpc) is none of it.
REGION_ID = r"[a-z]{2}-[a-z]+(?:-[0-9]+)?(?:-(?!internal|intranet|vpc)[a-z]+(?:-[0-9]+)?)?"
_REGION = re.compile(REGION_ID)


def looks_like_region(text: str) -> bool:
    """Whether the text has the shape of a region id; it need not be one that is known here."""
    return len(text) <= 64 and _REGION.fullmatch(text) is not None
