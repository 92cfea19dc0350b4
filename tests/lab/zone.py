"""The names of the lab and the addresses that they stand for.

Private ones are found in the VPC, public ones in the namespace `internet`.
"""

from collections.abc import Mapping, Sequence

PUBLIC: Mapping[str, str] = {
    "www.aliyun.com": "198.51.100.10",
    "restapi.amap.com": "198.51.100.11",
    "oss-cn-hangzhou.aliyuncs.com": "198.51.100.12",
    "lake.oss-cn-hangzhou.aliyuncs.com": "198.51.100.12",
    "api.partner.example": "198.51.100.20",
    "files.partner.example": "198.51.100.21",
    "ip.example": "198.51.100.30",
    "nginx.partner.example": "198.51.100.50",
}

# Known to the HTTP proxy alone.
BEHIND_PROXY: Mapping[str, str] = {"hidden.partner.example": "198.51.100.21"}

PRIVATE: Mapping[str, str] = {
    "emr-header-1.emr.internal": "10.10.2.30",
    "emr-worker-1.emr.internal": "10.10.2.31",
    "emr-worker-2.emr.internal": "10.10.2.32",
    "emr-worker-3.emr.internal": "10.10.2.33",
    "rm-lab.mysql.rds.aliyuncs.com": "10.10.2.40",
    "r-lab.redis.rds.aliyuncs.com": "10.10.2.40",
    "pgm-lab.pg.rds.aliyuncs.com": "10.10.2.40",
    "zk-1.vpc.internal": "10.10.3.20",
    "es-1.vpc.internal": "10.10.3.21",
    # What is not there: a host that was given back, an RDS of another region, an internal OSS endpoint.
    "old.emr.internal": "10.10.2.99",
    "rm-far.mysql.cn-beijing.rds.aliyuncs.com": "10.20.5.40",
    "lake.oss-cn-hangzhou-internal.aliyuncs.com": "100.118.28.10",
}

# Name -> type -> values. Types without values exist without an answer (NODATA).
RECORDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    **{name: {"A": [ip]} for name, ip in {**PUBLIC, **PRIVATE}.items()},
    "both.vpc.internal": {"A": ["10.10.3.20"], "AAAA": ["2001:db8::20"]},
    "six.vpc.internal": {"AAAA": ["2001:db8::21"]},
    "mail.vpc.internal": {"TXT": ["v=spf1 -all"]},
    "loop.vpc.internal": {"CNAME": ["spool.vpc.internal"]},
    "spool.vpc.internal": {"CNAME": ["loop.vpc.internal"]},
    "alias.vpc.internal": {"CNAME": ["zk-1.vpc.internal"]},
    "workers.emr.internal": {"A": ["10.10.2.31", "10.10.2.32", "10.10.2.33"]},
    "real.vpc.internal": {"A": ["10.10.2.50"]},
}
