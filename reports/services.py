"""The services that a target may name: their ports, and how a harmless first exchange with each goes.

Adding one is a row here and, where no protocol at hand fits, a module in probes/services.
"""

from typing import Dict, Tuple

from attrs import frozen

# Exchanges that are not modules of probes/services.
TCP_ONLY = ""
HTTP = "http"

# Where every connection that is made finishes its handshake, in every probe.
MYSQL = "mysql"


@frozen(kw_only=True)
class Service:
    """``exchange``: the module of probes/services that speaks it, HTTP, or TCP_ONLY where no byte may be expected.

    ``tls``: TLS comes first. ``ports``: the well-known ones, the usual one first.
    """

    name: str
    exchange: str
    ports: Tuple[int, ...] = ()
    tls: bool = False


_ALL: Tuple[Service, ...] = (
    Service(name="tcp", exchange=TCP_ONLY),
    Service(name="tls", exchange=TCP_ONLY, tls=True),
    Service(name="http", exchange=HTTP, ports=(80, 8080)),
    Service(name="https", exchange=HTTP, ports=(443, 8443), tls=True),
    Service(name="maxcompute", exchange=HTTP),
    Service(name="hive-metastore", exchange="hive_metastore", ports=(9083,)),
    Service(name="hdfs-namenode", exchange="hadoop_ipc", ports=(8020, 9000)),
    Service(name="hdfs-datanode", exchange="hdfs_datanode", ports=(50010, 9866)),
    Service(name="zookeeper", exchange="zookeeper", ports=(2181,)),
    Service(name="hbase", exchange=TCP_ONLY, ports=(16000, 16020)),
    Service(name="lindorm", exchange=TCP_ONLY, ports=(30020,)),
    Service(name="elasticsearch", exchange=HTTP, ports=(9200,)),
    Service(name="kafka", exchange="kafka", ports=(9092,)),
    Service(name=MYSQL, exchange="mysql", ports=(3306,)),
    Service(name="postgresql", exchange="postgresql", ports=(5432,)),
    Service(name="hologres", exchange="postgresql"),
    Service(name="sqlserver", exchange="sqlserver", ports=(1433,)),
    Service(name="redis", exchange="redis", ports=(6379,)),
    Service(name="mongodb", exchange="mongodb", ports=(27017, 3717)),
)

SERVICES: Dict[str, Service] = {service.name: service for service in _ALL}

_BY_PORT: Dict[int, str] = {port: service.name for service in _ALL for port in service.ports}


def service_at(port: int) -> str:
    """The name of the service whose well-known port this is; ``tcp`` where there is none."""
    return _BY_PORT.get(port, "tcp")


def is_mysql(name: str, port: int) -> bool:
    """Whether MySQL speaks there, by what the plan says or by the port."""
    return MYSQL in (name, service_at(port))


def is_tls(name: str, port: int) -> bool:
    """Whether TLS comes first: by the service, or by port 443 where the service speaks HTTP either way."""
    service = SERVICES[name]
    return service.tls or (name == "maxcompute" and port == 443)
