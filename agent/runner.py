"""One run of a plan: look cheaply at everything, then run the experiments that separate what is still possible.

The runner decides when and how many; what is measured stands in probes/, what it means in reports/. It travels in the
carry-in kit: CPython 3.7, no thread, no subprocess, no file is needed for an answer.
"""

import asyncio
import contextlib
import os
import time
from typing import (
    TYPE_CHECKING,
    Awaitable,
    Callable,
    Collection,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
)

from attrs import evolve, frozen

from agent import experiments
from agent.budget import RESERVED_DESCRIPTORS, RunBudget, share_out
from agent.look import Look
from agent.together import together
from agent.vantage import here
from probes import dns, local, resolv_conf, settings
from probes.contract import Notes
from probes.network import Network
from reports import __version__
from reports.addresses import is_literal
from reports.diagnose import Diagnosis, conclude, diagnose
from reports.manners import swept_by_check
from reports.model import DEGRADED, HEALTHY, Observation, Phase, Plan, Report, Run, Share, Target, Vantage, content_id
from reports.proxies import Proxy, proxy_for
from reports.rules.contract import Want
from reports.rules.table import every

if TYPE_CHECKING:
    from agent.experiments.saturation import Hold

Progress = Callable[[int, int], None]
# Does a piece of work beside the event loop, and gives its result.
Aside = Callable[[Callable[[], Diagnosis]], Awaitable[Diagnosis]]

T = TypeVar("T")

# After the first pass: how often the rules may ask for more.
_ROUNDS = 4
# Names looked up at once; each may hold two sockets a server.
_LOOKUPS = 32
_SOCKETS_PER_LOOKUP = 8
# How often the loop's own lag is taken.
_LAG_INTERVAL = 0.05


