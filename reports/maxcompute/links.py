"""What the platform itself puts into a VPC for a network link of MaxCompute.

Source: "Network connection process", access over a VPC. This module travels in the carry-in kit: CPython 3.7.
"""

import re

# The groups by which the platform lets return traffic in; they are not to be touched.
_GROUP = re.compile(r"MaxCompute-(?:backup-)?vpc-.+", re.IGNORECASE)


def is_link_group(name: str) -> bool:
    """Whether a security group of this name is one that the platform made for a network link."""
    return _GROUP.fullmatch(name) is not None
