"""The outbound proxy of the sandbox."""

from collections.abc import Mapping

from tests.lab.changes import Change, chain, rules
from tests.lab.faults.contract import Fault
from tests.lab.network import PROXY


def _admitted(element: str) -> Change:
    return rules(
        PROXY, f"delete element inet gate admitted {{ {element} }}", f"add element inet gate admitted {{ {element} }}"
    )


FAULTS: Mapping[str, Fault] = {
    "internet_closed": Fault(
        "the outbound proxy admits nothing", chain(PROXY, "forward", 'iifname "job" oifname "wan" drop')
    ),
    "internet_refused": Fault(
        "as above, but the sandbox answers with resets: nothing of it comes from the targets",
        chain(PROXY, "forward", 'iifname "job" oifname "wan" meta l4proto tcp reject with tcp reset'),
    ),
    "amap_not_admitted": Fault(
        "the proxy's list lacks this host", _admitted("198.51.100.11 . 443, 198.51.100.11 . 80")
    ),
    "amap_443_not_admitted": Fault("the proxy's list lacks this port", _admitted("198.51.100.11 . 443")),
    "oss_not_admitted": Fault("the proxy's list lacks OSS", _admitted("198.51.100.12 . 443, 198.51.100.12 . 80")),
}