class Runner:
    """Runs a plan once. ``listener`` hears each observation, ``progress`` how many targets of how many are done.

    ``kind`` is what runs the probes (``host``, ``udf``, ``spark``), ``labels`` are its own names there (an executor's,
    a container's); ``environment`` names the proxies. ``share``: of the
    job's instances, which one this is. Where its part of the budget is less than one it probes nothing, and says so.
    ``remembered``: what earlier runs left to compare with. ``saturate``: whether targets that ask for it are measured;
    ``hold``: by whom their connections are held (None: here). ``sweeps``: whether networks are swept.
    ``skip``: targets of the plan that are not asked this time; what ``remembered`` holds of them is judged with the
    rest. ``forbids``: addresses and ports to which nothing is opened or sent, whoever resolves to them.
    ``aside``: who works out what it all means while the loop goes on (None: the loop itself).
    """

    def __init__(
        self,
        plan: Plan,
        environment: Optional[Mapping[str, str]] = None,
        kind: str = "host",
        listener: Optional[Callable[[Observation], None]] = None,
        progress: Optional[Progress] = None,
        share: Share = Share(),  # noqa: B008 - frozen
        labels: Optional[Mapping[str, str]] = None,
        remembered: Iterable[Observation] = (),
        saturate: bool = True,
        hold: Optional["Hold"] = None,
        sweeps: bool = True,
        skip: Collection[str] = (),
        forbids: Optional[Callable[[str, int], bool]] = None,
        aside: Optional[Aside] = None,
    ) -> None:
        self.plan = plan
        self._sweeps = sweeps
        self._skip = frozenset(skip)
        self._asked = [target for target in plan.targets if target.name not in self._skip]
        self._forbids = forbids
        self._aside = aside
        self._saturate = saturate
        self._hold = hold
        self._environment = os.environ if environment is None else environment
        self._kind = kind
        self._labels = dict(labels or {})
        self._share = share
        self._notes = Notes(listener)
        for observation in remembered:
            self._notes.add(observation)
        self._progress = progress
        self._machine = local.Machine(self._notes)
        self._config = resolv_conf.declared(plan.name_servers) if plan.name_servers else resolv_conf.load()
        self._vantage = Vantage(kind=kind)
        self._stopped = False
        self._work: Optional[asyncio.Future[Diagnosis]] = None
        self._seen: Set[str] = set()
        self._lag = 0.0
        self._phases: List[Phase] = []

    async def run(self) -> Report:
        """Probe, diagnose, experiment: the report. Ends at the plan's deadline at the latest, or at ``stop``."""
        started, start = round(time.time(), 6), time.monotonic()
        self._end = start + self.plan.limits.deadline
        local.raise_descriptor_limit()
        self._machine.observe(self._config, self._environment)
        self._vantage = here(self._kind, self._machine, self._config, self._labels)
        settings.observe(self.plan, self._vantage, self._notes)
        limits, short_of = share_out(self.plan.limits, self._share)
        self._machine.share(self._share, short_of)
        lookups = min(_LOOKUPS, sum(not is_literal(target.host) for target in self._asked))
        spare = _spare_descriptors(lookups)
        if spare is not None and spare <= 0:
            load_all()
        self._budget = RunBudget(limits or self.plan.limits, spare)
        self._network = Network(self._budget, self._forbids)
        self._look = Look(self.plan, self._network, self._machine)
        self._lookup_places = asyncio.Semaphore(max(1, lookups))
        self._resolver = self._own_resolver()
        loop = asyncio.get_event_loop()
        deadline = loop.call_later(self.plan.limits.deadline, self.stop)
        lag = loop.create_task(self._watch_lag())
        try:
            diagnosis = await (self._until_stopped() if limits is not None else self._diagnose())
        finally:
            deadline.cancel()
            lag.cancel()
            self._network.close()
        self._machine.loop(max(self._lag, self._network.loop_lag))
        run = Run(
            id=content_id("r-", self.plan.name, self._vantage.host, started, self._share.index),
            started=started,
            duration_s=round(time.monotonic() - start, 3),
            linkdoctor=__version__,
            plan=self.plan,
            partial=self._stopped,
            share=self._share,
            phases=tuple(self._phases),
        )
        return conclude(run, self._vantage, self._notes.observations, diagnosis)

    def _own_resolver(self) -> Optional[dns.Own]:
        if self.plan.name_servers:
            return None
        return dns.OwnResolver() if self._vantage.capabilities["threads"] else dns.HostsFile.read()

    def stop(self) -> None:
        """End now, with what there is: nothing more is opened, what is under way is given back."""
        self._stopped = True
        self._budget.close()
        if self._work is not None:
            self._work.cancel()

    async def _until_stopped(self) -> Diagnosis:
        """Investigate, in a task of its own that ``stop`` can end without ending the run."""
        self._work = work = asyncio.ensure_future(self._investigate())
        try:
            await asyncio.wait([work])
        except BaseException:  # whoever cancels the run itself
            work.cancel()
            await asyncio.wait([work])
            raise
        return await self._diagnose() if work.cancelled() else work.result()

    async def _investigate(self) -> Diagnosis:
        """Everything once, then what the rules ask for, until nothing more would help."""
        config = self._config or resolv_conf.ResolverConfig()
        ground = experiments.Ground(
            self.plan, self._network, self._notes, self._machine, self._look, config, self._resolve, self._proxy_for
        )
        with self._phase("look"):
            await together([self._look_at_everything(), experiments.look_beside(ground)])
            if self.plan.inventory is not None:
                from probes import inventory  # noqa: PLC0415 - start-up: few plans have one

                inventory.observe(self.plan, self._vantage, self._notes)
        diagnosis = await self._again(await self._experiment(ground), ground)
        measured = [target for target in self._asked if self._holds(target, diagnosis)]
        sweeps = self._sweeps and not self._share.index
        subnets = [network for network in self.plan.networks if sweeps and swept_by_check(network)]
        if measured:
            from agent.experiments import saturation  # noqa: PLC0415 - start-up: few plans ask for it

            with self._phase("saturation"):
                for target in measured:
                    await saturation.measure(target, ground, self._hold or saturation.hold_here)
        if subnets:
            from agent.experiments import sweep  # noqa: PLC0415 - as above

            # Last: routers send so many ICMP errors a second, and traces live on them.
            with self._phase("subnet"):
                await sweep.networks(subnets, ground, self._budget.concurrency, self._end)
        return await self._diagnose() if measured or subnets else diagnosis

    async def _experiment(self, ground: experiments.Ground) -> Diagnosis:
        """What the rules ask for, until nothing more would help."""
        asked: Set[Want] = set()
        for _ in range(_ROUNDS):
            diagnosis = await self._diagnose()
            wanted = [want for want in diagnosis.wanted if want not in asked and want.target not in self._skip]
            if not wanted:
                return diagnosis
            wanted = experiments.quickest(wanted)
            asked.update(wanted)
            with self._phase("experiments"):
                for at_once in experiments.in_turn(wanted):
                    await together(experiments.make(want, ground) for want in at_once)
        return await self._diagnose()

    async def _again(self, diagnosis: Diagnosis, ground: experiments.Ground) -> Diagnosis:
        """Whether what failed at first, and was not tried since, still does."""
        wanted = [want for want in diagnosis.wanted_last if want.target not in self._skip]
        if not wanted:
            return diagnosis
        with self._phase("again"):
            await together(experiments.make(want, ground) for want in wanted)
        return await self._diagnose()

    def _holds(self, target: Target, diagnosis: Diagnosis) -> bool:
        """Whether it is measured how many connections the way to it holds: asked for, it works, and by one instance."""
        if not self._saturate or target.saturate is None or self._share.index or self._proxy_for(target) is not None:
            return False
        return any(one.name == target.name and one.verdict in (HEALTHY, DEGRADED) for one in diagnosis.targets)

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Keep how long this part of the run takes, for what it waited longest, and what the kernel counted."""
        start, known = time.monotonic(), len(self._notes.observations)
        try:
            yield
        finally:
            seen = self._notes.observations[known:]
            longest = max(seen, key=lambda one: one.duration_s).id if seen else None
            self._phases.append(Phase(name=name, duration_s=round(time.monotonic() - start, 3), longest=longest))
            self._machine.counted(self._network.syns)

    async def _diagnose(self) -> Diagnosis:
        seen = tuple(self._notes.observations)
        if self._aside is None:
            return diagnose(self.plan, self._vantage, seen)
        return await self._aside(lambda: diagnose(self.plan, self._vantage, seen))

    # -- the first pass

    async def _look_at_everything(self) -> None:
        """Literal addresses at once; names as soon as an address is known, and again when a server names another."""
        lookups: Dict[str, dns.Lookup] = {}
        waiting: Dict[str, List[_Targeted]] = {}
        queue: asyncio.Queue[Optional[_Targeted]] = asyncio.Queue()
        for target in self._asked:
            proxy = self._proxy_for(target)
            host = target.host if proxy is None else proxy.host
            look = _Targeted(target, proxy, (host,))
            if is_literal(host):
                queue.put_nowait(look)
            else:
                lookups.setdefault(host, dns.Lookup.of(host))
                waiting.setdefault(host, []).append(look)
        workers = min(self._budget.concurrency, len(self._asked))

        async def feed() -> None:
            await together(self._look_up(lookup, waiting[host], queue) for host, lookup in lookups.items())
            for _ in range(workers):
                queue.put_nowait(None)

        await together([feed()] + [self._work_off(queue) for _ in range(workers)])

    async def _look_up(
        self, lookup: dns.Lookup, looks: List["_Targeted"], queue: "asyncio.Queue[Optional[_Targeted]]"
    ) -> None:
        async with self._lookup_places:
            config = self._config or resolv_conf.ResolverConfig()
            timeout = self.plan.limits.connect_timeout
            asking = asyncio.ensure_future(
                dns.probe(lookup, config, self._network, self._notes, timeout, self._resolver)
            )
            try:
                await lookup.found.wait()
                first = self._usable(lookup.addresses, complete=False)
                if first:
                    for look in looks:
                        queue.put_nowait(evolve(look, addresses=first))
                await asking
            finally:
                asking.cancel()
            late = tuple(one for one in self._usable(lookup.addresses, complete=True) if one not in first)
            for look in looks:
                # A proxy is used at its first address; a look without any address ends here.
                if not first or (late and look.proxy is None):
                    queue.put_nowait(evolve(look, addresses=late))

    def _usable(self, addresses: Sequence[str], *, complete: bool) -> Tuple[str, ...]:
        """The addresses that the job would try: IPv6 without a way for it only where the name has nothing else."""
        if self._machine.has_ipv6:
            return tuple(addresses)
        ipv4 = tuple(address for address in addresses if ":" not in address)
        return ipv4 if ipv4 or not complete else tuple(addresses)

    async def _work_off(self, queue: "asyncio.Queue[Optional[_Targeted]]") -> None:
        while True:
            look = await queue.get()
            if look is None:
                return
            waits = self._network.waits
            if look.proxy is None:
                for address in look.addresses:
                    await self._look.at(look.target, address, self._notes)
            elif look.addresses:
                await self._look.through(look.target, look.proxy, look.addresses[0], self._notes)
            if self._network.waits == waits:
                # What ends at once, without a wait, would keep everybody else waiting.
                await asyncio.sleep(0)
            self._seen.add(look.target.name)
            if self._progress is not None:
                self._progress(len(self._seen), len(self._asked))

    def _proxy_for(self, target: Target) -> Optional[Proxy]:
        return proxy_for(target, self._environment)

    async def _resolve(self, host: str) -> Tuple[str, ...]:
        """The addresses of a host that the first pass had no need of."""
        if is_literal(host):
            return (host,)
        lookup = dns.Lookup.of(host)
        await self._look_up(lookup, [], asyncio.Queue())
        return tuple(lookup.addresses)

    async def _watch_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_LAG_INTERVAL)
            self._lag = max(self._lag, time.monotonic() - before - _LAG_INTERVAL)


@frozen
class _Targeted:
    """A target, the proxy to it, and the addresses (the proxy's, where there is one) that are to be looked at."""

    target: Target
    proxy: Optional[Proxy]
    addresses: Tuple[str, ...]


def _spare_descriptors(lookups: int) -> Optional[int]:
    """How many descriptors are left for connections; None where the limit is not known."""
    limit = local.descriptor_limit()
    if limit is None:
        return None
    used = local.descriptors_used()
    return limit - (RESERVED_DESCRIPTORS if used is None else used) - lookups * _SOCKETS_PER_LOOKUP


def load_all() -> None:
    """Load what a run may come to need: no module can be read any more where all descriptors are taken."""
    experiments.load()
    every()


def run_here(runner: Runner) -> Report:
    """Run it to its end in an event loop of its own, which leaves nothing behind."""
    return work_off(runner.run())


def work_off(work: Awaitable[T]) -> T:
    """Do it in an event loop of its own, which leaves nothing behind."""
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(work)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
