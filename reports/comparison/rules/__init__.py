"""What a difference between vantage points proves: one entry a contrast, by what is compared."""

from typing import Tuple

from reports.comparison.rules import forwarder, instances, internet, names, vpc
from reports.comparison.rules.contract import Contrast

CONTRASTS: Tuple[Contrast, ...] = (
    vpc.CONTRASTS + forwarder.CONTRASTS + internet.CONTRASTS + names.CONTRASTS + instances.CONTRASTS
)
