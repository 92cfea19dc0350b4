"""What the plan of a draw declares of its places: never all of it."""

from collections.abc import Mapping
from random import Random
from typing import Any

from attrs import evolve, frozen

from tests.lab.draws.places import HOST, SPARK, UDF, Host, Places, Service

_SPARK = "spark.hadoop.odps."


def service_name(host: Host, service: Service) -> str:
    """What a plan calls a service of a host."""
    return f"{service.kind}-{host.name.partition('.')[0]}-{service.port}"


@frozen(kw_only=True)
class Aim:
    """A declared target: one service of one host, by name or by address."""

    host: Host
    service: Service
    named: bool
    admits: tuple[str, ...] = ()
    via: str | None = None

    @property
    def name(self) -> str:
        """What the plan calls it."""
        return service_name(self.host, self.service)

    @property
    def address(self) -> str:
        """Where it is."""
        return self.host.address

    @property
    def port(self) -> int:
        """Its port."""
        return self.service.port

    @property
    def public(self) -> bool:
        """It lies in the Internet."""
        return self.host.subnet is None

    @property
    def where(self) -> str:
        """As the plan has it."""
        return f"{self.host.name if self.named else self.host.address}:{self.port}"


@frozen(kw_only=True)
class Declared:
    """``unlisted``: public targets that the job's access list lacks; ``elsewhere``: it has them with another port.

    ``portless``: it has their hosts without a port. ``link``: the name of the network link.
    """

    aims: tuple[Aim, ...]
    networks: tuple[Mapping[str, Any], ...]
    limits: Mapping[str, Any]
    unlisted: tuple[Aim, ...] = ()
    elsewhere: tuple[Aim, ...] = ()
    portless: tuple[Aim, ...] = ()
    link: str | None = "testLink"
    measured: tuple[Aim, ...] = ()

    def plan(self, places: Places) -> dict[str, Any]:
        """The plan, as its file holds it."""
        settings = self._settings(places.runtime)
        return {
            "name": "drawn",
            "runtime": places.runtime,
            "region": "cn-hangzhou",
            **({"settings": settings} if settings else {}),
            "targets": [_target(aim) | ({"measure": ["loss"]} if aim in self.measured else {}) for aim in self.aims],
            **({"networks": list(self.networks)} if self.networks else {}),
            "tls": {"ca": "lab-ca.pem"},
            "limits": dict(self.limits),
        }

    def _settings(self, runtime: str) -> dict[str, str]:
        otherwise = (*self.unlisted, *self.elsewhere, *self.portless)
        listed = [aim.where for aim in self.aims if aim.public and aim not in otherwise]
        listed += [f"{aim.where.partition(':')[0]}:{aim.port + 9}" for aim in self.elsewhere]
        listed += [aim.where.partition(":")[0] for aim in self.portless]
        access = ",".join(dict.fromkeys(listed))
        vpc = any(not aim.public for aim in self.aims)
        if runtime == UDF:
            return {
                "odps.sql.python.version": "cp37",
                **({"odps.internet.access.list": access} if access else {}),
                **({"odps.session.networklink": self.link} if vpc and self.link else {}),
            }
        if runtime == SPARK:
            return {
                f"{_SPARK}spark.version": "spark-3.1.1-odps0.47.0",
                f"{_SPARK}cupid.eni.enable": "true",
                f"{_SPARK}cupid.eni.info": "cn-hangzhou:vpc-bp1lab",
                **({f"{_SPARK}cupid.internet.access.list": access} if access else {}),
            }
        return {}


def draw_declared(random: Random, places: Places) -> Declared:
    """Some of the services, by name or by address; at least one."""
    services = places.served
    count = max(1, round(len(services) * random.uniform(0.1, 1.0)))
    chosen = sorted(random.sample(range(len(services)), min(count, 12)))
    own = places.subnets[0]
    aims = []
    for host, service in (services[index] for index in chosen):
        # A certificate is for a name.
        named = service.kind == "https" or random.random() < 0.7
        aim = Aim(host=host, service=service, named=named)
        if host.subnet is not None:
            admits = (own.cidr,) if random.random() < 0.2 else ()
            aim = evolve(aim, via="vpc" if random.random() < 0.8 else None, admits=admits)
        elif random.random() < 0.6:
            aim = evolve(aim, via="internet")
        aims.append(aim)
    return Declared(
        aims=tuple(aims),
        networks=_networks(random, places),
        limits={
            "connect_timeout": random.choice(("1200ms", "1500ms", "2000ms")),
            "deadline": "60s",
            "per_target": random.choice((1, 1, 2)),
            **({"explore": "hosts"} if random.random() < 0.3 else {}),
        },
    )


def _networks(random: Random, places: Places) -> tuple[Mapping[str, Any], ...]:
    if random.random() < 0.2:
        return ()
    known = [subnet for subnet in places.subnets if not subnet.index or random.random() < 0.7]
    enis = {"enis": [places.address]} if places.runtime != HOST and random.random() < 0.7 else {}
    return tuple(
        {"name": f"vswitch-{subnet.index}", "cidr": subnet.cidr, **({} if subnet.index else enis)} for subnet in known
    )


def _target(aim: Aim) -> dict[str, Any]:
    return {
        "name": aim.name,
        "address": aim.where,
        "service": aim.service.kind,
        **({"via": aim.via} if aim.via else {}),
        **({"group": aim.host.group} if aim.host.group else {}),
        **({"admits": list(aim.admits)} if aim.admits else {}),
    }
