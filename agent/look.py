"""How one target is looked at: the handshake, TLS where it has it, and the harmless first exchange of its service."""

from typing import Any, Awaitable, Callable, Mapping, Optional

from attrs import evolve, frozen

from probes import local, services, tcp
from probes.contract import Ask, Notes
from probes.network import Network
from probes.stream import SocketStream, Stream
from reports.failures import Failure
from reports.model import Plan, Target
from reports.proxies import Proxy
from reports.services import HTTP, MYSQL, SERVICES, is_tls, service_at

Reopen = Callable[[], Awaitable[Optional[Stream]]]

# A service is given longer than what the plan calls slow, so that slow and silent are told apart.
_PATIENCE = 2.5


@frozen
class Look:
    """Looks at targets of the plan; whatever opens a connection to one of them ends it here, in order."""

    plan: Plan
    network: Network
    machine: local.Machine

    def ask(self, target: Target, address: str) -> Ask:
        """The target at the address, with the plan's time-out for a connection."""
        return Ask(target=target, address=address, timeout=self.plan.limits.connect_timeout)

    def patient(self, ask: Ask) -> Ask:
        """The same with the time that a service is given."""
        timeout = max(self.plan.limits.connect_timeout, _PATIENCE * self.plan.slow.service)
        return Ask(target=ask.target, address=ask.address, timeout=timeout)

    async def at(self, target: Target, address: str, notes: Notes) -> None:
        """The target at one of its addresses."""
        ask = self.ask(target, address)
        stream = await tcp.probe(ask, self.network, notes)
        if stream is None:
            self.machine.way(address)
            return
        await self.speak(self.patient(ask), stream, notes)
        spoken_to = SERVICES[target.service].exchange or is_tls(target.service, target.port)
        if spoken_to and not stream.heard:
            # Somebody on the way may have accepted in its place.
            self.machine.way(address)

    async def through(self, target: Target, proxy: Proxy, address: str, notes: Notes) -> None:
        """The target through the HTTP proxy at the address."""
        ask = self.ask(target, address)
        stream = await tcp.probe_proxy(ask, address, proxy.port, self.network, notes)
        if stream is None:
            return
        from probes import http  # noqa: PLC0415 - start-up: a plan of plain ports needs no HTTP

        ask = self.patient(ask)
        if is_tls(target.service, target.port) and not await http.connect_through(ask, stream, notes, proxy):
            await stream.close()
            return

        async def reopen() -> Optional[Stream]:
            opened = await self.network.connect_to(address, proxy.port, ask.timeout, target.name)
            if opened.stream is None or await http.connect_through(ask, opened.stream, Notes(), proxy):
                return opened.stream
            await opened.stream.close()
            return None

        await self.speak(ask, stream, notes, proxy, reopen)

    async def speak(
        self,
        ask: Ask,
        opened: Stream,
        notes: Notes,
        proxy: Optional[Proxy] = None,
        reopen: Optional[Reopen] = None,
        sizes: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """What comes after the handshake, and the end of the connection.

        ``sizes``: of an HTTP exchange (probes/http.py, Sizes), where it is not for the usual look.
        """
        stream = opened
        service = SERVICES[ask.target.service]
        speaks_tls = is_tls(service.name, ask.port)
        try:
            if proxy is None and (speaks_tls or service.exchange == HTTP) and service_at(ask.port) == MYSQL:
                # Whatever the plan calls it: at MySQL's port a handshake that was begun is finished.
                mysql = evolve(ask, target=evolve(ask.target, service=MYSQL))
                await services.exchange(mysql, stream, notes, opened.rtt_s)
                return
            if speaks_tls:
                from probes import tls  # noqa: PLC0415 - start-up, as below

                expected = ask.target.tls or self.plan.tls
                secured = await tls.probe(ask, self.network, stream, notes, expected.ca, reopen=reopen)
                if secured is None:
                    return
                stream = secured
            if service.exchange == HTTP:
                from probes import http  # noqa: PLC0415 - as above

                await http.probe(ask, stream, notes, proxy, http.Sizes(**(sizes or {})))
            else:
                await services.exchange(ask, stream, notes, opened.rtt_s)
        finally:
            await stream.close()

    async def finish(self, ask: Ask, stream: SocketStream) -> Optional[Failure]:
        """End a connection that an experiment opened. Whoever speaks first there is heard out; how its service failed.

        MySQL is, for as long as in the first look: it counts who leaves before. Others are for a while.
        """
        target = ask.target
        service = MYSQL if service_at(target.port) == MYSQL else target.service
        if service == MYSQL:
            ask = self.patient(ask)
        try:
            if not is_tls(service, target.port) and SERVICES[service].exchange != HTTP:
                spoken_to = evolve(ask, target=evolve(target, service=service))
                heard = Notes()
                await services.exchange(spoken_to, stream, heard, stream.rtt_s)
                return heard.observations[-1].failure
        finally:
            await stream.close()
        return None
