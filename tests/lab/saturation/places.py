"""The network: two who share a way out, the router that translates their addresses, and two hosts behind it.

job --.            .-- far      what is measured
      |-- router --|
tenant              '-- other    the control, and whom the other tenant talks to
"""

from tests.lab.network import Topology

JOB, TENANT, ROUTER, FAR, OTHER = "sat-job", "sat-tenant", "sat-router", "sat-far", "sat-other"
JOB_ADDRESS = "10.50.1.2"
FAR_ADDRESS, OTHER_ADDRESS = "198.51.100.101", "198.51.100.102"
OUTBOUND = "203.0.113.50"

# What listens at both hosts. A listener that serves one connection at a time, the others wait in a short queue.
HTTP, PLAIN, ECHO, ONE_AT_A_TIME = 80, 7000, 7001, 7002
QUEUE = 15
# Real servers at the far host.
NGINX, NGINX_SLOW, HAPROXY, MARIADB = 8080, 8082, 8081, 3306

# Towards whom the router counts, and from whom.
_INWARDS = 'iifname { "job", "tenant" }'
_OUTWARDS = 'oifname { "far", "other" }'


def topology(limits: str, before: str, losses: str, pool: str, input_at_far: str, forgets: int = 0) -> Topology:
    """The network with its faults, each in the words of nft.

    ``limits`` judge the SYNs of new connections, ``losses`` every packet; ``pool`` are the source ports of the outbound
    address (``:low-high random``); ``forgets``: after so many idle seconds the router knows a connection no more, and
    drops what comes for it. A limit may jump to the chain ``later``, whose rule (``before``) may change.
    """
    router = f"""
        table inet limits {{
            chain later {{
                {before}
            }}
            chain new {{
                {limits}
            }}
            chain forward {{
                type filter hook forward priority 0
                {"ct state invalid drop" if forgets else ""}
                {losses}
                {_INWARDS} tcp flags & (syn | ack) == syn jump new
            }}
        }}
        table ip nat {{
            chain postrouting {{
                type nat hook postrouting priority 100
                {_OUTWARDS} meta l4proto tcp snat to {OUTBOUND}{pool}
                {_OUTWARDS} snat to {OUTBOUND}
            }}
        }}
    """
    far = f"""
        table inet limits {{
            set sources {{
                type ipv4_addr; flags dynamic; size 1024
            }}
            chain input {{
                type filter hook input priority 0
                {input_at_far}
            }}
        }}
    """
    return Topology(
        namespaces=(JOB, TENANT, ROUTER, FAR, OTHER),
        links=(
            (JOB, "eth0", ROUTER, "job"),
            (TENANT, "eth0", ROUTER, "tenant"),
            (FAR, "eth0", ROUTER, "far"),
            (OTHER, "eth0", ROUTER, "other"),
        ),
        addresses={
            JOB: {"eth0": [f"{JOB_ADDRESS}/24"]},
            TENANT: {"eth0": ["10.50.2.2/24"]},
            ROUTER: {
                "lo": [f"{OUTBOUND}/32"],
                "job": ["10.50.1.1/24"],
                "tenant": ["10.50.2.1/24"],
                "far": ["10.60.1.1/24"],
                "other": ["10.60.2.1/24"],
            },
            FAR: {"lo": [f"{FAR_ADDRESS}/32"], "eth0": ["10.60.1.2/24"]},
            OTHER: {"lo": [f"{OTHER_ADDRESS}/32"], "eth0": ["10.60.2.2/24"]},
        },
        routes={
            JOB: ("default via 10.50.1.1",),
            TENANT: ("default via 10.50.2.1",),
            ROUTER: (f"{FAR_ADDRESS} via 10.60.1.2", f"{OTHER_ADDRESS} via 10.60.2.2"),
            FAR: ("default via 10.60.1.1",),
            OTHER: ("default via 10.60.2.1",),
        },
        sysctls={ROUTER: {"net/ipv4/ip_forward": "1", "net/ipv4/icmp_ratelimit": "0", **(_forgetful(forgets))}},
        rules={ROUTER: router, FAR: far},
    )


def _forgetful(seconds: int) -> dict[str, str]:
    if not seconds:
        return {}
    return {
        "net/netfilter/nf_conntrack_tcp_timeout_established": str(seconds),
        "net/netfilter/nf_conntrack_tcp_loose": "0",
    }


def change(later: str) -> str:
    """What has nft replace the rule of the chain ``later``."""
    rule = f"add rule inet limits later {later}" if later else ""
    return f"flush chain inet limits later\n{rule}\n"
